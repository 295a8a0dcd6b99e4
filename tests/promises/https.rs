//! Promise: what a test says about TLS is what its servers see, and what is wrong with a connection is told in words.

mod broken;
mod certificates;
mod clients;
mod keys;
mod refused;
mod sessions;

use std::sync::{Arc, Mutex};

use loadcore::http::{Http, Tls, TlsVersion};
use loadcore::plan::Executor;
use loadcore::prelude::*;
use testbed::{Authority, Identity, Nginx};

/// What nginx tells of a connection, one thing after the other.
const TELLS: &str =
    "$ssl_protocol|$ssl_cipher|$ssl_server_name|$ssl_session_reused|$ssl_client_s_dn|$ssl_client_verify";

/// An nginx that tells each request what it saw of its connection; `more` are directives of its server.
fn telling(identity: &Identity, more: &str) -> Option<Nginx> {
    let server = format!(
        "server {{ listen @tls@ ssl; ssl_certificate server.pem; ssl_certificate_key server.key; {more}
           location / {{ return 200 '{TELLS}'; }} }}"
    );
    let site = Nginx::site(server).file("server.pem", &*identity.certificate);
    site.file("server.key", &*identity.key).start()
}

/// What nginx saw of one request, and what its response said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    version: String,
    cipher: String,
    server_name: String,
    resumed: String,
    client: String,
    /// The response's own word.
    said: [Option<String>; 2],
}

impl Told {
    fn read(response: &loadcore::http::Response) -> Self {
        let text = response.text().unwrap();
        let mut parts = text.split('|').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_else(|| panic!("nginx told only {text:?}"));
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self {
            version: part(),
            cipher: part(),
            server_name: part(),
            resumed: part(),
            client: part(),
            said: [own(response.tls_version()), own(response.tls_cipher())],
        }
    }
}

/// Sends requests to that URL under these options, and hands out what each was told, in the order of the answers.
async fn ask(url: &str, tls: Tls, executor: impl Into<Executor>) -> (Vec<Told>, loadcore::Report) {
    let told = Arc::<Mutex<Vec<Told>>>::default();
    let (noted, url) = (Arc::clone(&told), url.to_owned());
    let scenario = Scenario::new("ask", async move |vu: &Vu| {
        let response = vu.get(&url).send().await?;
        noted.lock().unwrap().push(Told::read(&response));
        Ok(())
    });
    let test = LoadTest::new().http(Http::new().tls(tls)).scenario(scenario.executor(executor));
    let report = test.run().await.unwrap();
    let told = told.lock().unwrap().clone();
    (told, report)
}

/// [`ask`] of a single request, which must be answered.
async fn ask_once(url: &str, tls: Tls) -> Told {
    let (mut told, report) = ask(url, tls, shared_iterations(1)).await;
    assert_eq!((report.errors(), told.len()), (Vec::new(), 1), "{report}");
    told.remove(0)
}

#[tokio::test]
async fn the_versions_that_a_test_allows_are_the_ones_it_speaks() {
    let authority = Authority::new();
    let Some(nginx) = telling(&authority.server(&["localhost"]), "") else {
        return;
    };
    let trusting = || Tls::new().root_certificates(authority.pem());
    for (tls, of_nginx, of_response) in [
        (trusting(), "TLSv1.3", "tls1.3"),
        (trusting().max_version(TlsVersion::V1_2), "TLSv1.2", "tls1.2"),
        (trusting().min_version(TlsVersion::V1_3), "TLSv1.3", "tls1.3"),
    ] {
        let (told, report) = ask(&nginx.tls_url("tls"), tls, shared_iterations(1)).await;
        assert_eq!(told[0].version, of_nginx, "{report}");
        assert_eq!(told[0].said[0].as_deref(), Some(of_response));
        assert_eq!(report.count(HTTP_REQS.tag("tls_version", of_response)), 1.0);
    }
}

#[tokio::test]
async fn the_cipher_suites_that_a_test_names_are_the_ones_it_offers() {
    let authority = Authority::new();
    let Some(nginx) = telling(&authority.server(&["localhost"]), "") else {
        return;
    };
    // nginx writes the older ones in OpenSSL's way.
    for (suite, of_nginx) in [
        ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
        ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ] {
        let tls = Tls::new().root_certificates(authority.pem()).cipher_suites([suite]);
        let told = ask_once(&nginx.tls_url("tls"), tls).await;
        assert_eq!((&*told.cipher, told.said[1].as_deref()), (of_nginx, Some(suite)));
    }
}

#[tokio::test]
async fn a_server_is_asked_for_the_host_or_for_the_name_that_a_test_gives() {
    let authority = Authority::new();
    let Some(nginx) = telling(&authority.server(&["localhost", "other.test", "127.0.0.1"]), "") else {
        return;
    };
    let trusting = || Tls::new().root_certificates(authority.pem());
    assert_eq!(ask_once(&nginx.tls_url("tls"), trusting()).await.server_name, "localhost");
    let other = trusting().server_name("other.test");
    assert_eq!(ask_once(&nginx.tls_url("tls"), other).await.server_name, "other.test");
    // An address is no name that could be asked for.
    let by_address = format!("https://{}", nginx.addr("tls"));
    assert_eq!(ask_once(&by_address, trusting()).await.server_name, "");
}

#[tokio::test]
async fn a_request_without_tls_has_neither_version_nor_cipher_suite() {
    let server = crate::support::truth_server();
    let scenario = Scenario::new("plain", async |vu: &Vu| {
        let response = vu.get("/").send().await?;
        assert_eq!((response.tls_version(), response.tls_cipher()), (None, None));
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).scenario(scenario.executor(shared_iterations(1)));
    assert_eq!(test.run().await.unwrap().errors(), []);
}

#[tokio::test]
async fn a_response_over_http2_tells_of_its_tls_too() {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"]);
    let site = "server { listen @tls@ ssl http2; ssl_certificate server.pem; ssl_certificate_key server.key;
        location / { return 200 $server_protocol; } }";
    let site = Nginx::site(site).file("server.pem", identity.certificate).file("server.key", identity.key);
    let Some(nginx) = site.start() else { return };
    let scenario = Scenario::new("http2", async |vu: &Vu| {
        let response = vu.get("/").send().await?;
        assert_eq!(response.text()?, "HTTP/2.0");
        let told = (response.tls_version(), response.tls_cipher());
        assert_eq!(told, (Some("tls1.3"), Some("TLS_AES_256_GCM_SHA384")));
        Ok(())
    });
    let test = LoadTest::new().base_url(nginx.tls_url("tls")).root_certificates(authority.pem());
    let report = test.scenario(scenario.executor(shared_iterations(2))).run().await.unwrap();
    assert_eq!(report.errors(), []);
    assert_eq!(report.count(HTTP_REQS.tag("tls_version", "tls1.3").tag("proto", "HTTP/2.0")), 2.0);
}
