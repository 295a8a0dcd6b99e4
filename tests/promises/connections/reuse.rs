//! How long a connection is used again.

use super::door::{Door, run, sound};
use loadcore::http::Http;
use loadcore::prelude::*;
use testbed::Misbehaving;
use testbed::misbehaving::answers;

async fn two(vu: &Vu) -> Result {
    vu.get("/a").send().await?;
    vu.get("/b").send().await?;
    Ok(())
}

#[tokio::test]
async fn a_vu_keeps_its_connection_over_all_iterations() {
    let door = Door::open("127.0.0.1").await;
    sound(&run(door.url(), Http::new(), 3, two).await);
    let guests = door.guests();
    assert_eq!(guests.len(), 1);
    assert_eq!(guests[0].targets(), ["/a", "/b", "/a", "/b", "/a", "/b"]);
    assert_eq!(guests[0].requests[0].header("connection"), None);
}

#[tokio::test]
async fn without_reuse_each_request_has_a_connection_and_tells_the_server_so() {
    let door = Door::open("127.0.0.1").await;
    sound(&run(door.url(), Http::new().no_connection_reuse(true), 3, two).await);
    let guests = door.guests();
    assert_eq!(guests.len(), 6);
    for guest in guests {
        assert_eq!(guest.requests.len(), 1);
        assert_eq!(guest.requests[0].header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn a_vu_that_keeps_nothing_closes_its_connections_when_the_iteration_ends() {
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().no_vu_connection_reuse(true);
    let journey =
        Scenario::new("guest", two).executor(per_vu_iterations(3).vus(1).min_iteration_duration(millis(300)));
    let report = LoadTest::new().base_url(door.url()).http(http).scenario(journey).run().await.unwrap();
    sound(&report);
    let guests = door.guests();
    assert_eq!(guests.len(), 3);
    for guest in &guests {
        assert_eq!(guest.targets(), ["/a", "/b"]);
        assert_eq!(guest.requests[0].header("connection"), None);
    }
    for pair in guests.windows(2) {
        let pause = pair[1].came - pair[0].left.unwrap();
        assert!(pause > millis(150), "closed only {pause:?} before the next iteration");
    }
}

#[tokio::test]
async fn an_iteration_that_is_cut_or_fails_closes_its_connections_too() {
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().no_vu_connection_reuse(true);
    let journey = Scenario::new("guest", async |vu: &Vu| {
        vu.get("/a").send().await?;
        if vu.iteration() == 0 {
            return Err("given up".into());
        }
        vu.sleep(secs(5)).await;
        Ok(())
    });
    let executor =
        per_vu_iterations(3).vus(1).iteration_timeout(millis(50)).min_iteration_duration(millis(200));
    let test = LoadTest::new().base_url(door.url()).http(http).scenario(journey.executor(executor));
    let report = test.run().await.unwrap();
    assert_eq!(report.errors().iter().map(|error| error.count).sum::<u64>(), 3);
    let guests = door.guests();
    assert_eq!(guests.len(), 3);
    for pair in guests.windows(2) {
        let pause = pair[1].came - pair[0].left.unwrap();
        assert!(pause > millis(70), "closed only {pause:?} before the next iteration");
    }
}

#[tokio::test]
async fn an_old_connection_is_not_used_again() {
    let door = Door::open("127.0.0.1").await;
    let report = run(door.url(), Http::new().max_connection_age(millis(800)), 1, async |vu: &Vu| {
        two(vu).await?;
        vu.sleep(millis(500)).await;
        vu.get("/young").send().await?;
        vu.sleep(millis(500)).await;
        vu.get("/new").send().await?;
        Ok(())
    });
    sound(&report.await);
    let guests = door.guests();
    let targets: Vec<_> = guests.iter().map(|guest| guest.targets()).collect();
    assert_eq!(targets, [vec!["/a", "/b", "/young"], vec!["/new"]]);
}

#[tokio::test]
async fn a_connection_is_idle_for_so_long_and_no_longer() {
    let door = Door::open("127.0.0.1").await;
    let report = run(door.url(), Http::new().idle_timeout(millis(800)), 1, async |vu: &Vu| {
        for name in ["/a", "/b", "/c"] {
            vu.get(name).send().await?;
            vu.sleep(millis(450)).await;
        }
        vu.sleep(millis(450)).await;
        vu.get("/late").send().await?;
        Ok(())
    });
    sound(&report.await);
    let guests = door.guests();
    let targets: Vec<_> = guests.iter().map(|guest| guest.targets()).collect();
    assert_eq!(targets, [vec!["/a", "/b", "/c"], vec!["/late"]]);
}

#[tokio::test]
async fn a_header_that_closes_the_connection_does_so_whatever_the_server_says() {
    let none: &[&str] = &[];
    for (of_test, own, connections) in [
        (none, none, 1),
        (none, &["close"][..], 4),
        (none, &["Close"], 4),
        (none, &["keep-alive, Close"], 4),
        (none, &["x-hop ,close\t, y"], 4),
        (none, &["keep-alive", "close"], 4),
        (none, &["keep-alive"], 1),
        (none, &["closed, not-close"], 1),
        (&["close"], none, 4),
        (&["keep-alive,CLOSE"], none, 4),
        (&["keep-alive", "close"], none, 4),
        (&["keep-alive"], none, 1),
        // A request's own replaces it.
        (&["close"], &["keep-alive"], 1),
        (&["keep-alive"], &["close"], 4),
    ] {
        // It says nothing of closing, and does not close.
        let server = Misbehaving::start([answers()]).await.unwrap();
        let journey = Scenario::new("guest", async move |vu: &Vu| {
            let get = || own.iter().fold(vu.get("/"), |request, value| request.header("connection", *value));
            get().send().await?;
            get().discard_body(true).send().await?;
            let mut response = get().send_streaming().await?;
            while response.chunk().await?.is_some() {}
            get().send().await?;
            Ok(())
        });
        let test = LoadTest::new().base_url(server.url()).scenario(journey.executor(shared_iterations(1)));
        let test = of_test.iter().fold(test, |test, value| test.header("connection", *value));
        sound(&test.run().await.unwrap());
        let case = format!("{of_test:?} {own:?}");
        assert_eq!((server.connections(), server.requests()), (connections, 4), "{case}");
        for request in server.received() {
            let came = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("connection"));
            let came: Vec<_> = came.map(|(_, value)| value.as_str()).collect();
            assert_eq!(came, if own.is_empty() { of_test } else { own }, "{case}");
        }
    }
}
