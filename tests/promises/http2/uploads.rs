//! Bodies that the server does not take, or not to their end.

use loadcore::http::ErrorKind;
use testbed::http2::{Act, Http2Server};

use super::*;

/// More than a server that grants nothing lets a connection send.
const LARGE: usize = 300_000;

/// So that only the last piece has to wait.
const JUST_TOO_LARGE: usize = 70_000;

#[tokio::test]
async fn an_upload_that_is_answered_early_leaves_no_stream_behind() {
    let server =
        Http2Server::new([Act::answer("early")]).takes_no_uploads().max_streams(2).start().await.unwrap();
    let report = run(server.url(), http2(), shared_iterations(20), async |vu| {
        let sending = vu.post("/").body(vec![1; LARGE]).timeout(secs(2)).send();
        assert_eq!(sending.await?.text()?, "early");
        vu.sleep(millis(2)).await;
        Ok(())
    });
    sound(&report.await);
    assert_eq!((server.requests(), server.connections()), (20, 1));
    assert_eq!(server.resets(), [8; 20], "the server is told that nothing more comes");
}

#[tokio::test]
async fn half_an_upload_is_not_sent_again_when_its_connection_ends() {
    for end in [Act::Close, Act::Abort] {
        let cut = vec![Act::Wait(millis(30)), end];
        let scripts = [Act::answer("fine"), cut, Act::answer("fine")];
        let server = Http2Server::new(scripts).takes_no_uploads().start().await.unwrap();
        let report = once(&server, http2(), async |vu| {
            assert!(vu.get("/").send().await.is_ok());
            assert!(vu.post("/").body(vec![1; LARGE]).send().await.is_err());
            assert!(vu.get("/").send().await.is_ok());
            Ok(())
        });
        let report = report.await;
        assert!(report.errors().is_empty(), "{:?}", report.errors());
        assert_eq!((server.requests(), report.count(HTTP_REQ_RETRIES)), (3, 0.0), "{report}");
        assert_eq!(report.count(HTTP_REQS), 3.0, "{report}");
    }
}

#[tokio::test]
async fn half_an_upload_that_is_dropped_was_sent_and_is_cancelled() {
    let server =
        Http2Server::new([Act::never(), Act::answer("fine")]).takes_no_uploads().start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        let sending = vu.post("/").body(vec![1; LARGE]).send();
        assert!(tokio::time::timeout(millis(60), sending).await.is_err());
        assert!(vu.get("/").send().await.is_ok());
        Ok(())
    })
    .await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    only_failed(&report, "cancelled", "1000", 1);
    assert_eq!((report.count(HTTP_REQS), report.count(HTTP_REQ_ABANDONED)), (2.0, 0.0), "{report}");
    assert_eq!(server.resets(), [8]);
}

#[tokio::test]
async fn an_upload_is_sending_until_its_last_piece_has_left() {
    let server = Http2Server::new([Act::never()]).takes_no_uploads().start().await.unwrap();
    let report = once(&server, http2().first_byte_timeout(millis(30)), async |vu| {
        let sending = vu.post("/").body(vec![1; JUST_TOO_LARGE]).timeout(millis(150)).send();
        // Not the time for the first byte: what is not sent yet cannot be answered.
        assert_eq!(sending.await.unwrap_err().kind(), ErrorKind::Timeout);
        Ok(())
    })
    .await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    let sending = report.value(HTTP_REQ_SENDING.tag("error", "request timeout").max());
    assert!(sending >= 140.0, "{sending} in {report}");

    // It has left, and the server has nothing to say.
    let server = Http2Server::new([Act::never()]).start().await.unwrap();
    let report = once(&server, http2().first_byte_timeout(millis(100)), async |vu| {
        let sending = vu.post("/").body(vec![1; JUST_TOO_LARGE]).timeout(secs(10)).send();
        assert_eq!(sending.await.unwrap_err().kind(), ErrorKind::FirstByteTimeout);
        Ok(())
    })
    .await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    let waiting = report.value(HTTP_REQ_WAITING.tag("error", "first byte timeout").max());
    assert!((90.0..1000.0).contains(&waiting), "{waiting} in {report}");
}

#[tokio::test]
async fn a_server_that_reads_nothing_costs_a_request_its_time_and_no_more() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let report = run(url, http2(), shared_iterations(3), async |vu| {
        let began = std::time::Instant::now();
        let sending = vu.post("/").body(vec![1; 20 << 20]).timeout(millis(100)).send();
        assert_eq!(sending.await.unwrap_err().kind(), ErrorKind::Timeout);
        assert!(began.elapsed() < secs(2), "{:?}", began.elapsed());
        Ok(())
    });
    let report = report.await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    only_failed(&report, "request timeout", "1050", 3);
}
