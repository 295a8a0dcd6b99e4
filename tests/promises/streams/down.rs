//! Responses that are read while they come in.

use super::{errors, once, server, slowly, sound, versions};
use crate::bodies::{bomb, gzip};
use crate::support::{only_error, only_failed_series};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Redirect;
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use loadcore::http::{ErrorKind, Http, StreamedResponse};
use loadcore::prelude::*;
use std::convert::Infallible;
use std::sync::Arc;
use testbed::misbehaving;
use testbed::{Misbehaving, Step};
use tokio::sync::Notify;
use tokio::task::coop::{consume_budget, has_budget_remaining};

async fn text(response: &mut StreamedResponse) -> Result<String> {
    let mut text = Vec::new();
    while let Some(piece) = response.chunk().await? {
        text.extend_from_slice(&piece);
    }
    Ok(String::from_utf8(text)?)
}

#[tokio::test]
async fn a_piece_is_there_before_the_next_one_is_sent() {
    // The second piece is sent when the first one was read.
    let go = Arc::<Notify>::default();
    let wait = async |State(go): State<Arc<Notify>>| {
        let pieces = stream::iter(["first", "second"]).enumerate().then(move |(index, piece)| {
            let go = Arc::clone(&go);
            async move {
                if index > 0 {
                    go.notified().await;
                }
                Ok::<_, Infallible>(Bytes::from(piece))
            }
        });
        Body::from_stream(pieces)
    };
    let read = async |State(go): State<Arc<Notify>>| go.notify_one();
    let routes = Router::new().route("/events", get(wait)).route("/read", get(read)).with_state(go);
    let server = server(routes).await;
    for http in versions() {
        let report = once(&server.url, http, async |vu: &Vu| {
            let mut events = vu.get("/events").send_streaming().await?.expect(200)?;
            assert_eq!(events.header("transfer-encoding").is_some(), events.protocol() == "HTTP/1.1");
            assert_eq!(events.chunk().await?.unwrap(), "first");
            vu.get("/read").send().await?;
            assert_eq!(events.chunk().await?.unwrap(), "second");
            assert_eq!(events.chunk().await?, None);
            // And so it stays.
            assert_eq!(events.chunk().await?, None);
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!((report.count(HTTP_REQS), errors(&report).concat()), (2.0, String::new()));
    }
}

#[tokio::test]
async fn the_request_counts_once_with_all_its_time_when_the_body_has_ended() {
    let server = server(Router::new().route("/slow", get(async || slowly(&["a", "b", "c", "d"])))).await;
    for http in versions() {
        let report = once(&server.url, http, async |vu: &Vu| {
            let mut res = vu.get("/slow").send_streaming().await?;
            assert!(res.timings().receiving < millis(30), "{:?}", res.timings());
            assert_eq!(text(&mut res).await?, "abcd");
            // Each but the first piece came 60 ms after the one before; then the end did.
            assert!((millis(170)..millis(1_000)).contains(&res.timings().receiving), "{:?}", res.timings());
            // The connection is there for the next request.
            assert_eq!(vu.get("/slow").send().await?.timings().connecting, millis(0));
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS), 2.0);
        assert_eq!(report.rate(HTTP_REQ_FAILED), 0.0);
    }
}

#[tokio::test]
async fn it_is_a_stream_like_any_other() {
    let server = server(Router::new().route("/", get(async || slowly(&["a", "b"])))).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let pieces: Vec<_> = vu.get("/").send_streaming().await?.map(|piece| piece.unwrap()).collect().await;
        assert_eq!(pieces.concat(), b"ab");
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn what_is_given_up_before_its_end_is_cancelled_and_its_connection_closed() {
    let server = server(Router::new().route("/", get(async || slowly(&["a", "b", "c"])))).await;
    for (http, new_connections) in versions().into_iter().zip([true, false]) {
        let report = once(&server.url, http, async move |vu: &Vu| {
            let mut res = vu.get("/").send_streaming().await?;
            assert_eq!(res.chunk().await?.unwrap(), "a");
            drop(res);
            let next = vu.get("/").send().await?;
            assert_eq!((next.text()?, next.timings().connecting > millis(0)), ("abc", new_connections));
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS), 2.0);
        let mut errors = errors(&report);
        errors.sort();
        assert_eq!(errors, ["", "cancelled"]);
    }
}

#[tokio::test]
async fn a_status_that_is_not_wanted_is_counted_and_its_body_given_up() {
    let busy = get(async || (StatusCode::SERVICE_UNAVAILABLE, slowly(&["a", "b", "c"])));
    let server = server(Router::new().route("/", busy).route("/ok", get(async || "ok"))).await;
    for (http, new_connections) in versions().into_iter().zip([true, false]) {
        let report = once(&server.url, http, async move |vu: &Vu| {
            let error = vu.get("/").send_streaming().await?.expect(200).unwrap_err();
            assert!(error.status() == 503 && error.to_string().ends_with("instead of 200"), "{error}");
            let next = vu.get("/ok").send().await?;
            assert_eq!((next.text()?, next.timings().connecting > millis(0)), ("ok", new_connections));
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (2.0, 0.5));
        let failed = only_failed_series(&report);
        assert_eq!((failed.tag("status"), failed.tag("error_code")), (Some("503"), Some("1503")));
    }
}

#[tokio::test]
async fn what_has_come_to_its_end_is_complete_whether_or_not_somebody_asks_for_more() {
    let routes = Router::new()
        .route("/", get(async || "whole"))
        .route("/empty", get(async || StatusCode::NO_CONTENT))
        .route("/closing", get(async || ([(header::CONNECTION, "close")], "whole")));
    let server = server(routes).await;
    for http in versions() {
        let report = once(&server.url, http, async |vu: &Vu| {
            for path in ["/", "/closing"] {
                let mut res = vu.get(path).send_streaming().await?;
                assert_eq!(res.chunk().await?.unwrap(), "whole");
                let received = res.timings().duration();
                tokio::time::sleep(millis(50)).await;
                assert!(received > millis(0) && res.timings().duration() == received);
            }
            vu.get("/empty").send_streaming().await?;
            vu.head("/").send_streaming().await?;
            // The connection serves the next request.
            assert_eq!(vu.get("/").send().await?.timings().connecting, millis(0));
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (5.0, 0.0));
    }
}

#[tokio::test]
async fn the_last_piece_is_the_end_also_if_it_takes_the_last_of_a_turn() {
    // Tokio lets a task do so much at a time.
    const TURN: usize = 128;
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let report = once(&server.url(), Http::new(), async |vu: &Vu| {
        let mut took_the_last = 0;
        for number in 0..300 {
            let mut res = vu.get("/").send_streaming().await?;
            // The body has come with its head; so much is done already when it is read.
            tokio::time::sleep(millis(0)).await;
            for _ in 0..number % (TURN + 2) {
                consume_budget().await;
            }
            assert_eq!(res.chunk().await?.unwrap(), r#"{"ok":true}"#);
            took_the_last += usize::from(!has_budget_remaining());
        }
        assert!(took_the_last > 0);
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(errors(&report), [""]);
    assert_eq!((report.count(HTTP_REQS), server.connections()), (300.0, 1));
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_an_error_of_its_last_piece() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345";
    for (last, want) in [(Step::Close, ErrorKind::ConnectionClosed), (Step::Hang, ErrorKind::Timeout)] {
        let script = vec![Step::ReadRequest, Step::Send(head.into()), last];
        let server = Misbehaving::start([script]).await.unwrap();
        let report = once(&server.url(), Http::new(), async move |vu: &Vu| {
            let mut res = vu.get("/").timeout(millis(200)).send_streaming().await?;
            assert_eq!(res.chunk().await?.unwrap(), "12345");
            assert_eq!(res.chunk().await.unwrap_err().kind(), want);
            assert_eq!(res.chunk().await?, None);
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(errors(&report), [want.text()]);
        assert_eq!(report.count(HTTP_REQS), 1.0);
    }
}

#[tokio::test]
async fn a_server_that_never_stops_sending_does_not_outlive_the_timeout() {
    let endless = get(async || Body::from_stream(super::pieces(usize::MAX)));
    let server = server(Router::new().route("/", endless)).await;
    for http in versions() {
        let report = once(&server.url, http, async |vu: &Vu| {
            let mut res = vu.get("/").timeout(millis(300)).send_streaming().await?;
            while res.chunk().await?.is_some() {}
            unreachable!("it has no end");
        })
        .await;
        let error = only_error(&report);
        assert_eq!((&*error.kind, error.count), ("request timeout", 1));
    }
}

#[tokio::test]
async fn redirects_on_the_way_are_followed_and_counted() {
    let routes = Router::new()
        .route("/from", get(async || Redirect::temporary("/to")))
        .route("/to", get(async || "arrived"));
    let server = server(routes).await;
    for http in versions() {
        let report = once(&server.url, http, async |vu: &Vu| {
            let mut res = vu.get("/from").send_streaming().await?;
            assert!(res.redirects() == 1 && res.url().ends_with("/to"));
            assert_eq!(text(&mut res).await?, "arrived");
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS), 2.0);
    }
}

#[tokio::test]
async fn compressed_pieces_are_inflated_without_any_limit() {
    let encoded = |body: Vec<u8>| ([(header::CONTENT_ENCODING, "gzip")], body);
    let text_of = "what a load ".repeat(1_000);
    let (whole, cut) = (gzip(text_of.as_bytes()), gzip(text_of.as_bytes())[..40].to_vec());
    let routes = Router::new()
        .route("/whole", get(async move || encoded(whole.clone())))
        .route("/cut", get(async move || encoded(cut.clone())))
        .route("/bomb", get(async move || encoded(bomb(100))));
    let server = server(routes).await;
    for http in versions() {
        let want = text_of.clone();
        let report = once(&server.url, http.max_inflated_body(1_000), async move |vu: &Vu| {
            let mut res = vu.get("/whole").send_streaming().await?;
            assert!(res.header("content-encoding") == Some("gzip") && text(&mut res).await? == want);
            let (mut res, mut len) = (vu.get("/bomb").send_streaming().await?, 0);
            while let Some(piece) = res.chunk().await? {
                len += piece.len();
                assert!(piece.len() <= 64 << 10);
            }
            assert_eq!(len, 100 << 20);
            let mut res = vu.get("/cut").send_streaming().await?;
            let error = text(&mut res).await.unwrap_err().to_string();
            assert!(error.contains("decompression failed: gzip: it is cut short"), "{error}");
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS), 3.0);
    }
}
