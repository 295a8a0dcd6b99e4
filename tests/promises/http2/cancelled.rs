//! Requests that nobody waits for any more: their streams are reset, and nothing else.

use testbed::http2::{Act, Http2Server};

use super::*;
use crate::support::is_alone;

const CANCEL: u32 = 8;

/// Waits until the server has seen so many resets: they are written by the connection's own task.
async fn resets(server: &RunningHttp2, count: usize) -> Vec<u32> {
    for _ in 0..400 {
        if server.resets().len() >= count {
            break;
        }
        tokio::time::sleep(millis(5)).await;
    }
    server.resets()
}

/// No answer, a head alone, half a body.
fn kept_waiting() -> [Vec<Act>; 3] {
    [Act::never(), vec![Act::Head], vec![Act::Head, Act::Data("half".into())]]
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_reset_and_counted_as_a_timeout() {
    for script in kept_waiting() {
        let began = !script.is_empty();
        let server = Http2Server::new([script, Act::answer("fine")]).start().await.unwrap();
        let report = once(&server, http2(), async |vu| {
            let late = vu.get("/late").timeout(millis(100)).send().await.unwrap_err();
            assert_eq!(late.kind(), loadcore::http::ErrorKind::Timeout);
            vu.sleep(millis(20)).await;
            assert_eq!(vu.get("/").send().await?.text()?, "fine");
            Ok(())
        })
        .await;
        assert!(report.errors().is_empty(), "{:?}", report.errors());
        only_failed(&report, "request timeout", "1050", 1);
        assert_eq!(resets(&server, 1).await, [CANCEL]);
        let of = |metric: Trend<loadcore::metric::Time>| {
            report.value(metric.tag("error", "request timeout").max())
        };
        let spent = if began { of(HTTP_REQ_RECEIVING) } else { of(HTTP_REQ_WAITING) };
        assert!((90.0..250.0).contains(&spent), "{spent} in {report}");
        assert!(of(HTTP_REQ_DURATION) >= 95.0, "{report}");
    }
}

#[tokio::test]
async fn a_server_that_was_silent_all_the_while_is_connected_to_anew() {
    let server =
        Http2Server::new([Act::answer("fine"), Act::never(), Act::answer("fine")]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        assert!(vu.get("/1").send().await.is_ok());
        assert!(vu.get("/2").timeout(millis(60)).send().await.is_err());
        assert!(vu.get("/3").send().await.is_ok());
        Ok(())
    })
    .await;
    only_failed(&report, "request timeout", "1050", 1);
    assert_eq!(server.connections(), 2);

    // But not while others are being answered.
    let busy =
        [Act::never(), [vec![Act::Wait(millis(30))], Act::answer("fine")].concat(), Act::answer("fine")];
    let server = Http2Server::new(busy).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        let late = vu.get("/late").timeout(millis(60)).send();
        let (late, fine) = tokio::join!(late, vu.get("/fine").send());
        assert!(late.is_err() && fine.is_ok());
        assert!(vu.get("/more").send().await.is_ok());
        Ok(())
    })
    .await;
    only_failed(&report, "request timeout", "1050", 1);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_dropped_request_is_reset_and_counted_as_cancelled_while_others_go_on() {
    for script in kept_waiting() {
        let slow = [vec![Act::Wait(millis(80))], Act::answer("fine")].concat();
        let server = Http2Server::new([script, slow]).start().await.unwrap();
        let report = once(&server, http2(), async |vu| {
            let dropped = async {
                let sending = vu.get("/dropped").send();
                assert!(tokio::time::timeout(millis(40), sending).await.is_err());
            };
            let ((), fine) = tokio::join!(dropped, vu.get("/fine").send());
            assert_eq!(fine?.text()?, "fine");
            assert_eq!(vu.get("/next").send().await?.text()?, "fine");
            Ok(())
        })
        .await;
        assert!(report.errors().is_empty(), "{:?}", report.errors());
        only_failed(&report, "cancelled", "1000", 1);
        assert_eq!(resets(&server, 1).await, [CANCEL]);
        assert_eq!((server.requests(), server.connections()), (3, 1));
        assert_eq!((report.count(HTTP_REQS), report.count(HTTP_REQ_ABANDONED)), (3.0, 0.0), "{report}");
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_before_its_turn_was_never_sent() {
    let slow = [vec![Act::Wait(millis(80))], Act::answer("fine")].concat();
    let server = Http2Server::new([slow]).start().await.unwrap();
    let report = once(&server, http2().http2(Http2::new().max_streams(1)), async |vu| {
        let dropped = async {
            let sending = vu.get("/dropped").send();
            assert!(tokio::time::timeout(millis(20), sending).await.is_err());
        };
        let (fine, (), next) = tokio::join!(vu.get("/fine").send(), dropped, vu.get("/next").send());
        assert!(fine.is_ok() && next.is_ok());
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.requests(), server.resets()), (2, Vec::new()));
    assert_eq!((report.count(HTTP_REQS), report.count(HTTP_REQ_ABANDONED)), (2.0, 1.0), "{report}");
}

#[tokio::test]
async fn an_upload_that_the_server_does_not_take_ends_with_its_time() {
    let server =
        Http2Server::new([Act::never(), Act::answer("fine")]).takes_no_uploads().start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        assert!(vu.post("/").body(vec![1; 300_000]).timeout(millis(150)).send().await.is_err());
        assert_eq!(vu.get("/").send().await?.text()?, "fine");
        Ok(())
    })
    .await;
    only_failed(&report, "request timeout", "1050", 1);
    assert_eq!(resets(&server, 1).await, [CANCEL]);
    assert!(server.body_bytes() <= 65_535, "{}", server.body_bytes());
    let sending = report.value(HTTP_REQ_SENDING.tag("error", "request timeout").max());
    assert!(sending >= 140.0, "all its time was spent sending: {report}");
}

#[tokio::test]
async fn a_thousand_cancelled_requests_leave_nothing_behind() {
    if !is_alone("http2::cancelled::a_thousand_cancelled_requests_leave_nothing_behind") {
        return;
    }
    // Every tenth is answered, with its own number, among those that are not.
    let server = Http2Server::new([Act::never()]).start().await.unwrap();
    let open_before = descriptors();
    let report = run(server.url(), http2(), shared_iterations(100).vus(4), async |vu| {
        let sending = joined(vu, 10, |i| format!("/{i}"));
        assert!(tokio::time::timeout(millis(15), sending).await.is_err());
        Ok(())
    });
    let report = report.await;
    only_failed(&report, "cancelled", "1000", 1000);
    assert_eq!(server.requests(), 1000);
    assert_eq!(server.connections(), 4, "they stay for the requests that come");
    assert_eq!(resets(&server, 960).await.iter().filter(|code| **code != CANCEL).count(), 0);
    for _ in 0..200 {
        if descriptors() <= open_before && server.open_connections() == 0 {
            break;
        }
        tokio::time::sleep(millis(10)).await;
    }
    assert_eq!((descriptors(), server.open_connections()), (open_before, 0));
}

#[tokio::test]
async fn answers_that_come_too_late_cost_no_connection() {
    let late = [vec![Act::Wait(millis(40))], Act::answer("late")].concat();
    let server = Http2Server::new([late]).start().await.unwrap();
    let report = run(server.url(), http2(), shared_iterations(9), async |vu| {
        let sending = joined(vu, 100, |i| format!("/{i}"));
        assert!(tokio::time::timeout(millis(20), sending).await.is_err());
        vu.sleep(millis(40)).await;
        Ok(())
    });
    let report = report.await;
    // Where the machine is slow, some were dropped before they were sent.
    let cancelled = report.count(HTTP_REQS);
    only_failed(&report, "cancelled", "1000", cancelled as u64);
    assert!(cancelled > 700.0, "{report}");
    assert_eq!(server.connections(), 1);
    assert_eq!(server.resets().iter().filter(|code| **code != CANCEL).count(), 0, "none is reset twice");
}
