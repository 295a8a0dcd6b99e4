//! How a host's name becomes an address. The doors here listen on every address of this machine, and note at which of them a
//! connection came in.

use super::door::{Door, failure, run, sound};
use loadcore::http::{Dns, DnsPolicy, DnsSelect, ErrorKind, HTTP_REQ_DURATION, Http};
use loadcore::prelude::*;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A resolver of the test's own that counts how often it is asked.
#[derive(Clone, Default)]
struct Book {
    asked: Arc<AtomicUsize>,
}

impl Book {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whoever is asked for has these addresses.
    fn answers(&self, addresses: &'static [&'static str]) -> Dns {
        let asked = Arc::clone(&self.asked);
        Dns::new().resolver(async move |name: &str| {
            assert_eq!(name, "shop.test");
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(addresses.iter().map(|address| address.parse().unwrap()).collect())
        })
    }
}

const THREE: &[&str] = &["127.0.0.1", "127.0.0.2", "127.0.0.3"];
const BOTH: &[&str] = &["::1", "127.0.0.1"];

/// Each request looks for its own way.
fn alone(dns: Dns) -> Http {
    Http::new().no_connection_reuse(true).dns(dns)
}

async fn request(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

/// Where so many requests of one VU came in.
async fn came_in(dns: Dns, requests: u64) -> Vec<String> {
    let door = Door::open("[::]").await;
    sound(&run(format!("http://shop.test:{}", door.port), alone(dns), requests, request).await);
    door.guests().iter().map(|guest| guest.at.unwrap().to_string()).collect()
}

#[tokio::test]
async fn a_name_is_asked_for_once_by_all_vus_of_all_cores() {
    let (door, book) = (Door::open("127.0.0.1").await, Book::default());
    let url = format!("http://shop.test:{}", door.port);
    let journey = Scenario::new("guest", request).executor(per_vu_iterations(5).vus(20));
    let test =
        LoadTest::new().base_url(url).cores(2).http(alone(book.answers(&["127.0.0.1"]))).scenario(journey);
    sound(&test.run().await.unwrap());
    assert_eq!((door.guests().len(), book.asked()), (100, 1));
    assert_eq!(door.requests()[0].header("host").unwrap(), format!("shop.test:{}", door.port));
}

#[tokio::test]
async fn without_a_time_to_live_each_connection_asks() {
    let (door, book) = (Door::open("127.0.0.1").await, Book::default());
    let http = alone(book.answers(&["127.0.0.1"]).ttl(secs(0)));
    sound(&run(format!("http://shop.test:{}", door.port), http, 7, request).await);
    assert_eq!(book.asked(), 7);
}

#[tokio::test]
async fn an_answer_holds_for_its_time_to_live() {
    let (door, book) = (Door::open("127.0.0.1").await, Book::default());
    let http = alone(book.answers(&["127.0.0.1"]).ttl(millis(600)));
    let report = run(format!("http://shop.test:{}", door.port), http, 1, async |vu: &Vu| {
        request(vu).await?;
        request(vu).await?;
        vu.sleep(millis(650)).await;
        request(vu).await?;
        request(vu).await
    });
    sound(&report.await);
    assert_eq!((door.guests().len(), book.asked()), (4, 2));
}

#[tokio::test]
async fn a_lookup_that_waits_is_one_for_all_and_its_time_is_measured() {
    let (door, book) = (Door::open("127.0.0.1").await, Book::default());
    let asked = Arc::clone(&book.asked);
    let dns = Dns::new().resolver(async move |_: &str| {
        asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(millis(80)).await;
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    });
    let report = run(format!("http://shop.test:{}", door.port), alone(dns), 1, async |vu: &Vu| {
        let (a, b) = tokio::join!(vu.get("/a").send(), vu.get("/b").send());
        for timings in [*a?.timings(), *b?.timings()] {
            assert!(timings.looking_up >= millis(80), "{timings:?}");
            assert!(timings.blocked >= timings.looking_up && timings.connecting < millis(80), "{timings:?}");
        }
        Ok(())
    });
    sound(&report.await);
    assert_eq!(book.asked(), 1);
}

/// The code and message of 20 VUs whose lookup ends like this, and how often there was one.
async fn fails_with(kind: io::ErrorKind) -> (String, String, usize) {
    let book = Book::default();
    let asked = Arc::clone(&book.asked);
    let dns = Dns::new().resolver(async move |_: &str| {
        asked.fetch_add(1, Ordering::SeqCst);
        Err(io::Error::new(kind, "said so"))
    });
    let journey = Scenario::new("guest", request).executor(per_vu_iterations(1).vus(20));
    let test =
        LoadTest::new().base_url("http://shop.test").cores(2).http(Http::new().dns(dns)).scenario(journey);
    let (code, _, message) = failure(&test.run().await.unwrap());
    (code, message, book.asked())
}

#[tokio::test]
async fn a_name_that_is_not_known_is_not_asked_for_by_every_vu() {
    let (code, message, asked) = fails_with(io::ErrorKind::NotFound).await;
    assert_eq!((code.as_str(), asked), ("1101", 1));
    assert_eq!(message, "GET http://shop.test/: no such host: said so");
    let (code, message, asked) = fails_with(io::ErrorKind::Other).await;
    assert_eq!((code.as_str(), asked), ("1100", 1));
    assert_eq!(message, "GET http://shop.test/: dns lookup failed: said so");
}

#[tokio::test]
async fn the_first_address_is_always_the_same() {
    let dns = Book::default().answers(THREE).select(DnsSelect::First);
    assert_eq!(came_in(dns, 4).await, ["127.0.0.1"; 4]);
}

#[tokio::test]
async fn round_robin_takes_each_address_in_turn_also_when_nothing_is_remembered() {
    let expected = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1"];
    assert_eq!(came_in(Book::default().answers(THREE), 4).await, expected);
    assert_eq!(came_in(Book::default().answers(THREE).ttl(secs(0)), 4).await, expected);
}

/// Where ten iterations went, and what the journey drew in them.
async fn drawn(seed: u64, select: DnsSelect) -> (Vec<String>, Vec<usize>) {
    let door = Door::open("0.0.0.0").await;
    let journey = Scenario::new("guest", async |vu: &Vu| {
        let before = vu.pick(1000);
        vu.get(format!("/{before}/x")).name("/x").send().await?;
        vu.get(format!("/{}/y", vu.pick(1000))).name("/y").send().await?;
        Ok(())
    });
    let test = LoadTest::new()
        .base_url(format!("http://shop.test:{}", door.port))
        .seed(seed)
        .http(alone(Book::default().answers(THREE).select(select)))
        .scenario(journey.executor(per_vu_iterations(10).vus(1)));
    sound(&test.run().await.unwrap());
    let guests = door.guests();
    let drawn = |target: &str| target.split('/').nth(1).unwrap().parse().unwrap();
    let picks = guests.iter().map(|guest| drawn(guest.targets()[0])).collect();
    (guests.iter().map(|guest| guest.at.unwrap().to_string()).collect(), picks)
}

#[tokio::test]
async fn a_random_address_repeats_with_the_seed_and_leaves_the_journeys_own_chance_alone() {
    let (first, picks) = drawn(7, DnsSelect::Random).await;
    assert_eq!(drawn(7, DnsSelect::Random).await, (first.clone(), picks.clone()));
    let (other, _) = drawn(8, DnsSelect::Random).await;
    assert_ne!(other, first);
    let (_, same_picks) = drawn(7, DnsSelect::First).await;
    assert_eq!(same_picks, picks);
    for address in THREE {
        assert!(first.iter().any(|at| at == address), "{address} never drawn in {first:?}");
    }
}

#[tokio::test]
async fn the_policy_decides_between_the_kinds_of_address() {
    for (policy, expected) in [
        (DnsPolicy::PreferIpv4, "127.0.0.1"),
        (DnsPolicy::PreferIpv6, "::1"),
        (DnsPolicy::OnlyIpv4, "127.0.0.1"),
        (DnsPolicy::OnlyIpv6, "::1"),
    ] {
        let dns = Book::default().answers(BOTH).policy(policy);
        assert_eq!(came_in(dns, 2).await, [expected; 2], "{policy:?}");
    }
    let dns = Book::default().answers(BOTH).policy(DnsPolicy::Any);
    assert_eq!(came_in(dns, 3).await, ["::1", "127.0.0.1", "::1"]);
}

#[tokio::test]
async fn a_name_without_an_address_of_the_only_kind_that_is_wanted_fails() {
    let dns = Book::default().answers(THREE).policy(DnsPolicy::OnlyIpv6);
    let report = run("http://shop.test", Http::new().dns(dns), 1, request).await;
    let (code, _, message) = failure(&report);
    assert_eq!(code, "1101");
    assert_eq!(message, "GET http://shop.test/: no such host: shop.test has no IPv6 address");
}

#[tokio::test]
async fn a_lookup_that_takes_too_long_says_so_and_gives_no_duration() {
    let dns = Dns::new().resolver(async |_: &str| std::future::pending().await);
    let http = Http::new().dns(dns).dns_timeout(millis(100));
    let report = run("http://shop.test", http, 1, async |vu: &Vu| {
        let (a, b) = tokio::join!(vu.get("/a").send(), vu.get("/b").send());
        assert_eq!(a.unwrap_err().kind(), ErrorKind::DnsTimeout);
        assert!(vu.elapsed() < secs(2));
        b?;
        Ok(())
    });
    let report = report.await;
    let message = crate::support::only_error(&report).first;
    assert_eq!(message, "GET http://shop.test/b: dns timeout: no answer for shop.test within 100ms");
    for series in report.metrics().series("http_reqs") {
        assert_eq!((series.tag("error_code"), series.tag("error")), (Some("1100"), Some("dns timeout")));
    }
    assert!(report.value(HTTP_REQ_DURATION.max()).is_nan(), "nothing was sent");
}

#[tokio::test]
async fn a_vu_that_does_not_look_at_its_own_lookup_holds_nobody_up() {
    let door = Door::open("127.0.0.1").await;
    let dns = Dns::new().resolver(async |_: &str| {
        tokio::time::sleep(millis(50)).await;
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    });
    let journey = Scenario::new("guest", async |vu: &Vu| {
        let mut sent = Box::pin(vu.get("/").send());
        if vu.id() == 1 {
            // Begun, and then left alone.
            assert!(tokio::time::timeout(millis(1), &mut sent).await.is_err());
            vu.sleep(secs(2)).await;
        } else {
            vu.sleep(millis(20)).await;
            assert!(vu.get("/").send().await?.timings().blocked < secs(1));
        }
        Ok(())
    });
    let url = format!("http://shop.test:{}", door.port);
    let test = LoadTest::new().base_url(url).cores(1).http(Http::new().dns(dns));
    sound(&test.scenario(journey.executor(per_vu_iterations(1).vus(2))).run().await.unwrap());
}
