//! Who sends on which connection, and who waits.

use std::time::Instant;

use testbed::http2::{Act, Http2Server};
use testbed::refused_url;
use tokio::net::TcpListener;

use super::*;

fn slow(body: &'static str) -> Vec<Act> {
    [vec![Act::Wait(millis(50))], Act::answer(body)].concat()
}

#[tokio::test]
async fn above_the_limit_requests_wait_for_their_turn_on_the_same_connection() {
    let server = Http2Server::new([slow("x")]).max_streams(1).start().await.unwrap();
    // Without the optimism of the first moment nothing is refused.
    let http = http2().http2(Http2::new().initial_streams(1));
    let began = Instant::now();
    let report = once(&server, http, async |vu| {
        for answer in joined(vu, 5, |i| format!("/{i}")).await {
            assert_eq!(answer?.text()?, "x");
        }
        Ok(())
    })
    .await;
    assert!(began.elapsed() >= millis(250));
    sound(&report);
    assert_eq!((server.requests(), server.refused(), server.most_streams()), (5, 0, 1));
    assert_eq!((server.connections(), report.count(HTTP_REQ_RETRIES)), (1, 0.0));
    // The wait is in `blocked`, and in no duration: the last one waited for four others.
    assert!(report.value(HTTP_REQ_BLOCKED.max()) >= 195.0, "{report}");
    assert!(report.value(HTTP_REQ_DURATION.max()) < 150.0, "{report}");
}

#[tokio::test]
async fn what_is_refused_before_the_limit_is_known_is_sent_again() {
    let server = Http2Server::new([slow("x")]).max_streams(2).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        for answer in joined(vu, 6, |i| format!("/{i}")).await {
            assert_eq!(answer?.text()?, "x");
        }
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.requests(), server.most_streams(), server.connections()), (6, 2, 1));
    assert_eq!(report.count(HTTP_REQ_RETRIES), server.refused() as f64);
    assert_eq!(report.count(HTTP_REQS), 6.0);
}

#[tokio::test]
async fn a_test_may_want_fewer_streams_and_more_connections() {
    let server = Http2Server::new([slow("x")]).start().await.unwrap();
    let http = http2().http2(Http2::new().max_streams(2).connections(3));
    let report = once(&server, http, async |vu| {
        for answer in joined(vu, 10, |i| format!("/{i}")).await {
            assert_eq!(answer?.text()?, "x");
        }
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.requests(), server.connections(), server.most_streams()), (10, 3, 2));
}

#[tokio::test]
async fn each_iteration_has_a_connection_of_its_own_if_the_test_wants_it() {
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let http = http2().no_vu_connection_reuse(true);
    let report = run(server.url(), http, shared_iterations(4), async |vu| {
        for answer in joined(vu, 3, |i| format!("/{i}")).await {
            assert_eq!(answer?.text()?, "x");
        }
        Ok(())
    });
    sound(&report.await);
    assert_eq!((server.requests(), server.connections()), (12, 4));
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own_if_the_test_wants_it() {
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let http = http2().no_connection_reuse(true);
    let report = run(server.url(), http, shared_iterations(2), async |vu| {
        for answer in joined(vu, 3, |i| format!("/{i}")).await {
            assert_eq!(answer?.text()?, "x");
        }
        Ok(())
    });
    sound(&report.await);
    assert_eq!((server.requests(), server.connections(), server.most_streams()), (6, 6, 1));
}

#[tokio::test]
async fn a_connection_that_cannot_be_opened_fails_all_that_wait_for_it() {
    let report = run(refused_url(), http2(), shared_iterations(2), async |vu| {
        for answer in joined(vu, 4, |i| format!("/{i}")).await {
            assert_eq!(answer.unwrap_err().kind(), loadcore::http::ErrorKind::ConnectionRefused);
        }
        Ok(())
    });
    let report = report.await;
    only_failed(&report, "connection refused", "1212", 8);
    assert!(report.stats(HTTP_REQ_DURATION, &[]).is_empty(), "{report}");
}

#[tokio::test]
async fn whoever_gives_up_while_connecting_leaves_it_to_the_next() {
    // Nobody shakes hands there.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        let first = silent.accept().await.unwrap();
        let second = tokio::time::timeout(secs(5), silent.accept()).await.expect("the next one tries itself");
        tokio::time::sleep(secs(1)).await;
        drop((first, second));
    });
    let report = run(url, Http::new(), shared_iterations(1), async |vu| {
        let hasty = vu.get("/hasty").timeout(millis(100)).send();
        let patient = vu.get("/patient").timeout(millis(400)).send();
        let (hasty, patient) = tokio::join!(hasty, patient);
        assert!(hasty.is_err() && patient.is_err());
        Ok(())
    });
    let report = report.await;
    only_failed(&report, "request timeout", "1050", 2);
    accepting.await.unwrap();
}
