//! Servers that do not stop to send what nobody needs.

use std::time::Instant;

use bytes::Bytes;
use loadcore::http::ErrorKind;
use testbed::http2::{Act, Http2Server};

use super::*;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream][..], payload].concat()
}

/// Frames that HTTP/2 allows at any time, and of which no number is too many.
fn idle_talk() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("pings", frame(6, 0, 0, b"are you?")),
        ("answers to no ping", frame(6, 1, 0, b"are you?")),
        ("settings", frame(4, 0, 0, &[])),
        ("windows of a stream", frame(8, 0, 1, &[0, 0, 0, 1])),
        ("priorities", frame(2, 0, 1, &[0, 0, 0, 0, 9])),
        ("frames of no standard", frame(200, 0, 0, b"what?")),
        ("interim responses", frame(1, 4, 1, b"\x08\x03103")),
    ]
}

#[tokio::test]
async fn idle_talk_without_end_ends_with_the_request_s_time() {
    for (what, frame) in idle_talk() {
        let talk = Bytes::from(frame.repeat(1000));
        let server = Http2Server::new([vec![Act::Endless(talk)], Act::answer("fine")]).start().await.unwrap();
        let other = Http2Server::new([Act::answer("other")]).start().await.unwrap();
        let other_url = other.url();
        let report = once(&server, http2(), async move |vu| {
            let began = Instant::now();
            let talk = async {
                let error = vu.get("/").timeout(millis(200)).send().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Timeout, "{what}: {error}");
                assert!(began.elapsed() < secs(2), "{what}: {:?}", began.elapsed());
            };
            // Others on this core have their turn all the while.
            let others = async {
                let mut answers = 0;
                while began.elapsed() < millis(200) {
                    assert_eq!(vu.get(&other_url).send().await?.text()?, "other");
                    answers += 1;
                }
                assert!(answers > 0, "{what}: {answers}");
                Ok::<_, Error>(())
            };
            tokio::join!(talk, others).1
        })
        .await;
        assert!(report.errors().is_empty(), "{what}: {:?}", report.errors());
        only_failed(&report, "request timeout", "1050", 1);
    }
}

#[tokio::test]
async fn a_body_in_the_smallest_pieces_is_a_body() {
    let pieces = frame(0, 0, 1, b"x").repeat(60_000);
    let script = vec![Act::Head, Act::Raw(pieces.into()), Act::Last("end".into())];
    let server = Http2Server::new([script]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        assert_eq!(vu.get("/").send().await?.bytes().len(), 60_003);
        Ok(())
    });
    sound(&report.await);
}

#[tokio::test]
async fn empty_pieces_without_end_are_an_error_of_the_connection() {
    let empty = Bytes::from(frame(0, 0, 1, &[]).repeat(1000));
    let script = vec![Act::Head, Act::Endless(empty)];
    let server = Http2Server::new([script, Act::answer("fine")]).start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        assert!(vu.get("/").send().await.is_err());
        assert_eq!(vu.get("/").send().await?.text()?, "fine");
        Ok(())
    })
    .await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    only_failed(&report, "http2 connection error: ENHANCE_YOUR_CALM", "1662", 1);
}
