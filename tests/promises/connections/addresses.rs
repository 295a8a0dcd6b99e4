//! Where connections come from, and Unix sockets.

use super::door::{Door, failure, run, sound};
use loadcore::Setup;
use loadcore::http::{Dns, DnsPolicy, HTTP_REQS, Http};
use loadcore::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;

async fn request(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

/// From where each VU came, by its number.
async fn came_from(pool: &str, vus: u64) -> BTreeMap<u64, String> {
    let door = Door::open("127.0.0.1").await;
    let journey = Scenario::new("guest", async |vu: &Vu| {
        vu.get(path!("/{}", vu.id())).send().await?;
        Ok(())
    });
    let http = Http::new().no_connection_reuse(true).local_addresses(pool);
    let test = LoadTest::new().base_url(door.url()).http(http);
    let journey = journey.executor(per_vu_iterations(2).vus(vus));
    sound(&test.scenario(journey).run().await.unwrap());
    let mut seen = BTreeMap::new();
    for guest in door.guests() {
        let (vu, from) = (guest.targets()[0][1..].parse().unwrap(), guest.from.unwrap().to_string());
        let before = seen.insert(vu, from.clone());
        assert!(before.is_none_or(|before| before == from), "VU {vu} came from two addresses");
    }
    seen
}

#[tokio::test]
async fn each_vu_comes_from_the_next_address_of_the_pool() {
    let seen = came_from("127.0.0.2-127.0.0.4", 7).await;
    let expected = [2, 3, 4, 2, 3, 4, 2].map(|last| format!("127.0.0.{last}"));
    assert_eq!(seen.into_values().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn vus_are_counted_over_all_scenarios() {
    let door = Door::open("127.0.0.1").await;
    let journey = |name: &'static str| {
        let journey = Scenario::new(name, async |vu: &Vu| {
            vu.get(path!("/{}", vu.id())).send().await?;
            Ok(())
        });
        journey.executor(per_vu_iterations(1).vus(2))
    };
    let test = LoadTest::new()
        .base_url(door.url())
        .cores(2)
        .http(Http::new().local_addresses("127.0.0.2-127.0.0.4"));
    let setup = async |vu: &Vu| Ok(vu.get("/0").send().await?.status());
    let test = test.setup(Setup::new("first", setup)).scenario(journey("first")).scenario(journey("second"));
    sound(&test.run().await.unwrap());
    let mut came: Vec<_> =
        door.guests().iter().map(|guest| format!("{} {}", guest.targets()[0], guest.from.unwrap())).collect();
    came.sort();
    assert_eq!(came, ["/0 127.0.0.2", "/1 127.0.0.2", "/2 127.0.0.3", "/3 127.0.0.4", "/4 127.0.0.2"]);
}

#[tokio::test]
async fn a_network_gives_its_hosts_and_pools_are_joined() {
    let seen = came_from("127.0.1.0/30,127.0.2.9", 4).await;
    let expected = ["127.0.1.1", "127.0.1.2", "127.0.2.9", "127.0.1.1"];
    assert_eq!(seen.into_values().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn from_an_ipv4_address_only_ipv4_targets_are_reached() {
    let door = Door::open("[::]").await;
    let http = || {
        let dns = Dns::new().policy(DnsPolicy::PreferIpv6);
        let both = vec!["::1".parse().unwrap(), IpAddr::from([127, 0, 0, 1])];
        let dns = dns.resolver(async move |_: &str| Ok(both.clone()));
        Http::new().dns(dns).local_addresses("127.0.0.5")
    };
    sound(&run(format!("http://shop.test:{}", door.port), http(), 1, request).await);
    assert_eq!(door.guests()[0].from, Some(IpAddr::from([127, 0, 0, 5])));
    sound(&run(format!("http://[::ffff:127.0.0.1]:{}", door.port), http(), 1, request).await);
    let (code, _, message) = failure(&run(format!("http://[::1]:{}", door.port), http(), 1, request).await);
    assert_eq!(code, "1210");
    let expected = "from 127.0.0.5 only addresses of its own kind can be reached, and there is none";
    assert!(message.ends_with(expected), "{message}");
}

#[tokio::test]
async fn a_local_address_serves_several_targets() {
    let doors = [Door::open("127.0.0.1").await, Door::open("127.0.0.1").await];
    let urls = doors.each_ref().map(Door::url);
    let report =
        run("http://unused.test", Http::new().local_addresses("127.0.0.77"), 1, async move |vu: &Vu| {
            for url in &urls {
                vu.get(url).send().await?;
            }
            Ok(())
        });
    sound(&report.await);
    assert!(doors.iter().all(|door| door.guests()[0].from == Some(IpAddr::from([127, 0, 0, 77]))));
}

#[tokio::test]
async fn a_whole_test_runs_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let door = Door::open_unix(&path);
    let report = run("http://localhost", Http::new().unix_socket(&path), 3, async |vu: &Vu| {
        let response = vu.get("/x").send().await?;
        assert_eq!((response.text()?, response.remote_addr()), ("/x", None));
        vu.get("http://elsewhere.test:8080/y").send().await?;
        Ok(())
    });
    let report = report.await;
    sound(&report);
    assert_eq!(report.count(HTTP_REQS), 6.0);
    let guests = door.guests();
    assert_eq!(guests.len(), 2, "one connection for each host");
    assert_eq!(guests[0].requests[0].header("host"), Some("localhost"));
    assert_eq!(guests[1].requests[0].header("host"), Some("elsewhere.test:8080"));
}

#[tokio::test]
async fn a_single_host_leads_to_a_unix_socket_by_its_override() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let (socket, door) = (Door::open_unix(&path), Door::open("127.0.0.1").await);
    let http = Http::new().host("app.test", &format!("unix:{}", path.display()));
    let report = run(door.url(), http, 1, async |vu: &Vu| {
        vu.get("/tcp").send().await?;
        vu.get("http://app.test/unix").send().await?;
        Ok(())
    });
    sound(&report.await);
    assert_eq!((socket.requests().len(), door.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_unix_socket_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.sock");
    let (code, error, message) =
        failure(&run("http://localhost", Http::new().unix_socket(&path), 1, request).await);
    assert_eq!((code.as_str(), error.as_str()), ("1210", "connect failed"));
    assert!(message.contains(&format!("unix:{}: No such file", path.display())), "{message}");
}
