//! What nginx says of requests over HTTP/2.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use loadcore::http::{Tls, Version};
use testbed::{Authority, Nginx, TlsServer};

use super::*;

/// `/told` tells which connection a request came on, as what, and for which host; `/file` has a megabyte.
const PLACES: &str = "client_max_body_size 8m; access_log requests.log line;
    location /told { return 200 '$connection $server_protocol $host $request_uri'; }
    location / { root www; }";
const AROUND: &str =
    "log_format line '$server_protocol $request_method $request_uri $status'; keepalive_timeout 60s;";

fn nginx(authority: &Authority, more: &str) -> Option<Nginx> {
    let identity = authority.server(&["localhost"]);
    let site = format!(
        "{AROUND}
         server {{ listen @plain@ http2; {PLACES} {more} }}
         server {{ listen @tls@ ssl http2; ssl_certificate server.pem; ssl_certificate_key server.key; {PLACES} {more} }}
         server {{ listen @old@ ssl; ssl_certificate server.pem; ssl_certificate_key server.key; {PLACES} }}"
    );
    let site = Nginx::site(site).file("server.pem", identity.certificate).file("server.key", identity.key);
    site.file("www/file", megabyte()).start()
}

fn megabyte() -> Vec<u8> {
    (0..1_000_000_u32).map(|i| (i % 251) as u8).collect()
}

fn trusting(authority: &Authority) -> Http {
    Http::new().tls(Tls::new().root_certificates(authority.pem()))
}

/// The lines of nginx's log, once so many are there: a line is written after its response.
async fn log(nginx: &Nginx, lines: usize) -> Vec<String> {
    for _ in 0..200 {
        if nginx.log("requests.log").len() >= lines {
            break;
        }
        tokio::time::sleep(millis(10)).await;
    }
    nginx.log("requests.log")
}

#[tokio::test]
async fn with_tls_the_server_chooses_and_the_metrics_say_what() {
    let authority = Authority::new();
    let Some(nginx) = nginx(&authority, "") else { return };
    let (tls, old) = (nginx.tls_url("tls"), nginx.tls_url("old"));
    for (url, versions, version, proto) in [
        (&tls, HttpVersions::Negotiated, Version::HTTP_2, "HTTP/2.0"),
        (&old, HttpVersions::Negotiated, Version::HTTP_11, "HTTP/1.1"),
        (&tls, HttpVersions::Http1, Version::HTTP_11, "HTTP/1.1"),
        (&tls, HttpVersions::Http2, Version::HTTP_2, "HTTP/2.0"),
    ] {
        let report =
            run(url, trusting(&authority).versions(versions), shared_iterations(3), async move |vu| {
                let response = vu.get("/told").send().await?;
                assert_eq!((response.version(), response.tls_version()), (version, Some("tls1.3")));
                assert!(
                    response.text()?.contains(&format!(" {proto} localhost /told")),
                    "{}",
                    response.text()?
                );
                Ok(())
            });
        let report = report.await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS.tag("proto", proto).tag("tls_version", "tls1.3")), 3.0, "{report}");
        // One handshake: all that came later was sent on the same connection.
        let handshakes = report.metrics().series("http_req_tls_handshaking");
        assert_eq!(handshakes.len(), 1, "{report}");
        assert!(report.value(HTTP_REQ_TLS_HANDSHAKING.min()) <= 0.0, "{report}");
    }
    let lines = log(&nginx, 12).await;
    let of_http2 = lines.iter().filter(|line| **line == "HTTP/2.0 GET /told 200").count();
    assert_eq!((lines.len(), of_http2), (12, 6), "{lines:?}");
}

#[tokio::test]
async fn a_server_that_knows_only_http1_refuses_a_client_that_knows_only_http2() {
    let authority = Authority::new();
    let Some(nginx) = nginx(&authority, "") else { return };
    let http = trusting(&authority).versions(HttpVersions::Http2);
    let journey = async |vu: &Vu| {
        vu.get("/told").send().await?;
        Ok(())
    };
    let report = run(nginx.tls_url("old"), http, shared_iterations(1), journey).await;
    // nginx ignores what it does not know, and then does not understand the client.
    assert_eq!(report.rate(HTTP_REQ_FAILED), 1.0, "{report}");
    assert_eq!(failed(&report).len(), 1, "{report}");
}

#[tokio::test]
async fn without_tls_a_test_says_that_the_server_speaks_it() {
    let Some(nginx) = nginx(&Authority::new(), "") else { return };
    let (url, host) = (nginx.url("plain"), nginx.addr("plain").ip().to_string());
    let report = run(url.clone(), http2(), shared_iterations(1), async move |vu| {
        let own = vu.get("/told?a=b c").send().await?;
        assert_eq!((own.status().as_u16(), own.version()), (200, Version::HTTP_2));
        assert!(own.text()?.ends_with(&format!(" HTTP/2.0 {host} /told?a=b%20c")), "{}", own.text()?);
        // A host of the journey's own stands where HTTP/2 wants it.
        let other = vu.get("/told").header("host", "shop.test").send().await?;
        assert!(other.text()?.contains(" HTTP/2.0 shop.test "), "{}", other.text()?);
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!(report.count(HTTP_REQS.tag("proto", "HTTP/2.0")), 2.0, "{report}");
}

#[tokio::test]
async fn joined_requests_share_one_connection_from_the_first_on() {
    let authority = Authority::new();
    let Some(nginx) = nginx(&authority, "") else { return };
    for (url, http) in [(nginx.tls_url("tls"), trusting(&authority)), (nginx.url("plain"), http2())] {
        let seen = Arc::<Mutex<BTreeSet<String>>>::default();
        let noted = Arc::clone(&seen);
        let report = run(url.clone(), http, per_vu_iterations(3).vus(2), async move |vu| {
            for (index, answer) in joined(vu, 30, |i| format!("/told/{i}")).await.into_iter().enumerate() {
                let answer = answer?;
                let text = answer.text()?;
                assert!(text.ends_with(&format!(" /told/{index}")), "{text}");
                noted.lock().unwrap().insert(text.split(' ').next().unwrap().to_owned());
            }
            Ok(())
        });
        let report = report.await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS), 180.0);
        assert_eq!(seen.lock().unwrap().len(), 2, "one connection a VU: {:?}", seen.lock().unwrap());
    }
    assert_eq!(log(&nginx, 360).await.len(), 360);
}

#[tokio::test]
async fn joined_requests_to_a_server_of_http1_have_a_connection_each() {
    let server = TlsServer::start().await.unwrap();
    let http = Http::new().tls(Tls::new().root_certificates(server.ca_pem()));
    let report = run(server.url(), http, shared_iterations(2), async |vu| {
        for answer in joined(vu, 5, |i| format!("/{i}")).await {
            assert_eq!(answer?.version(), Version::HTTP_11);
        }
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (10, 5));
}

#[tokio::test]
async fn the_server_s_limit_of_streams_is_kept_and_what_is_above_it_waits() {
    let Some(nginx) = nginx(&Authority::new(), "http2_max_concurrent_streams 2;") else { return };
    let report = run(nginx.url("plain"), http2(), shared_iterations(5), async |vu| {
        for answer in joined(vu, 20, |i| format!("/told/{i}")).await {
            assert_eq!(answer?.status(), 200);
        }
        Ok(())
    });
    let report = report.await;
    sound(&report);
    // What was refused before the client knew the limit was sent again.
    assert!(report.count(HTTP_REQ_RETRIES) <= 18.0, "{report}");
    assert_eq!(report.count(HTTP_REQS), 100.0);
    let lines = log(&nginx, 100).await;
    assert_eq!(lines.iter().filter(|line| line.ends_with(" 200")).count(), 100, "{lines:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_retires_loses_no_request() {
    let Some(nginx) = nginx(&Authority::new(), "keepalive_requests 25;") else { return };
    let report = run(nginx.url("plain"), http2(), per_vu_iterations(20).vus(3), async |vu| {
        for answer in joined(vu, 10, |i| format!("/told/{i}")).await {
            assert_eq!(answer?.status(), 200);
        }
        // Not idempotent: sent again only if the server has certainly not looked at it.
        assert_eq!(vu.post("/told/post").body("x").send().await?.status(), 200);
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!(report.count(HTTP_REQS), 660.0, "{report}");
    assert!(report.count(HTTP_REQ_RETRIES) > 0.0, "{report}");
    let lines = log(&nginx, 660).await;
    assert_eq!(lines.len(), 660, "each request was processed once");
    let posts = lines.iter().filter(|line| **line == "HTTP/2.0 POST /told/post 200").count();
    assert_eq!(posts, 60);
}

#[tokio::test]
async fn large_bodies_go_both_ways_and_their_bytes_are_counted() {
    let site = format!(
        "{AROUND} server {{ listen @plain@ http2; {PLACES}
           location /up {{ proxy_pass http://@sink@; }} }}
         server {{ listen @sink@; client_max_body_size 8m; location / {{ return 200 $content_length; }} }}"
    );
    let Some(nginx) = Nginx::site(site).file("www/file", megabyte()).start() else { return };
    let report = run(nginx.url("plain"), http2(), shared_iterations(1), async |vu| {
        let up = vu.post("/up").body(vec![7; 3_000_000]).send();
        let (up, down, other) = tokio::join!(up, vu.get("/file").send(), vu.get("/file").send());
        assert_eq!(up?.text()?, "3000000");
        assert_eq!(down?.bytes()[..], megabyte()[..]);
        assert_eq!(other?.bytes().len(), 1_000_000);
        Ok(())
    });
    let report = report.await;
    sound(&report);
    let (sent, received) = (report.count(DATA_SENT), report.count(DATA_RECEIVED));
    assert!((3_000_000.0..3_010_000.0).contains(&sent), "{sent}");
    assert!((2_000_000.0..2_010_000.0).contains(&received), "{received}");
}

#[tokio::test]
async fn no_response_is_given_to_another_request_whoever_gives_up_meanwhile() {
    let Some(nginx) = nginx(&Authority::new(), "") else { return };
    let answered = Arc::<Mutex<(u64, BTreeSet<String>)>>::default();
    let noted = Arc::clone(&answered);
    let report = run(nginx.url("plain"), http2(), per_vu_iterations(40).vus(10), async move |vu| {
        let tag = format!("{}-{}", vu.id(), vu.own_iteration());
        let patience = std::time::Duration::from_micros(200 + 100 * vu.pick(30) as u64);
        let hasty = async {
            let sending = joined(vu, 5, |i| format!("/told/hasty-{i}"));
            tokio::time::timeout(patience, sending).await.unwrap_or_default()
        };
        let (hasty, patient) = tokio::join!(hasty, joined(vu, 5, |i| format!("/told/{tag}-{i}")));
        let paths =
            (0..5).map(|i| format!(" /told/hasty-{i}")).chain((0..5).map(|i| format!(" /told/{tag}-{i}")));
        // Without the hasty ones, if they were given up.
        let paths = paths.skip(5 - hasty.len());
        for (answer, path) in hasty.into_iter().chain(patient).zip(paths) {
            let answer = answer?;
            let text = answer.text()?;
            assert!(text.ends_with(&path), "{text} is no answer to {path}");
            let mut noted = noted.lock().unwrap();
            noted.0 += 1;
            noted.1.insert(text.split(' ').next().unwrap().to_owned());
        }
        Ok(())
    });
    let report = report.await;
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
    let (answered, connections) = answered.lock().unwrap().clone();
    assert_eq!(connections.len(), 10, "a cancelled request costs no connection: {connections:?}");
    // Of joined requests that were given up, some had their answers.
    assert!(report.count(HTTP_REQS.tag("status", "200")) >= answered as f64, "{answered} of {report}");
    let of = |error| report.count(HTTP_REQS.tag("error", error));
    let cancelled = of("cancelled");
    assert!(cancelled > 0.0, "nobody gave up: {report}");
    let counted = report.count(HTTP_REQS.tag("status", "200")) + cancelled;
    assert_eq!(
        (report.count(HTTP_REQS), report.count(HTTP_REQS) + report.count(HTTP_REQ_ABANDONED)),
        (counted, 4000.0)
    );
}
