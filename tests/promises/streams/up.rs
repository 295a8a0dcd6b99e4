//! Request bodies that are made while they are sent.

use super::{errors, once, pieces, server, sound, versions};
use crate::support::only_error;
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::any;
use futures_util::{StreamExt as _, stream};
use loadcore::http::{Encoding, Http};
use loadcore::prelude::*;
use std::convert::Infallible;
use testbed::misbehaving::answers;
use testbed::{Misbehaving, Step};

fn routes() -> Router {
    Router::new()
        .route("/len", any(async |body: Bytes| body.len().to_string()))
        .route("/307", any(async || Redirect::temporary("/len")))
        .route("/303", any(async || Redirect::to("/len")))
        .layer(DefaultBodyLimit::disable())
}

fn words() -> impl futures_util::Stream<Item = std::result::Result<&'static str, Infallible>> {
    stream::iter(["one ", "", "two ", "three"]).then(async |word| {
        tokio::task::yield_now().await;
        Ok(word)
    })
}

#[tokio::test]
async fn a_stream_arrives_whole_with_its_length_if_it_is_said() {
    let server = server(routes()).await;
    for (index, http) in versions().into_iter().enumerate() {
        let report = once(&server.url, http, async |vu: &Vu| {
            assert_eq!(vu.post("/len").body_stream(words()).send().await?.text()?, "13");
            assert_eq!(vu.put("/len").body_stream(words()).body_length(13).send().await?.text()?, "13");
            assert_eq!(vu.put("/len").body_stream(pieces(100)).send().await?.text()?, "6553600");
            assert_eq!(vu.post("/len").body_stream(pieces(0)).send().await?.text()?, "0");
            Ok(())
        })
        .await;
        sound(&report);
        let seen = server.seen().split_off(4 * index);
        assert_eq!(seen[0].body, "one two three");
        let said: Vec<_> =
            seen.iter().map(|s| (s.header("transfer-encoding"), s.header("content-length"))).collect();
        let chunked = (index == 0).then_some("chunked");
        assert_eq!(said, [(chunked, None), (None, Some("13")), (chunked, None), (chunked, None)]);
        // All but the first request came over its connection.
        assert_eq!(
            report.metrics().series("http_req_connecting").len(),
            report.metrics().series("http_reqs").len()
        );
    }
}

#[tokio::test]
async fn a_stream_that_fails_fails_its_request_and_no_other() {
    let server = server(routes()).await;
    for http in versions() {
        let report = once(&server.url, http, async |vu: &Vu| {
            let pieces = stream::iter([Ok("begun "), Err("the disk is gone")]).then(async |piece| {
                tokio::time::sleep(millis(20)).await;
                piece
            });
            let error = vu.post("/len").body_stream(pieces).send().await.unwrap_err().to_string();
            assert!(error.ends_with("/len: request body failed: the disk is gone"), "{error}");
            let short =
                vu.post("/len").body_stream(words()).body_length(14).send().await.unwrap_err().to_string();
            assert!(short.ends_with("it ended after 13 of the 14 bytes of its body_length"), "{short}");
            let long =
                vu.post("/len").body_stream(words()).body_length(12).send().await.unwrap_err().to_string();
            assert!(long.ends_with("it has more than the 12 bytes of its body_length"), "{long}");
            // Whole pieces too many.
            let pieces = stream::iter(["one ", "two ", "", "three"].map(Ok::<_, Infallible>));
            let long =
                vu.post("/len").body_stream(pieces).body_length(8).send().await.unwrap_err().to_string();
            assert!(long.ends_with("it has more than the 8 bytes of its body_length"), "{long}");
            assert_eq!(vu.post("/len").body_stream(words()).send().await?.text()?, "13");
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS), 5.0);
        let mut errors = errors(&report);
        errors.sort();
        assert_eq!(errors, ["", "request body failed"]);
    }
    // No half of a body was taken for a whole one.
    assert!(server.seen().iter().all(|seen| seen.body == "one two three"), "{:?}", server.lines());
}

#[tokio::test]
async fn any_method_may_send_a_stream() {
    let server = server(routes()).await;
    for http in versions() {
        let report = once(&server.url, http, async |vu: &Vu| {
            assert_eq!(vu.get("/len").body_stream(words()).send().await?.text()?, "13");
            assert_eq!(vu.delete("/len").body_stream(words()).body_length(13).send().await?.text()?, "13");
            // It waits for nothing that comes after the length that was said.
            let endless = words().chain(stream::pending());
            assert_eq!(vu.get("/len").body_stream(endless).body_length(13).send().await?.text()?, "13");
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS), 3.0);
    }
}

#[tokio::test]
async fn a_redirect_that_wants_the_body_again_is_handed_out() {
    let server = server(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.post("/307").body_stream(words()).send().await?;
        assert_eq!((res.status(), res.redirects()), (StatusCode::TEMPORARY_REDIRECT, 0));
        // One that does not is followed, without it.
        let res = vu.post("/303").body_stream(words()).send().await?;
        assert_eq!((res.text()?, res.redirects()), ("0", 1));
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(server.lines(), ["POST /307", "POST /303", "GET /len"]);
}

#[tokio::test]
async fn a_stream_is_not_sent_a_second_time() {
    // The connection is closed as soon as the next request on it was read: for a PUT, a reason to try again.
    let script = [&answers()[..2], &[Step::ReadRequest, Step::Close]].concat();
    for (streams, requests) in [(true, 2), (false, 3)] {
        let server = Misbehaving::start([script.clone(), answers()]).await.unwrap();
        let report = once(&server.url(), Http::new(), async move |vu: &Vu| {
            vu.get("/").send().await?;
            let request = vu.put("/");
            let request = if streams { request.body_stream(words()) } else { request.body("one two three") };
            request.send().await?;
            Ok(())
        })
        .await;
        assert_eq!(server.requests(), requests, "streams: {streams}");
        if streams {
            assert!(only_error(&report).first.contains("connection"), "{:?}", report.errors());
        } else {
            sound(&report);
        }
    }
}

#[tokio::test]
async fn what_contradicts_itself_is_told_and_not_sent() {
    let server = server(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let error = vu.post("/len").body_stream(words()).compress(Encoding::Gzip).send().await.unwrap_err();
        assert!(error.to_string().contains("compress what the stream gives"), "{error}");
        let error = vu.post("/len").body("x").body_length(1).send().await.unwrap_err();
        assert!(error.to_string().contains("body_length() comes after body_stream"), "{error}");
        // The last body is the one that is sent.
        assert_eq!(vu.post("/len").body_stream(words()).body("x").send().await?.text()?, "1");
        assert_eq!(vu.post("/len").body("x").body_stream(words()).send().await?.text()?, "13");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(server.seen().len(), 2);
}
