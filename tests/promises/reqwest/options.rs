//! What a test says and reqwest cannot do is an error before the start.

use std::convert::Infallible;

use futures_util::stream;
use loadcore::RunError;
use loadcore::http::{ErrorKind, Http, Http2, HttpVersions, Tls};
use loadcore::prelude::*;
use loadcore::reqwest::Proxy;
use testbed::{Misbehaving, misbehaving};

use super::{of_user, per_vu, run, sound};

/// Why a test of these options does not start.
async fn refusal(test: LoadTest) -> String {
    let scenario = Scenario::new("never", async |_: &Vu| Ok(()));
    match test.scenario(scenario.executor(shared_iterations(1))).run().await {
        Err(RunError::Http(error)) => error.to_string(),
        other => panic!("no error of HTTP but {other:?}"),
    }
}

async fn refusals(all: impl IntoIterator<Item = Http>) -> String {
    let mut told = String::new();
    for http in all {
        told = told + &refusal(LoadTest::new().http(http)).await + "\n";
    }
    told
}

#[tokio::test]
async fn options_of_loadcores_own_connections() {
    let told = refusals([
        per_vu().max_connection_age(secs(1)),
        per_vu().max_connections_per_host(6),
        per_vu().first_byte_timeout(secs(1)),
        per_vu().host("shop.test", "127.0.0.1"),
        per_vu().local_addresses("127.0.0.1"),
        per_vu().tls(Tls::new().server_name("shop.test")),
        per_vu().http2(Http2::new().max_streams(10)),
        per_vu().http2(Http2::new().connections(2)),
    ]);
    insta::assert_snapshot!(told.await, @r"
    HTTP option `max_connection_age`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    HTTP option `max_connections_per_host`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    HTTP option `first_byte_timeout`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    HTTP option `host`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    HTTP option `local_addresses`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    HTTP option `Tls::server_name`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    HTTP option `Http2::max_streams`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    HTTP option `Http2::connections`: only connections of loadcore's own keep it, and reqwest makes this test's: leave it out
    ");
}

#[tokio::test]
async fn options_that_a_client_of_ones_own_decides() {
    let own = || Http::new().reqwest(of_user(|builder| builder));
    let told = refusals([
        own().connect_timeout(secs(1)),
        own().no_connection_reuse(true),
        own().versions(HttpVersions::Http2),
        own().tls(Tls::new().insecure(true)),
        own().block_addresses("10.0.0.0/8"),
    ]);
    insta::assert_snapshot!(told.await, @r"
    HTTP option `connect_timeout`: the reqwest client's own options decide: say it there
    HTTP option `no_connection_reuse`: the reqwest client's own options decide: say it there
    HTTP option `versions`: the reqwest client's own options decide: say it there
    HTTP option `tls`: the reqwest client's own options decide: say it there
    HTTP option `block_addresses`: the reqwest client's own options decide: say it there
    ");
    let roots = LoadTest::new().http(own()).root_certificates("PEM");
    insta::assert_snapshot!(refusal(roots).await, @"HTTP option `root_certificates`: the reqwest client's own options decide: say it there");
}

#[tokio::test]
async fn two_options_that_both_say_who_sends_the_requests() {
    const PROXY: &str = "http://127.0.0.1:3128";
    let own = || Http::new().reqwest(of_user(|builder| builder));
    let told = refusals([per_vu().proxy(PROXY), own().proxy(PROXY), own().reqwest_per_vu(Ok).proxy(PROXY)]);
    insta::assert_snapshot!(told.await, @r"
    HTTP option `proxy`: reqwest_per_vu says already who sends the requests: write one of them; a client is given its proxy with builder.proxy(Proxy::all(url)?)
    HTTP option `proxy`: reqwest says already who sends the requests: write one of them; a client is given its proxy with builder.proxy(Proxy::all(url)?)
    HTTP option `proxy`: reqwest_per_vu says already who sends the requests: write one of them; a client is given its proxy with builder.proxy(Proxy::all(url)?)
    ");
    // One that is said again is another value.
    let again = refusals([Http::new().proxy(PROXY).proxy("ftp://127.0.0.1")]).await;
    assert!(again.starts_with("proxy `ftp://127.0.0.1`: its scheme is none of"), "{again}");
}

#[tokio::test]
async fn clients_that_cannot_be_built() {
    let told = refusals([
        Http::new().proxy("127.0.0.1:3128"),
        Http::new().proxy("ftp://ann:secret@127.0.0.1:21"),
        Http::new().proxy("http://:3128"),
        Http::new().reqwest_per_vu(|builder| Ok(builder.proxy(Proxy::http("http://a b")?))),
        Http::new().reqwest_per_vu(|builder| Ok(builder.user_agent("a\nb"))),
    ]);
    insta::assert_snapshot!(told.await, @r"
    proxy `127.0.0.1:3128`: its scheme is none of http, https, socks4, socks4a, socks5, socks5h; write for example http://127.0.0.1:3128 or socks5://127.0.0.1:1080
    proxy `ftp://****@127.0.0.1:21`: its scheme is none of http, https, socks4, socks4a, socks5, socks5h; write for example http://127.0.0.1:3128 or socks5://127.0.0.1:1080
    proxy `http://:3128`: builder error: empty host; write for example http://127.0.0.1:3128 or socks5://127.0.0.1:1080
    reqwest client `reqwest_per_vu`: builder error: invalid international domain name
    reqwest client `reqwest_per_vu`: builder error: failed to parse header value
    ");
}

#[tokio::test]
async fn bodies_that_are_streamed() {
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let report = run(&server.url(), per_vu(), shared_iterations(1), async |vu: &Vu| {
        let up = stream::iter([Ok::<_, Infallible>("a")]);
        let up = vu.post("/").body_stream(up).send().await.unwrap_err();
        let down = vu.get("/").send_streaming().await.unwrap_err();
        for (error, says) in [(up, "does not send a body_stream"), (down, "does not stream responses")] {
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.to_string().contains(says), "{error}");
        }
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((report.count(HTTP_REQS), server.connections()), (2.0, 0));
}
