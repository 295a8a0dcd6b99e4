//! Ever new hosts and URLs: what a VU and a core remember of them does not grow without end.

use super::door::{Door, run, sound};
use crate::support::is_alone;
use loadcore::http::{Http, HttpVersions};
use loadcore::prelude::*;
use testbed::http2::{Act, Http2Server};

#[tokio::test]
async fn a_vu_that_goes_from_host_to_host_keeps_the_connections_that_it_used_last() {
    let door = Door::open("127.0.0.1").await;
    let http = Http::new().host("*", &format!("127.0.0.1:{}", door.port));
    let report = run("http://shop.test", http, 1, async |vu: &Vu| {
        for n in (0..400).chain(300..400) {
            vu.get(path!("http://h{n}.test/")).send().await?;
        }
        Ok(())
    });
    sound(&report.await);
    let most = door.most_at_once();
    assert!((200..=270).contains(&most), "{most} at a time");
    assert_eq!(door.guests().len(), 400);
}

#[tokio::test]
async fn joined_requests_to_one_host_keep_as_many_connections_as_they_need() {
    let door = Door::open("127.0.0.1").await;
    let report = run(door.url(), Http::new(), 2, async |vu: &Vu| {
        let sent: Vec<_> = (0..300).map(|_| vu.get("/wait/300").send()).collect();
        for sent in futures_util::future::join_all(sent).await {
            sent?;
        }
        Ok(())
    });
    sound(&report.await);
    assert_eq!(door.guests().len(), 300);
}

#[tokio::test]
async fn the_same_holds_for_http2() {
    if !is_alone("connections::many::the_same_holds_for_http2") {
        return;
    }
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let http = Http::new().versions(HttpVersions::Http2).host("*", &server.url()["http://".len()..]);
    let report = run("http://shop.test", http, 1, async |vu: &Vu| {
        let before = descriptors();
        for n in (0..400).chain(300..400) {
            vu.get(path!("http://h{n}.test/")).send().await?;
        }
        // Both ends of each connection live in this process.
        let more = descriptors().saturating_sub(before);
        assert!(more < 2 * 270, "{more} descriptors");
        Ok(())
    });
    sound(&report.await);
    assert_eq!(server.connections(), 400);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// In KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_hundred_thousand_hosts_and_as_many_paths_take_no_memory() {
    if !is_alone("connections::many::a_hundred_thousand_hosts_and_as_many_paths_take_no_memory") {
        return;
    }
    let report = run("http://shop.test", Http::new(), 1, async |vu: &Vu| {
        // A request knows where it goes before it is sent.
        let build = |n: u32| {
            drop(vu.get(format!("http://h{n}.test/")).name("all"));
            drop(vu.get(format!("/{n}")).name("all"));
        };
        (0..20_000).for_each(build);
        let before = resident();
        (20_000..120_000).for_each(build);
        let grown = resident().saturating_sub(before);
        assert!(grown < 4 << 10, "{grown} KiB more");
        Ok(())
    });
    sound(&report.await);
}
