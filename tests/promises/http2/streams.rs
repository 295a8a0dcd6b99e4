//! Bodies that are made while they are sent, some of them by other requests on the same connection.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use testbed::http2::{Act, Http2Server};

use super::*;

#[tokio::test]
async fn a_response_may_be_the_body_of_a_request_on_the_same_connection() {
    let piece = || Act::Data(vec![5; 10_000].into());
    let download =
        [vec![Act::Head], (0..20).map(|_| piece()).collect(), vec![Act::Last("end".into())]].concat();
    let late = [vec![Act::Wait(millis(300))], Act::answer("taken")].concat();
    let server = Http2Server::new([download, late]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        let download = vu.get("/down").send_streaming().await?;
        let pieces = stream::unfold(download, async |mut download| {
            let piece = download.chunk().await.transpose()?;
            Some((piece, download))
        });
        assert_eq!(vu.post("/up").body_stream(Box::pin(pieces)).send().await?.text()?, "taken");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (2, 1));
    assert_eq!(server.body_bytes(), 20 * 10_000 + "end".len());
}

#[tokio::test]
async fn a_body_may_send_requests_of_its_own_on_the_same_connection() {
    let late = [vec![Act::Wait(millis(100))], Act::answer("taken")].concat();
    let server = Http2Server::new([late, Act::answer("piece")]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        let asking = vu.clone();
        let pieces = stream::unfold(0, move |sent| {
            let asking = asking.clone();
            async move {
                let piece =
                    async { Ok::<_, SendError>(Bytes::clone(asking.get("/piece").send().await?.bytes())) };
                if sent < 5 { Some((piece.await, sent + 1)) } else { None }
            }
        });
        assert_eq!(vu.post("/up").body_stream(Box::pin(pieces)).send().await?.text()?, "taken");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (6, 1));
    assert_eq!(server.body_bytes(), 5 * "piece".len());
}

#[tokio::test]
async fn a_body_that_panics_fails_its_request_and_no_other() {
    let server = Http2Server::new([Act::never(), Act::answer("fine")]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        let pieces = stream::iter(0..3).map(|i| {
            assert!(i < 2, "no piece {i}");
            Ok::<_, Infallible>("piece")
        });
        let (broken, fine) = tokio::join!(vu.post("/").body_stream(pieces).send(), async {
            vu.sleep(millis(20)).await;
            vu.get("/").send().await
        });
        let broken = broken.unwrap_err();
        assert_eq!(broken.kind(), loadcore::http::ErrorKind::RequestBody);
        assert!(broken.to_string().contains("it panicked at tests/promises/http2/streams.rs:"), "{broken}");
        assert!(broken.to_string().ends_with(": no piece 2"), "{broken}");
        assert_eq!(fine?.text()?, "fine");
        Ok(())
    })
    .await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    only_failed(&report, "request body failed", "1000", 1);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_without_end_stops_with_its_request() {
    // One is answered early, the other one is given up.
    let server =
        Http2Server::new([Act::answer("enough"), Act::never(), Act::answer("fine")]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        let endless = || stream::iter([Ok::<_, Infallible>("piece")]).chain(stream::pending());
        assert_eq!(vu.post("/").body_stream(endless()).send().await?.text()?, "enough");
        assert!(vu.post("/").body_stream(endless()).timeout(millis(50)).send().await.is_err());
        assert_eq!(vu.get("/").send().await?.text()?, "fine");
        vu.sleep(millis(50)).await;
        Ok(())
    })
    .await;
    only_failed(&report, "request timeout", "1050", 1);
    assert_eq!(server.resets(), [8, 8]);
}
