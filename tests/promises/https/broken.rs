//! What becomes of a connection whose TLS goes wrong after the handshake.

use std::sync::Arc;

use loadcore::http::{ErrorKind, Http, Tls};
use loadcore::prelude::*;
use testbed::{Authority, Misbehaving, Step, tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{only_error, only_failed_series};

/// The URL of a server that speaks this protocol by TLS, and then sends something that is none of TLS.
async fn goes_on_without_tls(authority: &Authority, protocol: &[u8]) -> String {
    let mut config = tls::config(&authority.server(&["localhost"])).unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(tcp).await.unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
        let (mut tcp, _) = stream.into_inner();
        tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    url
}

#[tokio::test]
async fn what_is_none_of_tls_breaks_a_connection_of_either_version() {
    for protocol in ["http/1.1", "h2"] {
        let authority = Authority::new();
        let url = goes_on_without_tls(&authority, protocol.as_bytes()).await;
        let scenario = Scenario::new("get", async |vu: &Vu| {
            vu.get("/").timeout(secs(10)).send().await?;
            Ok(())
        });
        let tls = Tls::new().root_certificates(authority.pem());
        let test = LoadTest::new().base_url(url).http(Http::new().tls(tls));
        let report = test.scenario(scenario.executor(shared_iterations(1))).run().await.unwrap();
        let error = only_error(&report);
        assert_eq!(error.kind, ErrorKind::BrokenTls.text(), "{protocol}: {error:?}");
        assert_eq!(only_failed_series(&report).tag("error_code"), Some("1300"));
    }
}

/// Many servers leave out TLS's own farewell.
#[tokio::test]
async fn a_kept_connection_that_ends_without_a_word_is_replaced_before_it_fails() {
    let authority = Authority::new();
    let answer = Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into());
    let once = vec![Step::ReadRequest, answer, Step::Cut];
    let identity = authority.server(&["localhost"]);
    let server = Misbehaving::start_tls(&identity, vec![once.clone(), once.clone(), once]).await.unwrap();
    // What is not idempotent is not sent again.
    let scenario = Scenario::new("post", async |vu: &Vu| {
        vu.post("/").send().await?;
        vu.sleep(millis(50)).await;
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).root_certificates(authority.pem());
    let report = test.scenario(scenario.executor(per_vu_iterations(3).vus(1))).run().await.unwrap();
    assert_eq!((report.errors(), report.count(HTTP_REQS)), (Vec::new(), 3.0), "{report}");
}
