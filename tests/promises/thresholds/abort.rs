//! `abort_on_fail` under virtual time: when it stops a test, when it does not, and what is said of it.

use super::*;
use loadcore::Teardown;
use loadcore::verdict::Threshold;

fn good() -> Threshold {
    CHECKS.rate().above(0.9).abort_on_fail()
}

#[track_caller]
fn aborted_at(report: &Report) -> Duration {
    let aborted = report.run().aborted_by.as_ref().expect("a threshold has ended the test");
    assert!(!report.run().interrupted, "no signal came");
    assert!(!report.passed());
    assert_eq!(report.exit_code(), 99);
    aborted.at
}

#[track_caller]
fn assert_whole(report: &Report) {
    assert_eq!(report.run().aborted_by, None);
    assert!(report.run().duration >= secs(20.0), "{:?}", report.run().duration);
}

#[test]
fn the_test_ends_at_exactly_the_second_at_which_it_no_longer_holds() {
    for shards in SHARDS {
        // 10 iterations a second and VU: after 4 s three quarters were good, after 3 s all of them.
        let test = LoadTest::new().scenario(good_until(secs(3.0))).threshold(good());
        let report = test.run_virtual(shards).unwrap();
        assert_eq!(aborted_at(&report), secs(4.0), "{shards} shards");
        assert_eq!(report.run().aborted_by.as_ref().unwrap().observed, 0.75);
        assert_eq!(report.run().duration, secs(4.0));
        assert_eq!((report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS)), (160.0, 4.0));
    }
}

#[test]
fn no_graceful_stop_is_granted() {
    let long = Scenario::new("long", async |vu: &Vu| {
        vu.check("good", false);
        vu.sleep(mins(5)).await;
        Ok(())
    });
    let executor = constant_vus(3, mins(10)).graceful_stop(mins(10));
    let report = run(LoadTest::new().scenario(long.executor(executor)).threshold(good()));
    assert_eq!(aborted_at(&report), secs(1.0));
    assert_eq!(report.run().duration, secs(1.0));
    assert_eq!(report.count(INTERRUPTED_ITERATIONS), 3.0);
}

#[test]
fn every_scenario_ends_also_one_that_has_not_begun() {
    let early = good_until(Duration::ZERO);
    let late = Scenario::new("late", async |_: &Vu| Ok(()));
    let late = late.executor(constant_vus(1, secs(5.0)).start_after(secs(10.0)));
    let in_scenario = early.threshold(CHECKS.rate().above(0.9).abort_on_fail());
    let report = run(LoadTest::new().scenario(in_scenario).scenario(late));
    assert_eq!(aborted_at(&report), secs(1.0));
    let threshold = &report.run().aborted_by.as_ref().unwrap().threshold;
    assert_eq!(threshold.to_string(), "checks{scenario:steady}: rate>0.9 abort_on_fail");
    assert_eq!((report.run().duration, report.count(ITERATIONS.scenario("late"))), (secs(1.0), 0.0));
}

#[test]
fn a_delay_is_waited_for_whether_it_ends_on_a_second_or_not() {
    for (delay, at) in
        [(0.0, 1.0), (0.3, 1.0), (1.0, 1.0), (2.5, 3.0), (5.0, 5.0), (5.001, 6.0), (19.0, 19.0)]
    {
        let threshold = good().delay_abort_eval(secs(delay));
        let report = run(LoadTest::new().scenario(good_until(Duration::ZERO)).threshold(threshold));
        assert_eq!(aborted_at(&report), secs(at), "after {delay} s");
        assert_eq!(report.run().duration, secs(at));
    }
}

#[test]
fn a_delay_beyond_the_end_aborts_nothing_and_the_threshold_fails_all_the_same() {
    let threshold = good().delay_abort_eval(mins(1));
    let report = run(LoadTest::new().scenario(good_until(Duration::ZERO)).threshold(threshold));
    assert_whole(&report);
    assert_eq!(report.exit_code(), 99);
}

/// k6's own case: a run of 1.5 s, `rate<0.01` holds, `p(95)<200` does not.
#[test]
fn the_golden_delays() {
    for (delay, aborts) in [(None, true), (Some(1.0), true), (Some(2.0), false)] {
        let mut slow = ITERATION_DURATION.p(95).below(millis(200)).abort_on_fail();
        if let Some(delay) = delay {
            slow = slow.delay_abort_eval(secs(delay));
        }
        let scenario = Scenario::new("slow", async |vu: &Vu| {
            vu.sleep(millis(500)).await;
            Ok(())
        });
        let scenario = scenario.executor(shared_iterations(3));
        let report = run(LoadTest::new()
            .scenario(scenario)
            .threshold(ITERATION_FAILED.rate().below(0.01))
            .threshold(slow));
        let results: Vec<bool> = report.thresholds().iter().map(|result| result.ok).collect();
        assert_eq!((report.run().aborted_by.is_some(), results), (aborts, vec![true, false]), "{delay:?}");
        assert_eq!(report.run().duration, secs(if aborts { 1.0 } else { 1.5 }));
        assert_eq!(report.exit_code(), 99);
    }
}

#[test]
fn no_sample_yet_is_no_failure_while_the_test_runs_and_one_at_its_end() {
    let no_requests = HTTP_REQ_FAILED.rate().below(0.1).abort_on_fail();
    let report = run(LoadTest::new().scenario(good_until(mins(1))).threshold(no_requests.clone()));
    assert_whole(&report);
    assert_eq!((report.exit_code(), report.thresholds()[0].observed), (99, None));

    let report = run(LoadTest::new().scenario(good_until(mins(1))).threshold(no_requests.allow_empty()));
    assert_whole(&report);
    report.assert_thresholds();
}

#[test]
fn what_holds_ends_nothing_nor_does_what_fails_without_being_told_to_abort() {
    let report = run(LoadTest::new().scenario(good_until(mins(1))).threshold(good()));
    assert_whole(&report);
    assert_eq!(report.exit_code(), 0);

    let only_judged = CHECKS.rate().above(0.9);
    let report = run(LoadTest::new().scenario(good_until(secs(1.0))).threshold(only_judged));
    assert_whole(&report);
    assert_eq!(report.exit_code(), 99);
}

#[test]
fn a_test_that_is_over_within_a_second_is_not_aborted() {
    for shards in SHARDS {
        let scenario = good_until(Duration::ZERO).executor(per_vu_iterations(2).vus(3));
        let report = LoadTest::new().scenario(scenario).threshold(good()).run_virtual(shards).unwrap();
        assert_eq!((&report.run().aborted_by, report.exit_code()), (&None, 99));
        assert_eq!(report.count(ITERATIONS), 6.0);
    }
}

#[test]
fn all_thresholds_are_judged_at_the_end_also_those_that_did_not_abort() {
    let report = run(LoadTest::new()
        .scenario(good_until(Duration::ZERO))
        .threshold(ITERATIONS.count().at_least(1_000))
        .threshold(ITERATIONS.count().at_least(30).abort_on_fail())
        .threshold(good().delay_abort_eval(secs(3.0)))
        .threshold(ITERATION_FAILED.rate().at_most(0)));
    assert_eq!(aborted_at(&report), secs(3.0));
    let results: Vec<_> = report.thresholds().iter().map(|result| (result.ok, result.observed)).collect();
    let count = Some(120.0);
    assert_eq!(results, [(false, count), (true, count), (false, Some(0.0)), (true, Some(0.0))]);
}

/// Teardown follows, and its samples count; but what ended the test has failed, whatever its number is then.
#[test]
fn teardown_follows_and_cannot_turn_the_verdict() {
    const STOCK: Gauge = Gauge::new("abort_stock");
    let scenario = Scenario::new("sell", async |vu: &Vu| {
        vu.sleep(millis(300)).await;
        STOCK.set(vu, 5 - i32::try_from(vu.iteration())?);
        Ok(())
    });
    let refill = Teardown::new("refill", async |vu: &Vu| {
        STOCK.set(vu, 100);
        Ok(())
    });
    let report = run(LoadTest::new()
        .scenario(scenario.executor(constant_vus(1, mins(1))))
        .teardown(refill)
        .threshold(STOCK.value().above(0).abort_on_fail()));
    // The sixth is sold out at 1.8 s.
    assert_eq!(aborted_at(&report), secs(2.0));
    assert_eq!(report.run().aborted_by.as_ref().unwrap().observed, 0.0);
    let result = &report.thresholds()[0];
    assert_eq!((result.ok, result.observed), (false, Some(100.0)));
}

#[test]
fn a_delay_without_abort_is_refused() {
    let test = once(Duration::ZERO, |_| {}).threshold(CHECKS.rate().above(0.9).delay_abort_eval(secs(1.0)));
    insta::assert_snapshot!(test.run_virtual(1).unwrap_err(), @"threshold `checks: rate>0.9 delay_abort_eval=1s`: delay_abort_eval delays abort_on_fail, which is missing; add abort_on_fail, or leave the delay out");
}

#[test]
fn the_summary_says_which_threshold_ended_the_test_when_and_by_what() {
    let report = run(LoadTest::new()
        .scenario(good_until(secs(3.0)))
        .threshold(ITERATION_FAILED.rate().at_most(0))
        .threshold(good().delay_abort_eval(secs(2.0))));
    let text = report.to_string().replace(&report.run().id, "<id>");
    let (thresholds, rest) = text.split_once("  █ TOTAL RESULTS").unwrap();
    insta::assert_snapshot!(thresholds.trim_start_matches('\n'), @r"
      █ THRESHOLDS

        iteration_failed
        ✓ 'rate<=0' rate=0.00%
        checks
        ✗ 'rate>0.9' rate=75.00%  aborted the test after 4s
    ");
    insta::assert_snapshot!(&rest[rest.find("  █ GENERATOR").unwrap()..], @r"
      █ GENERATOR sound

      run <id> took 4s, seed 1
      threshold `checks: rate>0.9 abort_on_fail delay_abort_eval=2s` aborted the test after 4s, at rate=75.00%
    ");
    insta::assert_snapshot!(
        report.to_json()["run"]["aborted_by"],
        @r#"{"at_ms":4000.0,"observed":0.75,"threshold":"checks: rate>0.9 abort_on_fail delay_abort_eval=2s"}"#
    );
    let whole = run(LoadTest::new().scenario(good_until(mins(1))).threshold(good()));
    assert!(whole.to_json()["run"]["aborted_by"].is_null());
    assert!(!whole.to_string().contains("aborted"), "{whole}");
}
