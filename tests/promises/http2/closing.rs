//! Connections end when nobody needs them.

use testbed::http2::{Act, Http2Server};

use super::*;

async fn all_closed(server: &RunningHttp2) {
    for _ in 0..200 {
        if server.open_connections() == 0 {
            return;
        }
        tokio::time::sleep(millis(5)).await;
    }
    panic!("{} of {} connections are still open", server.open_connections(), server.connections());
}

#[tokio::test]
async fn connections_that_are_not_needed_any_more_say_goodbye() {
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let http = http2().no_vu_connection_reuse(true);
    let report = run(server.url(), http, shared_iterations(10), async |vu| {
        assert!(vu.get("/").send().await.is_ok());
        vu.sleep(millis(5)).await;
        Ok(())
    });
    sound(&report.await);
    all_closed(&server).await;
    assert_eq!(server.connections(), 10);
    // The last one may end with the run.
    assert!(server.goaways() >= 9, "{}", server.goaways());
}

#[tokio::test]
async fn the_end_of_a_run_closes_every_connection_even_with_requests_under_way() {
    let server = Http2Server::new([Act::never()]).start().await.unwrap();
    let report =
        run(server.url(), http2(), constant_vus(5, millis(300)).graceful_stop(millis(0)), async |vu| {
            joined(vu, 4, |i| format!("/{i}")).await;
            Ok(())
        });
    let report = report.await;
    only_failed(&report, "cancelled", "1000", 20);
    assert_eq!((server.requests(), server.connections()), (20, 5));
    all_closed(&server).await;
}

#[tokio::test]
async fn a_connection_gets_old_if_the_test_wants_it() {
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let report =
        run(server.url(), http2().max_connection_age(millis(50)), shared_iterations(4), async |vu| {
            assert!(vu.get("/").send().await.is_ok());
            assert!(vu.get("/").send().await.is_ok());
            vu.sleep(millis(60)).await;
            Ok(())
        });
    sound(&report.await);
    assert_eq!((server.requests(), server.connections()), (8, 4));

    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let report = run(server.url(), http2().idle_timeout(millis(50)), shared_iterations(4), async |vu| {
        for _ in 0..3 {
            assert!(vu.get("/").send().await.is_ok());
            vu.sleep(millis(if vu.iteration() % 2 == 0 { 70 } else { 1 })).await;
        }
        Ok(())
    });
    sound(&report.await);
    // A new one after each of the six long pauses but the last, which nothing follows; and the first.
    assert_eq!((server.requests(), server.connections()), (12, 7));
}
