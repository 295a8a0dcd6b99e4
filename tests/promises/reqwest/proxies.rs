//! Proxies: Debian's tinyproxy for HTTP, microsocks for SOCKS5.

use std::process::Command;

use axum::Router;
use axum::http::StatusCode;
use loadcore::http::{ErrorKind, Http, reqwest_builder};
use loadcore::prelude::*;
use testbed::misbehaving::{self, Misbehaving, Step};
use testbed::{Proxy, TlsServer, refused_url};

use super::{of_user, per_vu, requests, run, shop, sound};
use crate::echo::Echo;
use crate::support::{only_error, only_failed_series};

const ANN: (&str, &str) = ("ann", "s3cret");

/// Two VUs with two iterations of a request and a redirect.
async fn through(http: Http, server: &Echo) -> Report {
    run(&server.url, http, per_vu_iterations(2).vus(2), async |vu: &Vu| {
        assert_eq!(vu.get("/").send().await?.text()?, "home");
        assert_eq!(vu.post("/moved").body("data").send().await?.text()?, "cart");
        Ok(())
    })
    .await
}

/// The same without a proxy.
async fn direct() -> Report {
    through(Http::new(), &Echo::start(shop()).await).await
}

#[tokio::test]
async fn requests_go_through_an_http_proxy_and_count_as_without() {
    let Some(proxy) = Proxy::http(None) else { return };
    let server = Echo::start(shop()).await;
    // tinyproxy closes its connections, and does not say so.
    let http = Http::new().proxy(format!("http://{}", proxy.addr())).no_connection_reuse(true);
    let report = through(http, &server).await;
    sound(&report);
    assert_eq!(requests(&report), requests(&direct().await));
    let seen = server.seen();
    assert_eq!(seen.len(), 12);
    assert!(seen.iter().all(|seen| seen.header("via").unwrap().contains("tinyproxy")), "{seen:?}");
    assert!(seen.iter().all(|seen| seen.header("traceparent").is_some_and(|trace| trace.len() == 55)));
    assert_eq!(proxy.mentions("Request (file descriptor"), 12, "{}", proxy.log());
}

#[tokio::test]
async fn tls_goes_through_a_tunnel() {
    let Some(proxy) = Proxy::http(Some(ANN)) else { return };
    let server = TlsServer::start().await.unwrap();
    let scenario = || {
        let ask = Scenario::new("tls", async |vu: &Vu| {
            assert_eq!(vu.get("/").send().await?.text()?, "{\"tls\":true}");
            Ok(())
        });
        ask.executor(per_vu_iterations(3).vus(2))
    };
    let via = |user: &str| Http::new().proxy(format!("http://{user}@{}", proxy.addr()));
    let test =
        |http: Http| LoadTest::new().base_url(server.url()).root_certificates(server.ca_pem()).http(http);
    let report = test(via("ann:s3cret")).scenario(scenario()).run().await.unwrap();
    sound(&report);
    // A connection for each VU.
    assert_eq!((server.requests(), server.connections()), (6, 2));
    assert_eq!(proxy.mentions("Request (file descriptor"), 2, "{}", proxy.log());
    assert!(proxy.log().contains("CONNECT localhost:"), "{}", proxy.log());

    let report = test(via("ann:wrong")).scenario(scenario()).run().await.unwrap();
    let error = only_error(&report);
    assert_eq!((error.count, &*error.kind), (6, ErrorKind::Connect.text()), "{error:?}");
    assert!(error.first.contains("tunnel error"), "{error:?}");
    assert!(!format!("{error:?} {report}").contains("wrong@"), "{error:?}");
    assert_eq!(server.requests(), 6);
}

#[tokio::test]
async fn requests_go_through_socks_and_count_as_without() {
    for (credentials, user) in [(None, ""), (Some(ANN), "ann:s3cret@")] {
        for scheme in ["socks5", "socks5h"] {
            let Some(proxy) = Proxy::socks(credentials) else { return };
            let server = Echo::start(shop()).await;
            let report =
                through(Http::new().proxy(format!("{scheme}://{user}{}", proxy.addr())), &server).await;
            sound(&report);
            assert_eq!(requests(&report), requests(&direct().await));
            assert_eq!(server.seen().len(), 12);
            let to = server.url.trim_start_matches("http://");
            assert_eq!(proxy.mentions(&format!("connected to {to}")), 2, "{}", proxy.log());
        }
    }
}

#[tokio::test]
async fn tls_goes_through_socks_and_the_proxy_looks_names_up() {
    let Some(proxy) = Proxy::socks(None) else { return };
    let server = TlsServer::start().await.unwrap();
    let scenario = Scenario::new("tls", async |vu: &Vu| {
        assert_eq!(vu.get("/").send().await?.text()?, "{\"tls\":true}");
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).root_certificates(server.ca_pem());
    let test = test.http(Http::new().proxy(format!("socks5h://{}", proxy.addr())));
    let report = test.scenario(scenario.executor(shared_iterations(3))).run().await.unwrap();
    sound(&report);
    assert_eq!((server.requests(), server.connections()), (3, 1));
    // microsocks tells the name that it was given.
    assert_eq!(proxy.mentions("connected to localhost:"), 1, "{}", proxy.log());
}

/// One request to this URL through that proxy.
async fn lost(proxy: String, url: &str) -> Report {
    let journey = async |vu: &Vu| {
        vu.get("/").timeout(secs(5)).send().await?;
        Ok(())
    };
    run(url, Http::new().proxy(proxy), shared_iterations(1), journey).await
}

#[tokio::test]
async fn what_goes_wrong_at_a_proxy_has_a_name() {
    // The proxy itself is not there.
    let nobody = refused_url();
    // reqwest keeps to itself what SOCKS has failed of.
    let socks = nobody.replace("http:", "socks5:");
    for (proxy, kind) in [(nobody, ErrorKind::ConnectionRefused), (socks, ErrorKind::Connect)] {
        let report = lost(proxy, "http://127.0.0.1:9").await;
        let error = only_error(&report);
        assert_eq!(error.kind, kind.text(), "{error:?}");
        assert_eq!(only_failed_series(&report).tag("error_code"), Some(&*kind.code().to_string()));
    }
    // The target behind it is not there.
    if let Some(socks) = Proxy::socks(None) {
        let report = lost(format!("socks5://{}", socks.addr()), &refused_url()).await;
        let error = only_error(&report);
        assert_eq!(error.kind, ErrorKind::Connect.text(), "{error:?}");
        assert!(error.first.contains("SOCKS"), "{error:?}");
    }
    // It wants to know who asks.
    for credentials in [Some(ANN), None] {
        let (Some(http), Some(socks)) = (Proxy::http(Some(ANN)), Proxy::socks(Some(ANN))) else { break };
        let (user, answer) = match credentials {
            // Not with this password.
            Some(_) => ("ann:other@", "401"),
            None => ("", "407"),
        };
        let report = lost(format!("http://{user}{}", http.addr()), "http://127.0.0.1:9").await;
        sound(&report);
        let failed = only_failed_series(&report);
        let code = format!("1{answer}");
        assert_eq!((failed.tag("status"), failed.tag("error_code")), (Some(answer), Some(&*code)));
        let report = lost(format!("socks5://{user}{}", socks.addr()), "http://127.0.0.1:9").await;
        let error = only_error(&report);
        assert_eq!(error.kind, ErrorKind::Connect.text(), "{error:?}");
        assert!(error.first.contains("SOCKS") && !error.first.contains("ann"), "{error:?}");
    }
    // It takes the connection and says nothing.
    let silent = Misbehaving::start([vec![Step::Hang]]).await.unwrap();
    for scheme in ["http", "socks5"] {
        let http = Http::new().proxy(format!("{scheme}://{}", silent.addr())).connect_timeout(millis(150));
        let report = run("https://127.0.0.1:9", http, shared_iterations(1), async |vu: &Vu| {
            vu.get("/").timeout(secs(5)).send().await?;
            Ok(())
        })
        .await;
        assert_eq!(only_error(&report).kind, ErrorKind::ConnectTimeout.text(), "{scheme}: {report}");
    }
    // An HTTP proxy answers for it.
    if let Some(proxy) = Proxy::http(None) {
        let report = lost(format!("http://{}", proxy.addr()), &refused_url()).await;
        sound(&report);
        let failed = only_failed_series(&report);
        assert_eq!((failed.tag("status"), failed.tag("error_code")), (Some("500"), Some("1500")));
    }
}

/// Only a process of its own can have other variables.
#[tokio::test]
async fn variables_of_proxies_are_read_by_a_client_of_ones_own_alone() {
    const TEST: &str = "reqwest::proxies::variables_of_proxies_are_read_by_a_client_of_ones_own_alone";
    const URL: &str = "LOADCORE_TEST_DIRECT_URL";
    if let Ok(url) = std::env::var(URL) {
        let is_direct = async |http: Http| {
            let report = run(&url, http, shared_iterations(1), async |vu: &Vu| {
                vu.get("/").send().await?;
                Ok(())
            });
            let report = report.await;
            sound(&report);
            report.rate(HTTP_REQ_FAILED) == 0.0
        };
        assert!(is_direct(Http::new()).await && is_direct(per_vu()).await);
        assert!(is_direct(Http::new().reqwest(reqwest_builder().build().unwrap())).await);
        assert!(is_direct(Http::new().reqwest(of_user(|builder| builder.no_proxy()))).await);
        assert!(!is_direct(Http::new().reqwest(of_user(|builder| builder))).await);
        return;
    }
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let proxy = Echo::start(Router::new().fallback(async || StatusCode::FORBIDDEN)).await;
    let mut command = Command::new("/proc/self/exe");
    command.args(["--exact", TEST, "--nocapture"]).env(URL, server.url()).env_remove("NO_PROXY");
    command.env_remove("no_proxy").env_remove("REQUEST_METHOD");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &proxy.url);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
    assert_eq!((server.requests(), proxy.seen().len()), (4, 1));
}
