//! Promise: inside somebody else's process a test is a good guest: several at once do not disturb each other, the target
//! may live in the very runtime that waits for the report, and nothing is left behind.

use crate::support::{is_alone, truth_server};
use axum::routing::get;
use loadcore::prelude::*;
use loadcore::{LoadTest, Teardown};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn requests(name: &str, path: &'static str, iterations: u64) -> Scenario {
    let scenario = Scenario::new(name.to_owned(), async move |vu: &Vu| {
        check!(vu, { "is there" => vu.get(path).send().await?.status() == 200 });
        Ok(())
    });
    scenario.executor(shared_iterations(iterations).vus(5))
}

#[tokio::test]
async fn three_tests_at_once_count_only_their_own() {
    let servers = [truth_server(), truth_server(), truth_server()];
    // Same names, other targets, numbers and tags.
    let test = |nth: usize| {
        let iterations = 200 * (nth as u64 + 1);
        LoadTest::new()
            .base_url(servers[nth].url())
            .tag("test", nth.to_string())
            .seed(nth as u64)
            .scenario(requests("shop", "/", iterations))
            .threshold(HTTP_REQS.count().at_least(iterations))
            .run()
    };
    let (a, b, c) = tokio::join!(test(0), test(1), test(2));
    for (nth, report) in [a, b, c].into_iter().map(Result::unwrap).enumerate() {
        let want = 200.0 * (nth as f64 + 1.0);
        report.assert_thresholds();
        assert_eq!((report.count(ITERATIONS), report.count(HTTP_REQS)), (want, want));
        assert_eq!(servers[nth].stats().await.unwrap().requests as f64, want);
        let tags: BTreeSet<_> =
            report.metrics().series("http_reqs").iter().map(|s| s.tag("test").unwrap().to_owned()).collect();
        assert_eq!(tags, BTreeSet::from([nth.to_string()]));
        assert_eq!(report.run().seed, nth as u64);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_target_may_live_in_the_runtime_that_waits_for_the_report() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = axum::Router::new().route("/", get(async || "here"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let report = LoadTest::new().base_url(url).scenario(requests("shop", "/", 300)).run().await.unwrap();
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (300.0, 0.0));
}

/// The names of this process's threads, and how many sockets it has open.
fn own() -> (BTreeSet<String>, usize) {
    let names = std::fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
        // A thread may end meanwhile.
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok()
    });
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = links.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    let sockets = links.filter(|link| link.to_string_lossy().starts_with("socket:")).count();
    let ours = names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("loadcore"));
    (ours.collect(), sockets)
}

#[test]
fn a_test_that_is_dropped_in_the_middle_leaves_no_thread_and_no_connection() {
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: it reads /proc");
        return;
    }
    if !is_alone("embedding::a_test_that_is_dropped_in_the_middle_leaves_no_thread_and_no_connection") {
        return;
    }
    let server = truth_server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_, before) = own();
    runtime.block_on(async {
        let test = LoadTest::new()
            .base_url(server.url())
            .scenario(requests("fast", "/", 1 << 40))
            .scenario(requests("hanging", "/delay/600000", 50))
            .teardown(Teardown::new("end", async |vu: &Vu| {
                vu.get("/").send().await?;
                Ok(())
            }));
        assert!(tokio::time::timeout(Duration::from_secs(1), test.run()).await.is_err());
        let began = Instant::now();
        let during = own();
        assert!(during.0.len() >= 3, "{during:?}");
        while !own().0.is_empty() || own().1 > before {
            assert!(began.elapsed() < Duration::from_secs(5), "still there: {:?}, {before} before", own());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let stats = runtime.block_on(server.stats()).unwrap();
    assert!(stats.requests > 100, "{stats:?}");
}
