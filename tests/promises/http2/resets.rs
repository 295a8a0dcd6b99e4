//! Streams and connections that the server ends with a code.

use bytes::Bytes;
use loadcore::metric::Stats;
use testbed::http2::{Act, Http2Server};

use super::*;

/// By their numbers.
const NAMES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

fn name(code: u32) -> &'static str {
    NAMES.get(code as usize).copied().unwrap_or("unknown code")
}

/// k6's number: 0 for a code that it does not know.
fn offset(code: u32) -> u32 {
    if code < 14 { code + 1 } else { 0 }
}

/// Two requests of one VU: the first may fail.
async fn two(server: &RunningHttp2) -> Report {
    once(server, http2(), async |vu| {
        let _ = vu.get("/first").send().await;
        assert_eq!(vu.get("/second").send().await?.text()?, "fine");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_reset_stream_has_its_code_and_the_connection_goes_on() {
    for code in [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 99] {
        for begins in [Vec::new(), vec![Act::Head, Act::Data("half".into())]] {
            let script = [begins, vec![Act::Reset(code)]].concat();
            let server = Http2Server::new([script, Act::answer("fine")]).start().await.unwrap();
            let report = two(&server).await;
            assert!(report.errors().is_empty(), "{code}: {:?}", report.errors());
            let error = format!("http2 stream error: {}", name(code));
            only_failed(&report, &error, &(1630 + offset(code)).to_string(), 1);
            assert_eq!((server.requests(), server.connections()), (2, 1), "{code}");
            assert_eq!(report.count(HTTP_REQ_RETRIES), 0.0, "{code}");
            assert_eq!(report.count(HTTP_REQS.tag("status", "0")), 1.0, "{code}");
            // It had a connection, and so the time it took is one.
            let durations = report.stats(HTTP_REQ_DURATION.tag("error", &error), &[]);
            assert!(matches!(durations, Stats::Trend { count: 1, .. }), "{code}: {durations:?}");
        }
    }
}

#[tokio::test]
async fn a_whole_response_before_a_reset_without_error_is_one() {
    // What a server does that needs no more of the upload.
    let early = [Act::answer("early"), vec![Act::Reset(0)]].concat();
    let server = Http2Server::new([early, Act::answer("fine")]).takes_no_uploads().start().await.unwrap();
    let report = once(&server, http2(), async |vu| {
        assert_eq!(vu.post("/").body(vec![1; 300_000]).send().await?.text()?, "early");
        assert_eq!(vu.get("/").send().await?.text()?, "fine");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (2, 1));
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_connection_with_a_code_of_its_own() {
    let frame = |length: u8, kind: u8, flags: u8, stream: u8| {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
        frame.resize(9 + usize::from(length), 0);
        Bytes::from(frame)
    };
    for (raw, code) in [
        // DATA that belongs to no request.
        (frame(1, 0, 0, 0), 1),
        // A frame that is larger than the client allows.
        (Bytes::from_static(&[1, 0, 0, 0, 0, 0, 0, 0, 1]), 6),
        // A window that grows by nothing.
        (frame(4, 8, 0, 0), 1),
    ] {
        let scripts = [vec![Act::Raw(raw.clone())], Act::answer("fine")];
        let server = Http2Server::new(scripts).start().await.unwrap();
        let report = two(&server).await;
        assert!(report.errors().is_empty(), "{raw:?}: {:?}", report.errors());
        let error = format!("http2 connection error: {}", name(code));
        only_failed(&report, &error, &(1650 + offset(code)).to_string(), 1);
        assert_eq!((server.requests(), server.connections()), (2, 2), "{raw:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_should_be_is_an_error_of_its_stream() {
    // content-length: 9 (HPACK's static name 28), with a body of 4.
    let head = [&[0, 0, 5, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x0d, 1][..], b"9"].concat();
    let scripts = [vec![Act::Raw(head.into()), Act::Last("half".into())], Act::answer("fine")];
    let server = Http2Server::new(scripts).start().await.unwrap();
    let report = two(&server).await;
    only_failed(&report, "http2 stream error: PROTOCOL_ERROR", "1632", 1);
    assert_eq!((server.requests(), server.connections()), (2, 1));
}

#[tokio::test]
async fn a_connection_that_closes_without_a_word_is_closed_or_reset() {
    let halves = || vec![Act::Head, Act::Data("half".into())];
    let closed = "connection closed before the response was complete";
    for (end, error, code) in [(Act::Close, closed, "1000"), (Act::Abort, "connection reset", "1220")] {
        for begins in [Vec::new(), halves()] {
            let script = [begins, vec![Act::Wait(millis(20)), end.clone()]].concat();
            let server = Http2Server::new([script, Act::answer("fine")]).start().await.unwrap();
            let report = two(&server).await;
            assert!(report.errors().is_empty(), "{:?}", report.errors());
            only_failed(&report, error, code, 1);
            assert_eq!((server.requests(), server.connections()), (2, 2), "{error}");
        }
    }
}

#[tokio::test]
async fn no_number_of_streams_that_went_wrong_ends_their_connection() {
    // A body that is longer than its head has said.
    let head = |stream: u32| {
        let stream = stream.to_be_bytes();
        [&[0, 0, 5, 1, 4][..], &stream[..], &[0x88, 0x0f, 0x0d, 1], b"1"].concat()
    };
    let wrong = |nth: u32| vec![Act::Raw(head(2 * nth + 1).into()), Act::Last("two".into())];
    let server = Http2Server::new((0..1100).map(wrong)).start().await.unwrap();
    let report = run(server.url(), http2(), shared_iterations(1100), async |vu| {
        assert!(vu.get("/").send().await.is_err());
        Ok(())
    });
    let report = report.await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    only_failed(&report, "http2 stream error: PROTOCOL_ERROR", "1632", 1100);
    assert_eq!((server.requests(), server.connections()), (1100, 1));
}

#[tokio::test]
async fn a_server_that_resets_connections_at_once_is_said_to() {
    for reads in [false, true] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let resetting = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                if reads {
                    // No more than the preface.
                    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut [0; 24]).await.unwrap();
                }
                stream.set_zero_linger().unwrap();
            }
        });
        let report = run(url, http2(), shared_iterations(200), async move |vu| {
            assert!(vu.post("/").body("one").send().await.is_err());
            Ok(())
        });
        let report = report.await;
        resetting.abort();
        assert!(report.errors().is_empty(), "{:?}", report.errors());
        only_failed(&report, "connection reset", "1220", 200);
    }
}
