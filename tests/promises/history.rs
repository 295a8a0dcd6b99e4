//! Promise: a report knows each second of the test, also when real time is never exactly on the second.

use crate::support::{quiet, truth_server};
use loadcore::metric::Value;
use loadcore::prelude::*;
use std::time::Duration;

fn seconds(report: &Report, metric: &str) -> Vec<u64> {
    let series = report.metrics().series(metric);
    series[0].history().iter().map(|point| point.at.as_secs()).collect()
}

#[tokio::test]
async fn each_second_of_a_real_run_has_its_own_point() {
    let _quiet = quiet().await;
    let scenario = Scenario::new("steady", async |vu: &Vu| {
        vu.sleep(millis(50)).await;
        Ok(())
    });
    let test = LoadTest::new().cores(2).scenario(scenario.executor(constant_vus(4, millis(2_500))));
    let report = test.run().await.unwrap();
    assert_eq!(seconds(&report, "iterations"), [0, 1, 2]);
    assert_eq!(report.metrics().history_step(), Duration::from_secs(1));
    let series = report.metrics().series("iterations");
    let counts: Vec<f64> = series[0]
        .history()
        .iter()
        .map(|point| if let Value::Counter(count) = point.value { count } else { 0.0 })
        .collect();
    assert_eq!(counts.iter().sum::<f64>(), report.count(ITERATIONS));
    assert!(counts[0] > 40.0 && counts[1] > 40.0, "{counts:?}");
}

#[tokio::test]
async fn the_vus_of_a_core_that_has_finished_are_not_counted_on() {
    let _quiet = quiet().await;
    // One VU on each core: the first does its iteration in an instant, the second takes some seconds.
    let scenario = Scenario::new("uneven", async |vu: &Vu| {
        vu.sleep(if vu.id() == 1 { millis(1) } else { millis(2_500) }).await;
        Ok(())
    });
    let test = LoadTest::new().cores(2).scenario(scenario.executor(per_vu_iterations(1).vus(2)));
    let report = test.run().await.unwrap();
    // Said at the end of each second.
    assert_eq!(seconds(&report, "vus"), [0, 1]);
    assert_eq!(report.value(VUS.value()), 1.0);
}

#[tokio::test]
async fn a_request_given_up_while_connecting_is_abandoned_and_not_lost() {
    let server = truth_server();
    let scenario = Scenario::new("black-hole", async |vu: &Vu| {
        let never_polled = vu.get("/").send();
        drop(never_polled);
        let mut sending = Box::pin(vu.get("/").send());
        // Polled once: the connection is being made.
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(sending.as_mut().poll(cx).is_pending()));
        assert!(first.await);
        drop(sending);
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).scenario(scenario.executor(per_vu_iterations(5)));
    let report = test.run().await.unwrap();
    assert_eq!(report.errors(), []);
    assert_eq!(report.count(HTTP_REQ_ABANDONED), 5.0);
    assert_eq!(report.count(HTTP_REQS), 0.0);
    assert_eq!(server.stats().await.unwrap().requests, 0);
}

#[tokio::test]
async fn a_large_upload_arrives_whole_in_pieces() {
    let server = truth_server();
    let scenario = Scenario::new("upload", async |vu: &Vu| {
        let body: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        let res = vu.post("/status/200").body(body).send().await?;
        assert_eq!(res.status(), 200);
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).scenario(scenario.executor(per_vu_iterations(3)));
    let report = test.run().await.unwrap();
    assert_eq!(report.errors(), []);
    let truth = server.stats().await.unwrap();
    assert_eq!(truth.bytes_read as f64, report.count(DATA_SENT));
    assert!(truth.bytes_read > 9_000_000);
}

#[test]
fn the_vus_of_a_ramp_go_up_and_down_again() {
    let idle = Scenario::new("ramp", async |vu: &Vu| {
        vu.sleep(millis(10)).await;
        Ok(())
    });
    let ramp = ramping_vus([(secs(4), 8), (secs(4), 0)]).start_vus(0);
    for shards in [1, 2, 3] {
        let report =
            LoadTest::new().scenario(idle.clone().executor(ramp.clone())).run_virtual(shards).unwrap();
        let series = report.metrics().series("vus");
        let vus: Vec<f64> = series[0]
            .history()
            .iter()
            .map(|point| if let Value::Gauge { last, .. } = point.value { last } else { f64::NAN })
            .collect();
        // At the end of each second; the plan acts before the second is reported.
        assert_eq!(vus, [2.0, 4.0, 6.0, 8.0, 6.0, 4.0, 2.0], "with {shards} shards");
    }
}

#[test]
fn a_check_of_two_scenarios_is_one_check() {
    let scenario = |name: &'static str, holds: bool| {
        Scenario::new(name, async move |vu: &Vu| {
            vu.check("holds", holds);
            Ok(())
        })
    };
    let test = LoadTest::new().scenario(scenario("good", true)).scenario(scenario("bad", false));
    let report = test.run_virtual(2).unwrap();
    let checks = report.checks();
    assert_eq!(checks.len(), 1);
    assert_eq!((checks[0].name.as_str(), checks[0].passes, checks[0].fails), ("holds", 1, 1));
    assert_eq!(report.to_json()["checks"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_closed_model_had_no_time_for_is_no_fault_of_the_generator() {
    let slow = Scenario::new("slow", async |vu: &Vu| {
        vu.sleep(secs(1)).await;
        Ok(())
    });
    let executor = shared_iterations(1_000).vus(2).max_duration(secs(5));
    let report = LoadTest::new().scenario(slow.executor(executor)).run_virtual(2).unwrap();
    assert_eq!(report.count(DROPPED_ITERATIONS), 990.0);
    assert!(report.generator().is_sound(), "{:?}", report.generator());
}
