//! Promise: compressed bodies are read and written as browsers do it, outside the measured time and within bounds, and forms
//! with files arrive as a server reads them.

mod forms;
mod memory;

use crate::echo::Echo;
use crate::support::{once, only_error, only_failed_series, quiet, sound};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::any;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use loadcore::http::{Encoding, Http, HttpVersions};
use loadcore::prelude::*;
use std::io::Write as _;
use std::time::Instant;
use testbed::{Misbehaving, Nginx, Step};

const TEXT: &str = "what a load, what a load, what a load";

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A gzip file of so many MiB, all zero, in about a thousandth of that.
pub(crate) fn bomb(mib: usize) -> Vec<u8> {
    gzip(&vec![0; 1 << 20]).repeat(mib)
}

fn encoded(encoding: &'static str, body: impl Into<Bytes>) -> impl IntoResponse {
    ([(header::CONTENT_ENCODING, encoding)], body.into())
}

/// `/mirror` answers with the body that it got, in the encoding in which it came.
async fn mirror(headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let encoding = headers.get(header::CONTENT_ENCODING).cloned().unwrap();
    ([(header::CONTENT_ENCODING, encoding)], body)
}

#[tokio::test]
async fn nginx_s_gzip_is_inflated_and_counted_as_it_was_on_the_wire() {
    let site = "server { listen @plain@; root www; gzip on; gzip_types text/plain; gzip_min_length 1; }";
    let page = TEXT.repeat(10_000);
    let Some(nginx) = Nginx::site(site).file("www/page.txt", page.clone()).start() else { return };
    let wants = page.clone();
    let report = once(&nginx.url("plain"), Http::new(), async move |vu: &Vu| {
        let res = vu.get("/page.txt").accept_encoding([Encoding::Gzip]).send().await?;
        assert_eq!((res.header("content-encoding"), res.header("content-length")), (Some("gzip"), None));
        assert!(res.text()? == wants);
        Ok(())
    })
    .await;
    sound(&report);
    let received = report.count(DATA_RECEIVED);
    assert!(received < page.len() as f64 / 20.0, "{received}");
    // Nobody asks for it unless told to.
    let report = once(&nginx.url("plain"), Http::new(), async |vu: &Vu| {
        assert_eq!(vu.get("/page.txt").send().await?.header("content-encoding"), None);
        Ok(())
    })
    .await;
    sound(&report);
    assert!(report.count(DATA_RECEIVED) > page.len() as f64);
}

#[tokio::test]
async fn a_test_or_a_request_says_which_encodings_it_accepts() {
    let server = Echo::start(Router::new().route("/", any(async || "ok"))).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    })
    .await;
    sound(&report);
    let report = once(&server.url, Http::new().accept_encoding(Encoding::ALL), async |vu: &Vu| {
        vu.get("/").send().await?;
        vu.get("/").accept_encoding([Encoding::Zstd]).send().await?;
        vu.get("/").accept_encoding([]).send().await?;
        vu.get("/").header("accept-encoding", "compress").send().await?;
        Ok(())
    })
    .await;
    sound(&report);
    let seen = server.seen();
    let asked: Vec<_> = seen.iter().map(|seen| seen.header("accept-encoding")).collect();
    let all = Some("gzip, deflate, br, zstd");
    assert_eq!(asked, [None, all, Some("zstd"), Some("identity"), Some("compress")]);
}

#[tokio::test]
async fn what_other_programs_have_compressed_is_read() {
    let gzip = async || encoded("gzip", gzip(TEXT.as_bytes()));
    // By the tool `zstd -19 --check`, and a test file of brotli's own.
    let zstd = b"\x28\xb5\x2f\xfd\x64\x13\x03\x0d\x01\x00\xa8\x61\x20\x6c\x6f\x61\x64\x20\x74\x65\x73\x74\x2c\x20\x6e\x64\x3a\
                 \x20\x7a\x73\x74\x64\x03\x00\xe1\x51\xaa\x42\x93\xc3\x40\x9e\x5f\x41\xb5\x65\xab";
    let zstd = async || encoded("zstd", &zstd[..]);
    let brotli = async || encoded("br", &b"\x1b\x13\x00\x00\xa4\xb0\xb2\xea\x81\x47\x02\x8a"[..]);
    let raw = async || {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(TEXT.as_bytes()).unwrap();
        encoded("deflate", encoder.finish().unwrap())
    };
    let routes = Router::new().route("/gzip", any(gzip)).route("/zstd", any(zstd)).route("/br", any(brotli));
    let server = Echo::start(routes.route("/raw", any(raw))).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        assert_eq!(vu.get("/gzip").send().await?.text()?, TEXT);
        assert_eq!(vu.get("/raw").send().await?.text()?, TEXT);
        assert_eq!(vu.get("/br").send().await?.text()?, "XXXXXXXXXXYYYYYYYYYY");
        let words = format!("a load test, a load test, and a load test: {}", "zstd ".repeat(200));
        assert_eq!(vu.get("/zstd").send().await?.text()?, words);
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn a_request_is_compressed_once_or_more_and_its_answer_likewise() {
    let server = Echo::start(Router::new().route("/mirror", any(mirror))).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let body = TEXT.repeat(1_000);
        for first in Encoding::ALL {
            let res = vu.post("/mirror").body(body.clone()).compress(first).send().await?;
            assert!(res.header("content-encoding") == Some(first.name()) && res.text()? == body, "{first}");
            for second in Encoding::ALL {
                let request = vu.post("/mirror").compress(first).compress(second).json(&[&body]);
                let res = request.send().await?;
                assert_eq!(res.header("content-encoding"), Some(&*format!("{first}, {second}")));
                assert!(res.json::<Vec<String>>()?[0] == body);
            }
        }
        Ok(())
    })
    .await;
    sound(&report);
    let seen = server.seen();
    assert_eq!(seen.len(), 4 + 16);
    for seen in &seen {
        assert!(
            seen.body.len() < 2_000,
            "{} bytes in {:?}",
            seen.body.len(),
            seen.header("content-encoding")
        );
    }
    assert_eq!(seen[1].header("content-type"), Some("application/json"));
    // Another program reads it.
    let mut plain = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*seen[0].body), &mut plain).unwrap();
    assert!(plain == TEXT.repeat(1_000));
}

#[tokio::test]
async fn a_request_without_a_body_says_so_where_one_is_expected() {
    let server = Echo::start(Router::new().route("/", any(async || "ok"))).await;
    for versions in [HttpVersions::Http1, HttpVersions::Http2] {
        let before = server.seen().len();
        let report = once(&server.url, Http::new().versions(versions), async |vu: &Vu| {
            vu.post("/").send().await?;
            vu.put("/").send().await?;
            vu.patch("/").body("").send().await?;
            vu.post("/").header("content-length", "0").send().await?;
            // Nothing is not made something.
            vu.post("/").compress(Encoding::Gzip).send().await?;
            vu.get("/").compress(Encoding::Gzip).send().await?;
            vu.delete("/").send().await?;
            Ok(())
        })
        .await;
        sound(&report);
        let seen = server.seen().split_off(before);
        let said: Vec<_> = seen.iter().map(|seen| seen.header("content-length")).collect();
        assert_eq!(said, [Some("0"), Some("0"), Some("0"), Some("0"), Some("0"), None, None]);
        assert!(seen.iter().all(|s| s.body.is_empty() && s.header("content-encoding").is_none()));
    }
}

/// The detail and the code of a request for a response with this body.
async fn failure(http: Http, encoding: &'static str, body: impl Into<Bytes>) -> (String, String) {
    let body = body.into();
    let server = Echo::start(Router::new().route("/", any(async move || encoded(encoding, body)))).await;
    let report = once(&server.url, http, async |vu: &Vu| {
        vu.get("/").send().await?;
        unreachable!("it cannot be inflated");
    })
    .await;
    let (error, failed) = (only_error(&report), only_failed_series(&report));
    let tag = |key: &str| failed.tag(key).unwrap_or("").to_owned();
    assert_eq!((tag("error"), tag("status")), ("decompression failed".to_owned(), "0".to_owned()));
    // It took its time all the same.
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (1.0, 1.0));
    assert_eq!(report.metrics().series("http_req_duration").len(), 1);
    (error.first, tag("error_code"))
}

#[tokio::test]
async fn what_cannot_be_inflated_has_an_error_of_its_own() {
    let whole = gzip(TEXT.as_bytes());
    for (encoding, body, want) in [
        ("gzip", whole[..whole.len() - 9].to_vec(), "gzip: it is cut short"),
        ("gzip", b"<html>no gzip</html>".to_vec(), "gzip: its data is corrupt"),
        ("br, gzip", gzip(b"no brotli"), "br: its data is corrupt"),
        ("zstd", b"no zstd, but long enough".to_vec(), "zstd: its data is corrupt"),
        ("gzip, gzip, gzip, gzip, gzip", whole.clone(), "5 encodings on top of each other"),
    ] {
        let (message, code) = failure(Http::new(), encoding, body).await;
        assert!(message.contains(&format!("decompression failed: {want}")), "{message}");
        assert_eq!(code, "1701");
    }
}

#[tokio::test]
async fn a_body_that_inflates_beyond_the_limit_is_an_error_and_one_within_is_not() {
    let (message, code) = failure(Http::new().max_inflated_body(5_000_000), "gzip", bomb(5)).await;
    assert!(message.contains("inflates to more than 5000000 bytes; Http::max_inflated_body"), "{message}");
    assert_eq!(code, "1701");
    let server = Echo::start(Router::new().route("/", any(async || encoded("gzip", bomb(5))))).await;
    let report = once(&server.url, Http::new().max_inflated_body(5 << 20), async |vu: &Vu| {
        assert_eq!(vu.get("/").send().await?.bytes().len(), 5 << 20);
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn after_a_body_that_cannot_be_inflated_the_connection_serves_the_next_request() {
    let answer = |encoding: &str, body: &[u8]| {
        let mut answer =
            format!("HTTP/1.1 200 OK\r\n{encoding}content-length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        Step::Send(answer.into())
    };
    let script = vec![
        Step::ReadRequest,
        answer("content-encoding: gzip\r\n", b"not gzip"),
        Step::ReadRequest,
        answer("", b"plain"),
        Step::Hang,
    ];
    let server = Misbehaving::start([script]).await.unwrap();
    let report = once(&server.url(), Http::new(), async |vu: &Vu| {
        assert!(vu.get("/").send().await.is_err());
        assert_eq!(vu.get("/").send().await?.text()?, "plain");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.connections(), server.requests()), (1, 2));
}

#[tokio::test]
async fn what_nobody_reads_is_not_inflated() {
    // None of these is gzip.
    let moved = any(async || (StatusCode::FOUND, [(header::LOCATION, "/end")], encoded("gzip", "moved")));
    let routes = Router::new()
        .route("/moved", moved)
        .route("/end", any(async || "end"))
        .route(
            "/{status}",
            any(async |Path(status): Path<u16>| (StatusCode::from_u16(status).unwrap(), encoded("gzip", ""))),
        )
        .route("/wrong", any(async || encoded("gzip", "wrong")))
        .route("/unknown", any(async || encoded("gzip, rot13", "unknown")));
    let server = Echo::start(routes).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        assert_eq!(vu.get("/moved").send().await?.text()?, "end");
        assert_eq!(vu.head("/wrong").send().await?.header("content-encoding"), Some("gzip"));
        for status in ["/200", "/204", "/304"] {
            assert_eq!(vu.get(status).send().await?.bytes(), "");
        }
        assert_eq!(vu.get("/wrong").discard_body(true).send().await?.status(), 200);
        // Under an unknown encoding nobody can look.
        assert_eq!(vu.get("/unknown").send().await?.text()?, "unknown");
        // A redirect that is not followed is read like any other.
        let error = vu.get("/moved").redirects(0).send().await.unwrap_err();
        assert!(error.to_string().contains("gzip"), "{error}");
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn inflating_is_in_none_of_the_timings() {
    let _quiet = quiet().await;
    let sent = bomb(64);
    let server =
        Echo::start(Router::new().route("/", any(async move || encoded("gzip", sent.clone())))).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let begun = Instant::now();
        let res = vu.get("/").send().await?;
        let (whole, measured) = (begun.elapsed(), res.timings().duration());
        assert_eq!(res.bytes().len(), 64 << 20);
        // 64 KiB came over the wire; 64 MiB were made of them.
        assert!(measured < whole / 2, "{measured:?} of {whole:?}");
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn a_response_may_be_no_larger_than_the_test_allows() {
    let routes = Router::new().route("/{len}", any(async |Path(len): Path<usize>| vec![b'x'; len]));
    let server = Echo::start(routes).await;
    let report = once(&server.url, Http::new().max_response_body(100_000), async |vu: &Vu| {
        assert_eq!(vu.get("/100000").send().await?.bytes().len(), 100_000);
        // Nobody keeps it.
        assert_eq!(vu.get("/5000000").discard_body(true).send().await?.status(), 200);
        let error = vu.get("/100001").send().await.unwrap_err();
        assert!(
            error.to_string().ends_with(
                "response body too large: it has more than 100000 bytes; Http::max_response_body allows more"
            ),
            "{error}"
        );
        assert_eq!(vu.get("/5").send().await?.text()?, "xxxxx");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(only_failed_series(&report).tag("error_code"), Some("1000"));
}

#[tokio::test]
async fn what_contradicts_itself_is_told_before_anything_is_sent() {
    for http in [Http::new().max_inflated_body(0), Http::new().max_response_body(0)] {
        let scenario = Scenario::new("never", async |_: &Vu| Ok(())).executor(shared_iterations(1));
        let error = LoadTest::new().http(http).scenario(scenario).run().await.unwrap_err().to_string();
        assert!(error.contains("discard_response_bodies"), "{error}");
    }
    let server = Echo::start(Router::new().route("/", any(async || "ok"))).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let request = vu.post("/").body("x").header("content-encoding", "br").compress(Encoding::Gzip);
        let error = request.send().await.unwrap_err().to_string();
        assert!(error.contains("leave that header out"), "{error}");
        for (said, body) in [("5", "abc"), ("2", "abc"), ("3", "")] {
            let error =
                vu.post("/").header("content-length", said).body(body).send().await.unwrap_err().to_string();
            let want = format!(
                "content-length is {said}, but the body has {} bytes: leave that header out",
                body.len()
            );
            assert!(error.contains(&want), "{error}");
        }
        Ok(())
    })
    .await;
    sound(&report);
    assert!(server.seen().is_empty());
}
