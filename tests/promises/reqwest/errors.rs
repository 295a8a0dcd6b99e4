//! What goes wrong has the same name, number and samples through reqwest as over connections of loadcore's own.

use loadcore::http::{ErrorKind, Http};
use loadcore::metric::ErrorGroup;
use loadcore::prelude::*;
use testbed::misbehaving::{self, Script, Step};
use testbed::{Misbehaving, TlsServer, refused_url};

use super::{per_vu, samples};
use crate::support::{full, only_error, only_failed_series};

/// What one failed request has come to.
#[derive(Debug, PartialEq)]
struct Failed {
    kind: String,
    code: String,
    has_duration: bool,
    place: String,
}

/// One request to this URL.
async fn fails(url: &str, http: Http, ca_pem: Option<&str>) -> (Failed, ErrorGroup, Report) {
    let scenario = Scenario::new("fails", async |vu: &Vu| {
        vu.get("/lost?token=secret").timeout(millis(400)).send().await?;
        Ok(())
    });
    let mut test = LoadTest::new().base_url(url).http(http);
    if let Some(pem) = ca_pem {
        test = test.root_certificates(pem);
    }
    let report = test.scenario(scenario.executor(shared_iterations(1))).run().await.unwrap();
    let error = only_error(&report);
    let series = only_failed_series(&report);
    let tag = |key: &str| series.tag(key).unwrap_or("").to_owned();
    assert_eq!((tag("status"), tag("name"), tag("error")), ("0".into(), "/lost".into(), error.kind.clone()));
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (1.0, 1.0));
    let has_duration = samples(&report, "http_req_duration") == 1;
    let failed = Failed {
        kind: error.kind.clone(),
        code: tag("error_code"),
        has_duration,
        place: error.place.clone(),
    };
    (failed, error, report)
}

/// Both ways, with this kind of error.
async fn same(url: &str, own: Http, via: Http, ca_pem: Option<&str>, want: ErrorKind) {
    let (ours, ..) = fails(url, own, ca_pem).await;
    let (theirs, error, report) = fails(url, via, ca_pem).await;
    assert_eq!(ours, theirs, "{url}");
    assert_eq!((&*theirs.kind, &*theirs.code), (want.text(), &*want.code().to_string()), "{url}");
    let first = error.first;
    assert!(first.starts_with(&format!("GET {url}/lost?token=secret: {}", want.text())), "{first}");
    assert_eq!(samples(&report, "http_req_blocked"), 0, "{url}");
}

#[tokio::test]
async fn connections_that_are_not_made() {
    let (own, via) = (Http::new, per_vu);
    same(&refused_url(), own(), via(), None, ErrorKind::ConnectionRefused).await;
    same("http://no-such-host.invalid:8080", own(), via(), None, ErrorKind::NoSuchHost).await;
    let (listener, _waiting) = full("127.0.0.1:0").await;
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let within = |http: Http| http.connect_timeout(millis(100));
    same(&silent, within(own()), within(via()), None, ErrorKind::ConnectTimeout).await;
}

#[tokio::test]
async fn certificates_that_nobody_should_trust() {
    let (own, via) = (Http::new, per_vu);
    let (stranger, other) =
        (TlsServer::start().await.unwrap(), TlsServer::start_for(&["shop.test"]).await.unwrap());
    same(&stranger.url(), own(), via(), None, ErrorKind::UnknownAuthority).await;
    same(&other.url(), own(), via(), Some(other.ca_pem()), ErrorKind::WrongHost).await;
    let plain = vec![Step::Send("HTTP/1.1 400 Bad Request\r\n\r\n".into()), Step::Hang];
    let plain = Misbehaving::start([plain]).await.unwrap();
    same(&plain.url().replace("http:", "https:"), own(), via(), None, ErrorKind::NotTls).await;
    assert_eq!((stranger.requests(), other.requests()), (0, 0));
}

#[tokio::test]
async fn answers_that_are_lost() {
    let faults: [(fn() -> Script, ErrorKind); 7] = [
        (misbehaving::hangs_up_at_once, ErrorKind::ConnectionClosed),
        (misbehaving::hang_up_mid_head, ErrorKind::ConnectionClosed),
        (misbehaving::hang_up_mid_body, ErrorKind::ConnectionClosed),
        (misbehaving::resets, ErrorKind::ConnectionReset),
        (misbehaving::garbage, ErrorKind::InvalidResponse),
        (misbehaving::never_answers, ErrorKind::Timeout),
        (|| misbehaving::dribbles(millis(100)), ErrorKind::Timeout),
    ];
    for (script, want) in faults {
        let server = Misbehaving::start([script()]).await.unwrap();
        same(&server.url(), Http::new(), per_vu(), None, want).await;
        assert_eq!(server.requests(), 2, "{want:?}");
    }
}

#[tokio::test]
async fn a_host_that_the_test_blocks_is_not_asked() {
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let url = server.url().replace("127.0.0.1", "localhost");
    let block = |http: Http| http.block_host("localhost");
    same(&url, block(Http::new()), block(per_vu()), None, ErrorKind::BlockedHost).await;
    assert_eq!(server.connections(), 0);
}
