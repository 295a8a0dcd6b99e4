//! Server-side truth: a report says what the server saw, to the request, to the byte, and to the millisecond.

mod requests;
mod tls;

use loadcore::metric::Stats as Numbers;
use loadcore::plan::Executor;
use loadcore::prelude::*;

use crate::support::{in_some_round, measuring, quiet, settled, truth_server};

/// Requests of every size and kind that the server counts.
async fn everything(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    vu.post("/echo").json(&serde_json::json!({ "vu": vu.id(), "text": "x".repeat(3_000) })).send().await?;
    let size = 40_000 * (vu.iteration() % 5);
    vu.get(path!("/bytes/{size}")).send().await?;
    vu.head("/bytes/1000").send().await?;
    vu.get("/status/404").send().await?;
    vu.delete("/status/204").send().await?;
    let (a, b) = tokio::join!(vu.get("/delay/2").send(), vu.put("/echo").body("put").send());
    let _both = (a?, b?);
    Ok(())
}

const REQUESTS: f64 = 8.0;

fn whole_test(server: &testbed::TruthServer, executor: impl Into<Executor>) -> LoadTest {
    let scenario = Scenario::new("everything", async |vu: &Vu| everything(vu).await).executor(executor);
    LoadTest::new().base_url(server.url()).cores(2).scenario(scenario)
}

#[tokio::test]
async fn a_run_that_ends_by_itself_counts_what_the_server_counted() {
    let _quiet = quiet().await;
    let server = truth_server();
    let executors: [Executor; 5] = [
        shared_iterations(600).vus(16).into(),
        per_vu_iterations(20).vus(12).into(),
        constant_vus(8, secs(1)).into(),
        ramping_vus([(secs(0.5), 12), (secs(0.5), 0)]).into(),
        constant_arrival_rate(per_sec(100), secs(1)).max_vus(50).into(),
    ];
    for executor in executors {
        let what = executor.describe();
        server.reset().await.unwrap();
        let report = whole_test(&server, executor).run().await.unwrap();
        let truth = settled(&server).await;

        assert_eq!(report.errors(), [], "{what}");
        assert_eq!(report.count(INTERRUPTED_ITERATIONS), 0.0, "{what}");
        assert_eq!((truth.malformed, truth.requests), (0, truth.responses), "{what}");
        assert!(truth.requests >= 200, "{what}: {truth:?}");
        assert_eq!(report.count(HTTP_REQS), truth.requests as f64, "{what}");
        assert_eq!(report.count(HTTP_REQS), REQUESTS * report.count(ITERATIONS), "{what}");
        assert_eq!(report.count(DATA_RECEIVED), truth.bytes_written as f64, "{what}");
        assert_eq!(report.count(DATA_SENT), truth.bytes_read as f64, "{what}");
        // The 404 is an answer, and the only one that counts as failed.
        assert_eq!(report.rate(HTTP_REQ_FAILED), 1.0 / REQUESTS, "{what}");
    }
}

#[tokio::test]
async fn iteration_bound_executors_ask_exactly_as_often_as_planned() {
    let _quiet = quiet().await;
    let server = truth_server();
    for (executor, iterations) in [
        (Executor::from(shared_iterations(501).vus(7)), 501),
        (Executor::from(per_vu_iterations(31).vus(9)), 31 * 9),
    ] {
        server.reset().await.unwrap();
        whole_test(&server, executor).run().await.unwrap();
        assert_eq!(server.stats().await.unwrap().requests, iterations * REQUESTS as u64);
    }
}

#[tokio::test]
async fn discarded_bodies_are_counted_to_the_byte_all_the_same() {
    let _quiet = quiet().await;
    let server = truth_server();
    let scenario = Scenario::new("large", async |vu: &Vu| {
        let res = vu.get("/bytes/1000000").send().await?;
        check!(vu, {
            "nothing is kept" => res.bytes().is_empty(),
            "and asking for it is an error" => res.text().is_err() && res.json::<u32>().is_err(),
            "the head is there" => res.header("content-length") == Some("1000000"),
        });
        Ok(())
    });
    let report = LoadTest::new()
        .base_url(server.url())
        .discard_response_bodies(true)
        .scenario(scenario.executor(shared_iterations(40).vus(4)))
        .run()
        .await
        .unwrap();
    let truth = settled(&server).await;
    assert_eq!(report.rate(CHECKS), 1.0, "{report}");
    assert!(truth.bytes_written > 40_000_000);
    assert_eq!(report.count(DATA_RECEIVED), truth.bytes_written as f64);
    assert_eq!(report.count(HTTP_REQS), truth.requests as f64);
}

#[tokio::test]
async fn percentiles_are_those_that_the_server_measured() {
    let _measuring = measuring().await;
    let server = truth_server();
    let scenario = Scenario::new("mix", async |vu: &Vu| {
        vu.get("/mix").send().await?;
        Ok(())
    });
    let scenario = scenario.executor(shared_iterations(3_000).vus(40));
    in_some_round(async || {
        server.reset().await.unwrap();
        let test = LoadTest::new().base_url(server.url()).cores(2).scenario(scenario.clone());
        let report = test.run().await.unwrap();
        let delays = server.stats().await.unwrap().delays_us;
        assert_eq!((report.count(HTTP_REQS), delays.count), (3_000.0, 3_000));
        // The three delays of the mix, so that a server which does not wait is found out too.
        if !(delays.p50 < 20e3 && (50e3..100e3).contains(&delays.p90) && delays.p97 >= 500e3) {
            return Err(format!("the server's own delays: {delays:?}"));
        }
        for metric in [HTTP_REQ_WAITING, HTTP_REQ_DURATION] {
            for (percentile, truth_us) in [(50, delays.p50), (90, delays.p90), (97, delays.p97)] {
                let (ours, truth) = (report.value(metric.p(percentile)), truth_us / 1e3);
                println!("p({percentile}): server {truth:.3} ms, loadcore {ours:.3} ms");
                if (ours - truth).abs() > truth * 0.01 + 2.0 {
                    return Err(format!("p({percentile}): {ours} is not {truth}\n{report}"));
                }
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_hard_stop_cancels_requests_and_loses_none() {
    let _quiet = quiet().await;
    let server = truth_server();
    let slow = Scenario::new("slow", async |vu: &Vu| {
        vu.get("/").send().await?;
        let (a, b) = tokio::join!(vu.get("/delay/60000").send(), vu.get("/delay/2").send());
        let _both = (a?, b?);
        Ok(())
    });
    let busy = Scenario::new("busy", async |vu: &Vu| {
        vu.post("/echo").body("x".repeat(2_000)).send().await?;
        Ok(())
    });
    let report = LoadTest::new()
        .base_url(server.url())
        .cores(2)
        .scenario(slow.executor(constant_vus(20, secs(1)).graceful_stop(secs(0))))
        .scenario(busy.executor(constant_vus(20, secs(1)).graceful_stop(secs(0))))
        .run()
        .await
        .unwrap();
    let truth = settled(&server).await;
    let cancelled = report.count(HTTP_REQS.tag("error", "cancelled"));
    println!(
        "{} requests, {cancelled} of them cancelled; server {}",
        report.count(HTTP_REQS),
        truth.requests
    );
    assert_eq!(report.count(HTTP_REQS), truth.requests as f64);
    // Each of the slow VUs was cut in the middle of its slow request, and of nothing else.
    assert_eq!(report.count(HTTP_REQS.scenario("slow").tag("error", "cancelled")), 20.0);
    assert_eq!(report.count(HTTP_REQS.named("/delay/60000").tag("error", "cancelled")), 20.0);
    assert_eq!(report.count(INTERRUPTED_ITERATIONS.scenario("slow")), 20.0);
    assert_eq!(report.rate(HTTP_REQ_FAILED.tag("error", "cancelled")), 1.0);
    assert_eq!(report.count(HTTP_REQS.tag("error", "")), report.count(HTTP_REQS) - cancelled);
    // Cut is not failed: nothing ended by itself that was not answered.
    assert_eq!(report.errors(), []);
    assert_eq!(report.rate(ITERATION_FAILED), 0.0);
}

/// The sum of so many samples.
#[track_caller]
fn spent(report: &Report, metric: loadcore::metric::Selected<Trend<Time>>, samples: u64) -> f64 {
    match report.stats(metric, &[]) {
        Numbers::Trend { count, sum, .. } if count == samples => sum,
        other => panic!("not {samples} samples: {other:?}"),
    }
}

#[tokio::test]
async fn a_request_that_the_journey_gives_up_on_is_cancelled_and_its_connection_with_it() {
    let _quiet = quiet().await;
    let server = truth_server();
    let scenario = Scenario::new("impatient", async |vu: &Vu| {
        let slow = vu.get("/delay/5000").send();
        assert!(tokio::time::timeout(millis(20), slow).await.is_err());
        // Never polled, so never sent.
        drop(vu.get("/never").send());
        vu.get("/").send().await?;
        Ok(())
    });
    let executor = per_vu_iterations(10).vus(4);
    let test = LoadTest::new().base_url(server.url()).scenario(scenario.executor(executor));
    let report = test.run().await.unwrap();
    let truth = settled(&server).await;
    assert_eq!(report.errors(), []);
    assert_eq!((report.count(ITERATIONS), truth.requests), (40.0, 80));
    assert_eq!(report.count(HTTP_REQS), 80.0);
    assert_eq!(report.count(HTTP_REQS.tag("error", "cancelled")), 40.0);
    assert_eq!(
        report.count(HTTP_REQS.tag("error", "cancelled").tag("status", "0").named("/delay/5000")),
        40.0
    );
    assert_eq!(report.rate(HTTP_REQ_FAILED), 0.5);
    // The first request of all opens a connection, and so does each that follows a cancelled one.
    assert_eq!(truth.connections, 4 * (1 + 10));
    // The time until it was given up was spent waiting: all of it but what connecting and sending took.
    let [blocked, sending, waiting, receiving] =
        [HTTP_REQ_BLOCKED, HTTP_REQ_SENDING, HTTP_REQ_WAITING, HTTP_REQ_RECEIVING]
            .map(|metric| spent(&report, metric.tag("error", "cancelled"), 40));
    println!("blocked {blocked:.1}, sending {sending:.1}, waiting {waiting:.1} ms");
    assert!(blocked + sending + waiting >= 40.0 * 20.0 && receiving == 0.0);
    // Most of them had a connection, and so nothing to do but to wait.
    let half = report.value(HTTP_REQ_WAITING.tag("error", "cancelled").med());
    assert!(half >= 15.0, "{half}");
}

#[tokio::test]
async fn however_early_or_late_a_request_is_dropped_it_is_counted_if_the_server_got_it() {
    let _quiet = quiet().await;
    let server = truth_server();
    let scenario = Scenario::new("fickle", async |vu: &Vu| {
        // From before there is a connection to after the answer came.
        let patience = std::time::Duration::from_micros(20 * (vu.iteration() % 200));
        let (one, other) = (vu.get("/delay/1").send(), vu.post("/echo").body("x").send());
        let both = async { tokio::join!(one, other) };
        tokio::select! {
            biased;
            (one, other) = both => assert!(one.is_ok() && other.is_ok()),
            () = tokio::time::sleep(patience) => {}
        }
        Ok(())
    });
    let executor = shared_iterations(2_000).vus(8);
    let test = LoadTest::new().base_url(server.url()).cores(2).scenario(scenario.executor(executor));
    let report = test.run().await.unwrap();
    let truth = settled(&server).await;
    assert_eq!(report.errors(), []);
    let [all, cancelled] =
        [HTTP_REQS.select(), HTTP_REQS.tag("error", "cancelled")].map(|of| report.count(of));
    println!("{all} requests, {cancelled} of them cancelled; server {}", truth.requests);
    assert_eq!((all, truth.malformed), (truth.requests as f64, 0));
    assert!(cancelled > 100.0 && all - cancelled > 100.0, "{cancelled} of {all}");
}
