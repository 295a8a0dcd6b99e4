//! HTTPS: trusted authorities are served and timed, strangers are refused by name.

use loadcore::metric::Stats as Numbers;
use loadcore::prelude::*;
use testbed::{Misbehaving, Step, TlsServer};

use crate::support::{only_error, only_failed_series};

fn get() -> Scenario {
    Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    })
}

#[tokio::test]
async fn a_trusted_server_is_served_over_one_handshake_a_connection() {
    let server = TlsServer::start().await.unwrap();
    let scenario = Scenario::new("secure", async |vu: &Vu| {
        let first = vu.get("/").send().await?;
        let second = vu.get("/").send().await?;
        assert!(first.timings().tls_handshaking > secs(0) && first.timings().connecting > secs(0));
        assert!(first.timings().blocked >= first.timings().connecting + first.timings().tls_handshaking);
        assert_eq!((second.timings().tls_handshaking, second.timings().connecting), (secs(0), secs(0)));
        assert_eq!(second.text()?, r#"{"tls":true}"#);
        Ok(())
    });
    let report = LoadTest::new()
        .base_url(server.url())
        .root_certificates(server.ca_pem())
        .scenario(scenario.executor(per_vu_iterations(1).vus(5)))
        .run()
        .await
        .unwrap();
    assert_eq!(report.errors(), [], "{report}");
    assert_eq!((server.connections(), server.handshakes(), server.requests()), (5, 5, 10));
    assert_eq!(report.count(HTTP_REQS.tag("tls_version", "tls1.3").tag("status", "200")), 10.0);
    let Numbers::Trend { count, min, max, .. } = report.stats(HTTP_REQ_TLS_HANDSHAKING, &[]) else {
        panic!("a trend")
    };
    assert!(count == 10 && min == 0.0 && max > 0.0);
    // Bytes are counted on the wire: certificates and records weigh more than what they carry.
    assert!(report.count(DATA_RECEIVED) > 5.0 * 500.0 + 10.0 * 80.0);
}

#[tokio::test]
async fn an_unknown_authority_a_wrong_host_and_no_tls_at_all_are_told_apart() {
    let stranger = TlsServer::start().await.unwrap();
    let elsewhere = TlsServer::start_for(&["elsewhere.test"]).await.unwrap();
    let greeting = Step::Send("220 mail.example.com ESMTP ready\r\n".into());
    let plain = Misbehaving::start([vec![greeting, Step::Hang]]).await.unwrap();
    let no_tls = plain.url().replace("http://", "https://");
    for (url, trusted, kind, code) in [
        (stranger.url(), None, "certificate of unknown authority", "1310"),
        (elsewhere.url(), Some(elsewhere.ca_pem()), "certificate for another host", "1311"),
        (no_tls, None, "server speaks no tls", "1301"),
    ] {
        let test = LoadTest::new().base_url(&url);
        let test = if let Some(pem) = trusted { test.root_certificates(pem) } else { test };
        let report = test.scenario(get().executor(shared_iterations(3))).run().await.unwrap();
        let error = only_error(&report);
        assert_eq!((error.kind.as_str(), error.count), (kind, 3), "{error:?}");
        assert!(error.first.starts_with(&format!("GET {url}/: {kind}")), "{}", error.first);
        let series = only_failed_series(&report);
        assert_eq!((series.tag("error"), series.tag("error_code")), (Some(kind), Some(code)));
        assert_eq!((series.tag("status"), report.count(HTTP_REQS)), (Some("0"), 3.0));
        // Without a connection there is nothing whose duration could be told.
        assert!(report.stats(HTTP_REQ_DURATION, &[]).is_empty());
    }
    assert_eq!((stranger.requests(), elsewhere.requests()), (0, 0));
}
