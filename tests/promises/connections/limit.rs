//! How many connections a VU has to one host.

use super::door::{Door, run, sound};
use crate::support::quiet;
use loadcore::http::{ErrorKind, HTTP_REQ_BLOCKED, Http, Response, SendError};
use loadcore::prelude::*;
use std::pin::Pin;
use std::time::Duration;

/// Polls all at once, in their order.
async fn join<T: 'static>(futures: Vec<Pin<Box<dyn Future<Output = T>>>>) -> Vec<T> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::task::spawn_local).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

type Sent = Result<Response, SendError>;

fn fifty(vu: &Vu, path: &str) -> Vec<Pin<Box<dyn Future<Output = Sent>>>> {
    let send = |n| -> Pin<Box<dyn Future<Output = Sent>>> { Box::pin(vu.get(format!("{path}/{n}")).send()) };
    (0..50).map(send).collect()
}

#[tokio::test]
async fn fifty_joined_requests_share_six_connections() {
    let _quiet = quiet().await;
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().max_connections_per_host(6);
    let report = run(door.url(), http, 2, async |vu: &Vu| {
        for (n, response) in join(fifty(vu, "/wait/30")).await.into_iter().enumerate() {
            let response = response?;
            assert_eq!(response.text()?, format!("/wait/30/{n}"));
            // Six are served at a time, in the order they came.
            let before = millis(30) * (n as u32 / 6);
            assert!(response.timings().blocked >= before.mul_f64(0.9), "{n}: {:?}", response.timings());
        }
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!((door.guests().len(), door.most_at_once(), door.requests().len()), (6, 6, 100));
    assert!(report.value(HTTP_REQ_BLOCKED.max()) >= 240.0 * 0.9);
}

#[tokio::test]
async fn without_a_limit_each_joined_request_has_a_connection() {
    let door = Door::open("127.0.0.1").await;
    let report = run(door.url(), Http::new(), 1, async |vu: &Vu| {
        join(fifty(vu, "/wait/100")).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(())
    });
    sound(&report.await);
    assert_eq!((door.guests().len(), door.most_at_once()), (50, 50));
}

#[tokio::test]
async fn requests_that_are_given_up_while_they_wait_or_run_take_no_place_with_them() {
    let _quiet = quiet().await;
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().max_connections_per_host(6);
    let report = run(door.url(), http, 3, async |vu: &Vu| {
        let send = |n: usize| -> Pin<Box<dyn Future<Output = Option<Sent>>>> {
            // Of each three one is given up, for it is never answered: of the first six after it was sent, of the others while
            // it waits or when its turn has come.
            let (wait, patience) =
                if n.is_multiple_of(3) { (60_000, millis(40 + n as u32)) } else { (60, secs(10)) };
            let sent = vu.get(format!("/wait/{wait}/{n}")).send();
            Box::pin(async move { tokio::time::timeout(patience, sent).await.ok() })
        };
        for (n, sent) in join((0..50).map(send).collect()).await.into_iter().enumerate() {
            match sent {
                Some(response) => assert_eq!(response?.text()?, format!("/wait/60/{n}")),
                None => assert_eq!(n % 3, 0),
            }
        }
        // All places are there again.
        for response in join(fifty(vu, "/wait/20")).await {
            assert_eq!(response?.status(), 200);
        }
        Ok(())
    });
    sound(&report.await);
    assert_eq!(door.most_at_once(), 6);
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().max_connections_per_host(1);
    let report = run(door.url(), http, 1, async |vu: &Vu| {
        join(fifty(vu, "")).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(())
    });
    sound(&report.await);
    let guests = door.guests();
    let expected: Vec<String> = (0..50).map(|n| format!("/{n}")).collect();
    assert_eq!(guests.len(), 1);
    assert_eq!(guests[0].targets(), expected);
}

#[tokio::test]
async fn a_request_that_waits_longer_than_its_timeout_ends_as_one_and_the_place_is_not_lost() {
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().max_connections_per_host(1);
    let report = run(door.url(), http, 1, async |vu: &Vu| {
        let (slow, late) =
            tokio::join!(vu.get("/wait/300").send(), vu.get("/late").timeout(millis(100)).send(),);
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
        slow?;
        vu.get("/next").send().await?;
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!(crate::support::only_failed_series(&report).tag("error_code"), Some("1050"));
    let guests = door.guests();
    assert_eq!(guests.len(), 1);
    assert_eq!(guests[0].targets(), ["/wait/300", "/next"]);
}

#[tokio::test]
async fn a_response_that_is_not_read_to_its_end_keeps_its_connection_until_then() {
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().max_connections_per_host(1);
    let report = run(door.url(), http, 1, async |vu: &Vu| {
        let mut streamed = vu.get("/streamed").send_streaming().await?;
        let waiting = vu.get("/meanwhile").timeout(millis(100)).send().await;
        assert_eq!(waiting.unwrap_err().kind(), ErrorKind::Timeout);
        while streamed.chunk().await?.is_some() {}
        vu.get("/read").send().await?;
        // One that is given up closes its connection, and makes room.
        drop(vu.get("/dropped").send_streaming().await?);
        vu.get("/after").send().await?;
        Ok(())
    });
    sound(&report.await);
    let guests = door.guests();
    let targets: Vec<_> = guests.iter().map(|guest| guest.targets()).collect();
    assert_eq!(targets, [vec!["/streamed", "/read", "/dropped"], vec!["/after"]]);
}

#[tokio::test]
async fn each_host_and_each_vu_has_places_of_its_own() {
    let (shop, cdn) = (Door::open("127.0.0.1").await, Door::open("127.0.0.1").await);
    let other = cdn.url();
    let journey = Scenario::new("guest", async move |vu: &Vu| {
        let (a, b, c) = tokio::join!(
            vu.get("/wait/100").send(),
            vu.get("/wait/100").send(),
            vu.get(format!("{other}/wait/150")).send(),
        );
        a?;
        b?;
        c?;
        Ok(())
    });
    let http = Http::new().max_connections_per_host(1);
    let executor = per_vu_iterations(1).vus(2);
    let test = LoadTest::new().base_url(shop.url()).http(http).scenario(journey.executor(executor));
    sound(&test.run().await.unwrap());
    for door in [shop, cdn] {
        assert_eq!((door.guests().len(), door.most_at_once()), (2, 2));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_its_place_to_the_next() {
    let server = testbed::Misbehaving::start([testbed::misbehaving::hangs_up_at_once()]).await.unwrap();
    let http = Http::new().max_connections_per_host(2);
    let report = run(server.url(), http, 1, async |vu: &Vu| {
        for sent in join(fifty(vu, "")).await {
            assert!(sent.is_err());
        }
        Ok(())
    });
    let report = tokio::time::timeout(Duration::from_secs(30), report).await.expect("no place is lost");
    assert_eq!(failure_count(&report), 50.0);
    assert_eq!(server.connections(), 50);
}

fn failure_count(report: &Report) -> f64 {
    report.count(loadcore::http::HTTP_REQS) * report.rate(loadcore::http::HTTP_REQ_FAILED)
}
