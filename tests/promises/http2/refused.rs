//! Requests that the server says it has not looked at, and connections that it retires.

use testbed::http2::{Act, Http2Server};

use super::*;

/// A request that may not be sent twice.
async fn post(vu: &Vu) -> Result {
    assert_eq!(vu.post("/order").body("one").send().await?.text()?, "fine");
    Ok(())
}

#[tokio::test]
async fn a_refused_request_is_sent_again_whatever_its_method() {
    for (act, connections) in [(Act::Reset(7), 1), (Act::GoAwayBefore(0), 2), (Act::GoAwayBefore(11), 2)] {
        let server = Http2Server::new([vec![act.clone()], Act::answer("fine")]).start().await.unwrap();
        let report = once(&server, http2(), post).await;
        sound(&report);
        assert_eq!((server.requests(), server.connections()), (2, connections), "{act:?}");
        assert_eq!((report.count(HTTP_REQS), report.count(HTTP_REQ_RETRIES)), (1.0, 1.0), "{act:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_again_is_lost_with_the_server_s_code() {
    for (act, error, code) in [
        (Act::Reset(7), "http2 stream error: REFUSED_STREAM", "1638"),
        (Act::GoAwayBefore(0), "http2 goaway: NO_ERROR", "1611"),
        (Act::GoAwayBefore(2), "http2 goaway: INTERNAL_ERROR", "1613"),
        (Act::GoAwayBefore(13), "http2 goaway: HTTP_1_1_REQUIRED", "1624"),
        (Act::GoAwayBefore(77), "http2 goaway: unknown code", "1610"),
    ] {
        let server = Http2Server::new([vec![act.clone()]]).start().await.unwrap();
        let report = once(&server, http2(), post).await;
        only_failed(&report, error, code, 1);
        assert_eq!((server.requests(), report.count(HTTP_REQ_RETRIES)), (2, 1.0), "{act:?}");
    }
}

#[tokio::test]
async fn what_a_retired_connection_has_begun_is_still_answered() {
    let last = vec![Act::GoAwayAfter(0), Act::Head, Act::Wait(millis(30)), Act::Last("fine".into())];
    let server = Http2Server::new([last, Act::answer("fine")]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        let mut first = vu.post("/order").body("one").send_streaming().await?;
        // The server has said already that it takes no more.
        post(vu).await?;
        assert_eq!(first.chunk().await?.unwrap(), "fine");
        assert!(first.chunk().await?.is_none());
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (2, 2));
    assert_eq!(report.count(HTTP_REQ_RETRIES), 0.0, "{report}");
}

#[tokio::test]
async fn a_goaway_in_mid_response_that_ends_the_connection_gives_its_code() {
    for code in [0, 2, 11] {
        let cut = vec![
            Act::Head,
            Act::Data("half".into()),
            Act::GoAwayAfter(code),
            Act::Wait(millis(10)),
            Act::Close,
        ];
        let server = Http2Server::new([cut, Act::answer("fine")]).start().await.unwrap();
        let report = once(&server, http2(), async |vu| {
            assert!(vu.post("/order").send().await.is_err());
            post(vu).await
        })
        .await;
        let (error, number) = match code {
            0 => ("http2 goaway: NO_ERROR", "1611"),
            2 => ("http2 goaway: INTERNAL_ERROR", "1613"),
            _ => ("http2 goaway: ENHANCE_YOUR_CALM", "1622"),
        };
        assert!(report.errors().is_empty(), "{:?}", report.errors());
        only_failed(&report, error, number, 1);
        // It had been looked at: nobody sends it twice.
        assert_eq!((server.requests(), server.connections()), (2, 2));
        assert_eq!(report.count(HTTP_REQ_RETRIES), 0.0);
    }
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closes_costs_nothing() {
    let closes = || [Act::answer("fine"), vec![Act::GoAwayAfter(0), Act::Close]].concat();
    let server = Http2Server::new([closes()]).start().await.unwrap();
    let report = run(server.url(), http2(), shared_iterations(20), async |vu| {
        post(vu).await?;
        vu.sleep(millis(5)).await;
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (20, 20));
    assert_eq!(report.count(HTTP_REQ_RETRIES), 0.0, "{report}");
}
