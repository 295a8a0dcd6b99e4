//! In real time: what virtual time cannot show, since there no core is ever late.

use crate::support::{quiet, truth_server};
use loadcore::plan::Executor;
use loadcore::prelude::*;
use std::time::{Duration, Instant};

/// Sleeps for a minute, and is cut.
fn endless(name: &'static str, executor: impl Into<Executor>) -> Scenario {
    let journey = async |vu: &Vu| {
        vu.sleep(secs(60)).await;
        Ok(())
    };
    Scenario::new(name, journey).executor(executor)
}

#[tokio::test]
async fn arrivals_that_a_late_core_gives_to_its_vus_after_the_hard_end_are_cut_too() {
    let _quiet = quiet().await;
    // 20 VUs are idle when the core sleeps over the end.
    let scenario = Scenario::new("late", async |vu: &Vu| {
        let at = vu.elapsed();
        if at < millis(40) {
            vu.sleep(millis(20)).await;
        } else if at < millis(80) {
            std::thread::sleep(millis(120).saturating_sub(at));
        } else {
            vu.sleep(secs(60)).await;
        }
        Ok(())
    });
    let arrivals = constant_arrival_rate(per_sec(1_000), millis(100)).max_vus(1_000).graceful_stop(secs(0));
    let began = Instant::now();
    let report = LoadTest::new().cores(1).scenario(scenario.executor(arrivals)).run().await.unwrap();
    assert!(began.elapsed() < secs(30), "{:?}", began.elapsed());
    assert!(report.count(INTERRUPTED_ITERATIONS) > 10.0, "{}", report.count(INTERRUPTED_ITERATIONS));
    let all = report.count(ITERATIONS) + report.count(INTERRUPTED_ITERATIONS);
    assert_eq!((all, report.count(DROPPED_ITERATIONS)), (100.0, 0.0));
}

#[tokio::test]
async fn a_rate_beyond_any_machine_ends_with_its_grace_and_each_arrival_is_counted() {
    let _quiet = quiet().await;
    let rate = constant_arrival_rate(per_sec(40_000_000), millis(250)).max_vus(10);
    for executor in [Executor::from(rate.clone()), rate.queue().into()] {
        let test = LoadTest::new().cores(2).scenario(endless("stuck", executor.graceful_stop(millis(250))));
        let report = test.run().await.unwrap();
        assert_eq!(report.count(INTERRUPTED_ITERATIONS), 10.0);
        assert_eq!(report.count(DROPPED_ITERATIONS), 10_000_000.0 - 10.0);
        // Not when the last one has been counted.
        assert!(report.run().duration < millis(900), "{:?}", report.run().duration);
    }
}

#[tokio::test]
async fn whoever_aborts_the_test_does_not_wait_until_a_queue_has_been_counted() {
    let _quiet = quiet().await;
    // A billion of them, which takes its time also where it is all that there is to do.
    let rate = constant_arrival_rate(per_sec(1e9), secs(1)).max_vus(1).queue();
    let abort = Scenario::new("abort", async |vu: &Vu| {
        vu.sleep(millis(1_300)).await;
        drop(vu.abort_test("enough"));
        Ok(())
    });
    let test = LoadTest::new().cores(1).scenarios([endless("stuck", rate), abort]);
    let began = Instant::now();
    let report = test.run().await.unwrap();
    assert!(began.elapsed() < secs(8), "{:?}", began.elapsed());
    assert_eq!(report.count(INTERRUPTED_ITERATIONS), 2.0);
}

#[tokio::test]
async fn a_core_that_spins_for_arrivals_still_serves_its_sockets() {
    let _quiet = quiet().await;
    let server = truth_server();
    let get = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    // Less apart than the time for which it spins: it never sleeps.
    let arrivals = constant_arrival_rate(per_sec(1_000), secs(1)).max_vus(1_000);
    let test = LoadTest::new().cores(1).spin_arrivals(true).base_url(server.url());
    let report = test.scenario(get.executor(arrivals)).run().await.unwrap();
    assert_eq!((report.count(ITERATIONS), report.count(DROPPED_ITERATIONS)), (1_000.0, 0.0));
    assert_eq!(report.rate(HTTP_REQ_FAILED), 0.0);
    let answered = Duration::from_secs_f64(report.value(HTTP_REQ_DURATION.med()) / 1e3);
    assert!(answered < millis(50), "half of the answers took {answered:?} or more");
}
