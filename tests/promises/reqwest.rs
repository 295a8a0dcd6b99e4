//! Promise: what reqwest sends is counted and traced like all else, and what it does not show is absent.

mod errors;
mod execute;
mod memory;
mod options;
mod proxies;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use loadcore::http::{ErrorKind, Http, HttpVersions, Method};
use loadcore::metric::Stats;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use loadcore::reqwest::redirect::Policy;
use loadcore::reqwest::{Client, ClientBuilder};
use testbed::{Authority, Misbehaving, Nginx, TlsServer, misbehaving};

use crate::echo::{Echo, Seen};
use crate::support::{quiet, settled, truth_server};

/// A client that is not of loadcore's making, as a user has it.
pub(crate) fn of_user(add: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let roots = rustls::RootCertStore::empty();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.unwrap().with_root_certificates(roots).with_no_client_auth();
    add(Client::builder().tls_backend_preconfigured(tls)).build().unwrap()
}

/// A client for each VU, with nothing added.
pub(crate) fn per_vu() -> Http {
    Http::new().reqwest_per_vu(Ok)
}

/// Runs this journey.
pub(crate) async fn run(
    url: &str,
    http: Http,
    executor: impl Into<Executor>,
    journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static,
) -> Report {
    let scenario = Scenario::new("once", async move |vu: &Vu| journey(vu).await).executor(executor.into());
    LoadTest::new().base_url(url).http(http).header("x-test", "1").scenario(scenario).run().await.unwrap()
}

#[track_caller]
pub(crate) fn sound(report: &Report) {
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
}

pub(crate) fn samples(report: &Report, metric: &str) -> u64 {
    let all = report.metrics().series(metric).into_iter().map(|series| match series.stats(&[]) {
        Stats::Trend { count, .. } => count,
        other => panic!("{metric} is no trend: {other:?}"),
    });
    all.sum()
}

/// The requests by all their tags.
fn requests(report: &Report) -> BTreeMap<BTreeSet<(String, String)>, u64> {
    let series = report.metrics().series("http_reqs").into_iter().map(|series| {
        let tags = series.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let Stats::Counter { count, .. } = series.stats(&[]) else { panic!("no counter") };
        (tags, count as u64)
    });
    series.collect()
}

fn shop() -> Router {
    Router::new()
        .route("/", any(async || "home"))
        .route("/login", any(async || ([(header::SET_COOKIE, "sid=7; Path=/")], "hello")))
        .route("/cart", any(async || (StatusCode::CREATED, "cart")))
        .route("/moved", any(async || (StatusCode::SEE_OTHER, [(header::LOCATION, "/cart?from=moved")])))
        .route("/gone", any(async || StatusCode::NOT_FOUND))
        .route("/broken", any(async || StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        .route("/users/{id}", any(async || "user"))
        .route("/slow", get(async || tokio::time::sleep(millis(60)).await))
}

#[group]
async fn shopping(vu: &Vu) -> Result {
    vu.post("/login").json(&["ann"]).bearer_auth("secret").send().await?;
    let res = vu.put("/moved").form(&[("a", "1 2")]).send().await?;
    assert_eq!((res.status().as_u16(), res.text()?, res.redirects()), (201, "cart", 1));
    assert!(res.url().ends_with("/cart?from=moved") && res.version() == loadcore::http::Version::HTTP_11);
    assert!(res.remote_addr().unwrap().ip().is_loopback());
    Ok(())
}

async fn journey(vu: &Vu) -> Result {
    shopping(vu).await?;
    for id in 0..3 {
        let res = vu.get(path!("/users/{id}")).query(&[("v", "2")]).tag("kind", "profile").send().await?;
        assert_eq!(res.bytes(), "user");
    }
    vu.get("/gone?q=1").expected_statuses(404).send().await?;
    vu.head("/broken").header("x-own", "a").header("x-own", "b").header("x-test", "mine").send().await?;
    vu.request(Method::from_bytes(b"PURGE")?, "/").body("some text").name("purge").send().await?;
    let (a, b) = tokio::join!(vu.get("/").send(), vu.delete("/cart").send());
    assert_eq!((a?.status().as_u16(), b?.status().as_u16()), (200, 201));
    Ok(())
}

/// What a server saw of a request, in an order that joined requests cannot change.
fn told(seen: &[Seen]) -> Vec<String> {
    let one = |seen: &Seen| {
        let own = ["host", "accept", "traceparent"];
        let headers = seen.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
        let mut headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.sort();
        format!("{} {headers:?} {:?}", seen.line(), seen.body)
    };
    let mut all: Vec<_> = seen.iter().map(one).collect();
    all.sort();
    // Each server is on a port of its own.
    let own = |text: &String| {
        text.split("127.0.0.1:").map(|part| part.trim_start_matches(char::is_numeric)).collect()
    };
    all.iter().map(own).collect()
}

#[tokio::test]
async fn a_journey_is_the_same_to_its_server_and_in_all_counts_whoever_sends_it() {
    let executor = || per_vu_iterations(5).vus(2);
    let home = Echo::start(shop()).await;
    let own = run(&home.url, Http::new(), executor(), journey).await;
    sound(&own);
    assert_eq!((home.seen().len(), samples(&own, "http_req_blocked")), (110, 110));
    assert!(!own.summary(false).contains("reqwest"));

    let shared = of_user(|builder| builder.redirect(Policy::none()));
    for (http, agent) in [(per_vu(), Some("loadcore/0.1.0")), (Http::new().reqwest(shared), None)] {
        let server = Echo::start(shop()).await;
        let report = run(&server.url, http, executor(), journey).await;
        sound(&report);
        assert_eq!(requests(&report), requests(&own));
        assert_eq!(report.count(HTTP_REQS), 110.0);
        assert_eq!(report.rate(HTTP_REQ_FAILED), own.rate(HTTP_REQ_FAILED));
        assert!(server.seen().iter().all(|seen| seen.header("user-agent") == agent));
        let but_agent = |seen: Vec<Seen>| {
            let without = |mut seen: Seen| {
                seen.headers.remove("user-agent");
                seen
            };
            told(&seen.into_iter().map(without).collect::<Vec<_>>())
        };
        assert_eq!(but_agent(server.seen()), but_agent(home.seen()));
    }
}

#[tokio::test]
async fn what_reqwest_does_not_show_is_absent_and_the_summary_says_so() {
    let server = Echo::start(shop()).await;
    let report = run(&server.url, per_vu(), shared_iterations(4), async |vu: &Vu| {
        let res = vu.get("/slow").send().await?;
        let timings = res.timings();
        assert!(timings.waiting >= millis(60) && timings.duration() < secs(5), "{timings:?}");
        assert_eq!([timings.blocked, timings.connecting, timings.sending], [Duration::ZERO; 3]);
        Ok(())
    })
    .await;
    sound(&report);
    let absent = [
        "http_req_blocked",
        "http_req_looking_up",
        "http_req_connecting",
        "http_req_tls_handshaking",
        "http_req_sending",
        "data_sent",
        "data_received",
    ];
    let (json, summary) = (report.to_json(), report.summary(false));
    for metric in absent {
        assert_eq!(report.metrics().series(metric).len(), 0, "{metric}");
        assert!(json["metrics"].get(metric).is_none(), "{metric}");
    }
    for metric in ["http_req_duration", "http_req_waiting", "http_req_receiving"] {
        assert_eq!(samples(&report, metric), 4, "{metric}");
    }
    assert!(report.value(HTTP_REQ_WAITING.min()) >= 60.0 && report.value(HTTP_REQ_DURATION.max()) < 5000.0);
    let says: Vec<_> = summary.lines().filter(|line| line.contains("reqwest")).map(str::trim).collect();
    insta::assert_snapshot!(says.join("\n"), @"not seen by reqwest (4 of 4 requests): http_req_blocked and 4 others, data_sent, data_received; connecting counts as waiting");
}

#[tokio::test]
async fn spans_are_those_that_the_server_saw_one_for_each_hop_in_the_trace_of_its_iteration() {
    const OWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let server = Echo::start(shop()).await;
    let report = run(&server.url, per_vu(), per_vu_iterations(3).vus(2), async |vu: &Vu| {
        let trace = vu.trace().trace_id.to_string();
        vu.get("/moved").header("x-trace", trace.clone()).send().await?;
        vu.group("inner", async |vu: &Vu| {
            vu.get("/").header("x-trace", trace.clone()).send().await?;
            Ok(())
        })
        .await?;
        vu.get("/").header("traceparent", OWN).send().await?;
        Ok(())
    })
    .await;
    sound(&report);
    let seen = server.seen();
    let (own, ours): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| seen.header("traceparent") == Some(OWN));
    assert_eq!((own.len(), ours.len()), (6, 18));
    let (mut spans, mut traces) = (BTreeSet::new(), BTreeSet::new());
    for seen in ours {
        let parent: Vec<_> = seen.header("traceparent").unwrap().split('-').collect();
        let [version, trace, span, flags] = parent[..] else { panic!("{parent:?}") };
        assert_eq!((version, trace, flags), ("00", seen.header("x-trace").unwrap(), "01"));
        assert!(span.len() == 16 && span.bytes().any(|b| b != b'0') && spans.insert(span), "{span}");
        traces.insert(trace);
    }
    assert_eq!(traces.len(), 6);
}

#[tokio::test]
async fn each_vu_has_its_own_connections_as_the_test_says() {
    for (http, connections) in
        [(per_vu(), 2), (per_vu().no_vu_connection_reuse(true), 6), (per_vu().no_connection_reuse(true), 12)]
    {
        let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
        let report = run(&server.url(), http, per_vu_iterations(3).vus(2), async |vu: &Vu| {
            vu.get("/a").send().await?;
            vu.get("/b").send().await?;
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!((server.requests(), server.connections()), (12, connections));
    }
}

#[tokio::test]
async fn tls_is_as_the_test_says() {
    let server = TlsServer::start().await.unwrap();
    let scenario = Scenario::new("tls", async |vu: &Vu| {
        assert_eq!(vu.get("/").send().await?.text()?, "{\"tls\":true}");
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).root_certificates(server.ca_pem()).http(per_vu());
    let report = test.scenario(scenario.executor(shared_iterations(5))).run().await.unwrap();
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (5, 1));
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (5.0, 0.0));
}

#[tokio::test]
async fn versions_and_compression_are_those_of_the_test() {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"]);
    let site = "server { listen @tls@ ssl http2; ssl_certificate server.pem; ssl_certificate_key server.key;
        gzip on; gzip_min_length 1; root .; }";
    let site =
        Nginx::site(site).file("server.pem", &*identity.certificate).file("server.key", &*identity.key);
    let text = "many words ".repeat(1_000);
    let Some(nginx) = site.file("page.html", &*text).start() else { return };
    for (versions, proto) in [
        (HttpVersions::Negotiated, "HTTP/2.0"),
        (HttpVersions::Http1, "HTTP/1.1"),
        (HttpVersions::Http2, "HTTP/2.0"),
    ] {
        let text = text.clone();
        let scenario = Scenario::new("page", async move |vu: &Vu| {
            let res = vu.get("/page.html").header("accept-encoding", "gzip").send().await?;
            assert_eq!((res.header("content-encoding"), res.text()?), (Some("gzip"), &*text));
            Ok(())
        });
        let test = LoadTest::new().base_url(nginx.tls_url("tls")).root_certificates(authority.pem());
        let report = test.http(per_vu().versions(versions)).scenario(scenario.executor(shared_iterations(2)));
        let report = report.run().await.unwrap();
        sound(&report);
        let series = report.metrics().series("http_reqs");
        assert_eq!((series.len(), series[0].tag("proto")), (1, Some(proto)));
    }
}

#[tokio::test]
async fn many_vus_on_two_cores_count_what_the_server_counts() {
    let _quiet = quiet().await;
    let client = of_user(|builder| builder.redirect(Policy::none()));
    for http in [per_vu(), Http::new().reqwest(client)] {
        let server = truth_server();
        let scenario = Scenario::new("many", async |vu: &Vu| {
            let (a, b) = tokio::join!(vu.get("/a").send(), vu.post("/b").body("x").send());
            let _both = (a?, b?);
            Ok(())
        });
        let test = LoadTest::new().base_url(server.url()).cores(2).http(http);
        let report = test.scenario(scenario.executor(shared_iterations(2_000).vus(40))).run().await.unwrap();
        sound(&report);
        assert_eq!(settled(&server).await.requests, 4_000);
        assert_eq!((report.count(HTTP_REQS), samples(&report, "http_req_duration")), (4_000.0, 4_000));
    }
}

#[tokio::test]
async fn a_dropped_request_counts_as_cancelled_and_leaves_its_connection() {
    for http in [per_vu(), Http::new().reqwest(of_user(|builder| builder))] {
        dropped_requests_count_as_cancelled(http).await;
    }
}

async fn dropped_requests_count_as_cancelled(http: Http) {
    let server = Misbehaving::start([misbehaving::never_answers(), misbehaving::answers()]).await.unwrap();
    let report = run(&server.url(), http, shared_iterations(1), async |vu: &Vu| {
        let request = vu.get("/dropped").send();
        assert!(tokio::time::timeout(millis(100), request).await.is_err());
        drop(vu.get("/never").send());
        assert_eq!(vu.get("/after").send().await?.text()?, "{\"ok\":true}");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.connections(), server.requests()), (2, 2));
    assert_eq!((report.count(HTTP_REQS), report.count(HTTP_REQ_ABANDONED)), (2.0, 0.0));
    let failed = crate::support::only_failed_series(&report);
    assert_eq!(failed.tag("error"), Some(ErrorKind::Cancelled.text()));
    assert_eq!((failed.tag("name"), failed.tag("status")), (Some("/dropped"), Some("0")));
    let dropped = report.metrics().series("http_req_duration").into_iter();
    let dropped: Vec<_> = dropped.filter(|series| series.tag("name") == Some("/dropped")).collect();
    let Stats::Trend { count: 1, min, .. } = dropped[0].stats(&[]) else { panic!("{dropped:?}") };
    assert!((100.0..5000.0).contains(&min), "{min}");
}

#[tokio::test]
async fn bodies_may_be_discarded() {
    let server = Echo::start(shop()).await;
    let scenario = Scenario::new("discards", async |vu: &Vu| {
        let res = vu.get("/").send().await?;
        assert!(res.bytes().is_empty() && res.text().is_err());
        Ok(())
    });
    let test = LoadTest::new().base_url(&server.url).http(per_vu()).discard_response_bodies(true);
    sound(&test.scenario(scenario.executor(shared_iterations(2))).run().await.unwrap());
    assert_eq!(server.seen().len(), 2);
}
