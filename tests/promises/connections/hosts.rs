//! Hosts that lead elsewhere, or nowhere.

use super::door::{Door, failure, run, sound};
use loadcore::http::{Dns, ErrorKind, Http};
use loadcore::prelude::*;
use std::net::IpAddr;

async fn request(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

#[tokio::test]
async fn an_override_leads_elsewhere_and_the_target_does_not_see_it() {
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().host("shop.test", &format!("127.0.0.1:{}", door.port));
    let report = run("http://shop.test", http, 1, async |vu: &Vu| {
        let response = vu.get("http://SHOP.test/cart").send().await?;
        assert_eq!(response.remote_addr().unwrap().ip(), IpAddr::from([127, 0, 0, 1]));
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!(door.requests()[0].header("host"), Some("shop.test"));
    assert_eq!(report.metrics().series("http_reqs")[0].tag("name"), Some("http://SHOP.test/cart"));
}

#[tokio::test]
async fn an_override_with_a_port_goes_before_one_without_and_a_name_before_an_end() {
    let (by_port, by_name, by_end) =
        (Door::open("127.0.0.1").await, Door::open("127.0.0.1").await, Door::open("127.0.0.1").await);
    let to = |door: &Door| format!("127.0.0.1:{}", door.port);
    let http = Http::new()
        .host("*.test", &to(&by_end))
        .host("shop.test", &to(&by_name))
        .host("shop.test:8080", &to(&by_port));
    let report = run("http://shop.test", http, 1, async |vu: &Vu| {
        vu.get("/name").send().await?;
        vu.get("http://shop.test:8080/port").send().await?;
        vu.get("http://cdn.shop.test:81/end").send().await?;
        Ok(())
    });
    sound(&report.await);
    for (door, target) in [(by_port, "/port"), (by_name, "/name"), (by_end, "/end")] {
        let targets: Vec<_> = door.requests().into_iter().map(|request| request.target).collect();
        assert_eq!(targets, [target]);
    }
}

#[tokio::test]
async fn an_override_without_a_port_keeps_the_urls_and_one_to_a_name_is_looked_up() {
    let door = Door::open("[::]").await;
    let dns = Dns::new().resolver(async |name: &str| {
        assert_eq!(name, "app.internal");
        Ok(vec![IpAddr::from([127, 0, 0, 3])])
    });
    let http = Http::new().dns(dns).host("shop.test", "127.0.0.2").host("app.test", "app.internal");
    let http = http.host("*.six.test", "[::1]");
    let port = door.port;
    let report = run("http://shop.test", http, 1, async move |vu: &Vu| {
        for host in ["shop.test", "app.test", "a.six.test"] {
            vu.get(format!("http://{host}:{port}/")).send().await?;
        }
        Ok(())
    });
    sound(&report.await);
    let at: Vec<_> = door.guests().iter().map(|guest| guest.at.unwrap().to_string()).collect();
    assert_eq!(at, ["127.0.0.2", "127.0.0.3", "::1"]);
}

#[tokio::test]
async fn behind_an_override_the_certificate_must_still_be_the_urls() {
    let server = testbed::TlsServer::start_for(&["shop.test"]).await.unwrap();
    let to = server.addr().to_string();
    let http = Http::new().host("shop.test", &to).host("other.test", &to);
    let journey = Scenario::new("guest", async |vu: &Vu| {
        assert_eq!(vu.get("https://shop.test/").send().await?.status(), 200);
        let other = vu.get("https://other.test/").send().await;
        assert_eq!(other.unwrap_err().kind(), ErrorKind::WrongHost);
        Ok(())
    });
    let test = LoadTest::new().root_certificates(server.ca_pem()).http(http);
    sound(&test.scenario(journey.executor(per_vu_iterations(1).vus(1))).run().await.unwrap());
}

#[tokio::test]
async fn nothing_is_sent_to_a_blocked_host() {
    let door = Door::open("127.0.0.1").await;
    let to = format!("127.0.0.1:{}", door.port);
    let http = Http::new().host("*", &to).block_host("*.ads.test");
    let report = run("http://shop.test", http.clone(), 1, async |vu: &Vu| {
        vu.get("http://ads.test/").send().await?;
        vu.get("http://X.ads.test/pixel").send().await?;
        Ok(())
    });
    let (code, error, message) = failure(&report.await);
    assert_eq!((code.as_str(), error.as_str()), ("1111", "blocked host"));
    assert_eq!(message, "GET http://x.ads.test/pixel: blocked host: x.ads.test is blocked by `*.ads.test`");
    assert_eq!(door.requests().len(), 1);
    // An override does not lead there either.
    let http = http.host("shop.test", "y.ads.test");
    assert_eq!(failure(&run("http://shop.test", http, 1, request).await).0, "1111");
}

#[tokio::test]
async fn a_blocked_address_is_not_connected_to_however_it_was_found() {
    let door = Door::open("127.0.0.1").await;
    let blocked = || Http::new().block_addresses("10.0.0.0/8, 127.0.0.0/8");
    let dns = || Dns::new().resolver(async |_: &str| Ok(vec![IpAddr::from([127, 0, 0, 1])]));
    let port = door.port;
    for (url, http) in [
        (door.url(), blocked()),
        (format!("http://shop.test:{port}"), blocked().dns(dns())),
        (format!("http://shop.test:{port}"), blocked().host("shop.test", "127.0.0.1")),
        (format!("http://[::ffff:127.0.0.1]:{port}"), blocked()),
    ] {
        let (code, error, message) = failure(&run(&url, http, 1, request).await);
        assert_eq!((code.as_str(), error.as_str()), ("1110", "blocked address"), "{url}");
        assert!(message.ends_with("127.0.0.1 is in the blocked range 127.0.0.0/8"), "{message}");
    }
    assert_eq!(door.guests().len(), 0);
}

#[tokio::test]
async fn a_blocked_address_does_not_step_in_for_one_that_refuses() {
    let door = Door::open("127.0.0.1").await;
    // At the first address nobody listens on this port.
    let dns = || {
        let both = [[127, 0, 0, 9], [127, 0, 0, 1]].map(IpAddr::from).to_vec();
        Dns::new().resolver(async move |_: &str| Ok(both.clone()))
    };
    let url = format!("http://shop.test:{}", door.port);
    let blocked = Http::new().dns(dns()).block_addresses("127.0.0.1");
    assert_eq!(failure(&run(&url, blocked, 1, request).await).1, "connection refused");
    assert_eq!(door.guests().len(), 0);
    sound(&run(&url, Http::new().dns(dns()), 1, request).await);
    assert_eq!(door.guests().len(), 1);
}
