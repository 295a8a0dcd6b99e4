//! Open models beyond k6: arrivals that wait for a VU instead of being dropped, and arrivals at random.

use super::reference::{self, End, Expected, MS, SECOND};
use super::{Case, Kind, SHARDS, all_hold, ns};
use loadcore::plan::{ConstantArrivalRate, Executor, Schedule};
use loadcore::prelude::*;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The plan's instants; for random ones, those of a seed that no test has.
fn dues(executor: &Executor) -> Vec<u64> {
    let Ok(Schedule::Open(open)) = executor.schedule() else { panic!("{executor:?}") };
    open.arrivals.iter().map(|due| u64::try_from(due.as_nanos()).unwrap()).collect()
}

/// Any length, never a multiple of anything in a plan.
fn length(base: u64) -> impl Fn(u64, u64) -> u64 + Send + Sync + 'static {
    move |_, start| base + start / 1_000 % 7 * base / 3 + start % 97 + 1
}

fn queued(count: u64, limit: u64, max_vus: u64, base: u64, grace: u64) -> Case {
    let executor = constant_arrival_rate(per_sec(count as f64), ns(limit)).max_vus(max_vus).queue();
    let executor = executor.graceful_stop(ns(grace));
    let (dues, end) = (dues(&executor), End { at: limit, grace });
    Case::new(Kind::Open { max_vus }, executor, length(base), |length| {
        reference::queued_arrivals(&dues, max_vus, end, length)
    })
}

#[test]
fn with_a_queue_arrivals_wait_for_a_vu_and_only_those_left_at_the_end_are_dropped() {
    for (count, limit, max_vus, base, grace) in [
        // Never full; barely full; far too much; one VU for all cores; nothing ever comes back.
        (50, 2 * SECOND, 40, 10 * MS, 0),
        (200, SECOND, 8, 17 * MS, SECOND),
        (1_000, SECOND, 30, 300 * MS, 100 * MS),
        (40, 3 * SECOND, 1, 15 * MS, 0),
        (50, SECOND, 10, 5 * SECOND, 2 * SECOND),
    ] {
        queued(count, limit, max_vus, base, grace).holds();
    }
    let (begun, _, dropped) = queued(1_000, SECOND, 30, 300 * MS, 0).holds().counts();
    assert!(begun > 0 && dropped > 0 && begun as u64 + dropped == 1_000, "{begun} and {dropped}");
}

#[test]
fn a_queue_is_worked_off_once_the_target_has_recovered() {
    // A freeze: what starts before 1 s takes until then. 200 arrivals wait behind 50, and all begin.
    let executor = constant_arrival_rate(per_sec(250), secs(4)).max_vus(50).queue().graceful_stop(secs(1));
    let (dues, end) = (dues(&executor), End { at: 4 * SECOND, grace: SECOND });
    let frozen =
        |_, start: u64| if start < SECOND { SECOND - start + 1 + start % 31 } else { 20 * MS + start % 97 };
    let case = Case::new(Kind::Open { max_vus: 50 }, executor.clone(), frozen, |length| {
        reference::queued_arrivals(&dues, 50, end, length)
    });
    let case = case.holds();
    assert_eq!(case.expected.dropped, 0);
    assert_eq!(case.expected.runs.len(), 1_000);
    let waited = lateness(&case.expected, &dues);
    for shards in SHARDS {
        let scenario = Scenario::new("frozen", async move |vu: &Vu| {
            let start = u64::try_from(vu.elapsed().as_nanos()).unwrap();
            vu.sleep(ns(frozen(vu.id(), start))).await;
            Ok(())
        });
        let report =
            LoadTest::new().scenario(scenario.executor(executor.clone())).run_virtual(shards).unwrap();
        // Waiting counts as lateness and in the response time, from the intended instant.
        let (avg, max) = (report.value(ITERATION_LATENESS.avg()), report.value(ITERATION_LATENESS.max()));
        assert!((avg - waited.0).abs() < 1e-3, "{avg} ms on {shards} shards instead of {}", waited.0);
        // Those of one core begin in order; those of several are in order to within a millisecond.
        let slack = if shards == 1 { 1e-3 } else { 1.0 };
        assert!((max - waited.1).abs() <= slack, "{max} ms on {shards} shards instead of {}", waited.1);
        let response = report.value(ITERATION_RESPONSE_TIME.avg()) - report.value(ITERATION_DURATION.avg());
        assert!((response - avg).abs() < 1e-3, "{response}");
    }
}

/// The mean and the greatest, in milliseconds.
fn lateness(expected: &Expected, dues: &[u64]) -> (f64, f64) {
    let mut starts: Vec<u64> = expected.runs.iter().map(|run| run.start).collect();
    starts.sort_unstable();
    let late = starts.iter().zip(dues).map(|(start, due)| (start - due) as f64 / 1e6);
    (late.clone().sum::<f64>() / starts.len() as f64, late.fold(0.0, f64::max))
}

#[test]
fn a_queue_of_millions_is_dropped_by_counting_it() {
    // The one VU is busy for ever, so all but one of ten million arrivals are dropped at the end.
    let executor =
        constant_arrival_rate(per_sec(10_000_000), secs(1)).max_vus(1).queue().graceful_stop(secs(0));
    let scenario = Scenario::new("stuck", async |vu: &Vu| {
        vu.sleep(secs(10)).await;
        Ok(())
    });
    let report = LoadTest::new().scenario(scenario.executor(executor)).run_virtual(2).unwrap();
    assert_eq!(report.value(DROPPED_ITERATIONS.count()), 9_999_999.0);
    assert_eq!(report.value(INTERRUPTED_ITERATIONS.count()), 1.0);
}

#[test]
fn vus_that_become_free_all_at_once_all_find_their_arrival() {
    for shards in SHARDS {
        let (gate, opens) = (tokio::sync::watch::Sender::new(false), Arc::new(Mutex::new(Vec::new())));
        let (passes, starts) = (gate.subscribe(), Arc::clone(&opens));
        let held = Scenario::new("held", async move |vu: &Vu| {
            let at = vu.elapsed();
            starts.lock().unwrap().push(at);
            if at >= secs(1) {
                vu.sleep(millis(50)).await;
            } else {
                passes.clone().wait_for(|open| *open).await?;
            }
            Ok(())
        });
        let held = held.executor(constant_arrival_rate(per_sec(100), secs(2)).max_vus(6).queue());
        let opening = Scenario::new("opening", async move |vu: &Vu| {
            vu.sleep(secs(1)).await;
            gate.send_replace(true);
            Ok(())
        });
        LoadTest::new().scenarios([held, opening]).run_virtual(shards).unwrap();
        let starts = opens.lock().unwrap();
        let at_once = starts.iter().filter(|at| **at == secs(1)).count();
        assert_eq!(at_once, 6, "on {shards} shards: {starts:?}");
    }
}

#[test]
fn whoever_aborts_the_test_does_not_wait_for_the_queue() {
    for shards in SHARDS {
        let stuck = Scenario::new("stuck", async |vu: &Vu| {
            vu.sleep(secs(60)).await;
            Ok(())
        });
        let stuck = stuck.executor(constant_arrival_rate(per_sec(100), secs(30)).max_vus(2).queue());
        let abort = Scenario::new("abort", async |vu: &Vu| {
            vu.sleep(secs(1)).await;
            drop(vu.abort_test("enough"));
            Ok(())
        });
        let report = LoadTest::new().scenarios([stuck, abort]).run_virtual(shards).unwrap();
        assert_eq!(report.run().duration, secs(1));
        assert_eq!((report.count(INTERRUPTED_ITERATIONS), report.count(DROPPED_ITERATIONS)), (3.0, 0.0));
    }
}

#[test]
fn the_generator_is_never_invalid_for_a_queue_that_was_asked_for() {
    let scenario = || {
        Scenario::new("slow", async |vu: &Vu| {
            vu.sleep(millis(30)).await;
            Ok(())
        })
    };
    let verdict = |arrivals: ConstantArrivalRate| {
        let test = LoadTest::new().scenario(scenario().executor(arrivals));
        test.run_virtual(1).unwrap().generator().clone()
    };
    let arrivals = constant_arrival_rate(per_sec(100), secs(5)).max_vus(2);
    let dropping = verdict(arrivals.clone());
    assert!(dropping.reasons[0].contains("iterations were dropped"), "{dropping:?}");
    let queueing = verdict(arrivals.max_vus(3).queue());
    assert!(queueing.reasons.is_empty(), "three VUs suffice: {queueing:?}");
    let short = constant_arrival_rate(per_sec(100), secs(5)).max_vus(2).queue().poisson();
    let queueing = verdict(short);
    assert!(queueing.reasons[0].contains("for a VU (p99): raise max_vus"), "{queueing:?}");
}

#[test]
fn a_ramping_rate_queues_too() {
    let executor = ramping_arrival_rate([(secs(1), per_sec(300)), (secs(2), per_sec(0))]).max_vus(9).queue();
    let executor = executor.graceful_stop(millis(70));
    let (dues, end) = (dues(&executor), End { at: 3 * SECOND, grace: 70 * MS });
    let case = Case::new(Kind::Open { max_vus: 9 }, executor, length(40 * MS), |length| {
        reference::queued_arrivals(&dues, 9, end, length)
    });
    assert!(case.holds().expected.dropped > 0);
}

#[test]
fn a_ramp_of_arrivals_starts_them_when_they_are_due_or_drops_them() {
    // Stages of a second, half a second, none, and two: iterations shorter and longer than each of them, and than all.
    let stages = [(1_000, 80), (500, 80), (0, 200), (2_000, 0)].map(|(ms, rate)| (millis(ms), per_sec(rate)));
    for base in [3 * MS, 90 * MS, 700 * MS, 5 * SECOND] {
        for (max_vus, grace) in [(7, 0), (60, 300 * MS), (500, 30 * SECOND)] {
            let plan = ramping_arrival_rate(stages).start_rate(per_sec(20)).max_vus(max_vus);
            let plan = plan.graceful_stop(ns(grace));
            let (dues, end) = (dues(&plan), End { at: 3_500 * MS, grace });
            assert_eq!(dues.len(), 290);
            Case::new(Kind::Open { max_vus }, plan, length(base), |length| {
                reference::arrivals(&dues, max_vus, end, length)
            })
            .holds();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_rate_and_the_target_a_run_equals_its_plan(
        rates in prop::collection::vec((1_u64..2_000, 0_u32..200), 1..4),
        start in 1_u32..200,
        max_vus in 1_u64..20,
        base in 1_000..400 * MS,
        grace in prop_oneof![Just(0), 1..SECOND],
        queue: bool,
        shards in 1_usize..6,
    ) {
        let stages = rates.iter().map(|(ms, rate)| (Duration::from_millis(*ms), per_sec(*rate)));
        let plan = ramping_arrival_rate(stages).start_rate(per_sec(start)).max_vus(max_vus);
        let plan = if queue { plan.queue() } else { plan }.graceful_stop(ns(grace));
        let (dues, end) = (dues(&plan), End { at: rates.iter().map(|(ms, _)| ms * MS).sum(), grace });
        let reference = if queue { reference::queued_arrivals } else { reference::arrivals };
        let case = Case::new(Kind::Open { max_vus }, plan, length(base), |length| {
            reference(&dues, max_vus, end, length)
        });
        all_hold(&[case], &[shards]);
    }
}

/// When the iterations of two scenarios with this executor began.
fn starts(executor: &Executor, seed: u64, shards: usize) -> [Vec<u64>; 2] {
    let logs: [Arc<Mutex<Vec<u64>>>; 2] = Default::default();
    let scenarios = [("a", &logs[0]), ("b", &logs[1])].map(|(name, log)| {
        let log = Arc::clone(log);
        let scenario = Scenario::new(name, async move |vu: &Vu| {
            log.lock().unwrap().push(u64::try_from(vu.elapsed().as_nanos()).unwrap());
            Ok(())
        });
        scenario.executor(executor.clone())
    });
    LoadTest::new().scenarios(scenarios).seed(seed).run_virtual(shards).unwrap();
    logs.map(|log| {
        let mut starts = log.lock().unwrap().clone();
        starts.sort_unstable();
        starts
    })
}

#[test]
fn a_seed_gives_the_same_random_arrivals_on_any_number_of_cores() {
    let executors = [
        Executor::from(constant_arrival_rate(per_sec(200), secs(3)).max_vus(600).poisson()),
        Executor::from(ramping_arrival_rate([(secs(3), per_sec(400))]).max_vus(600).poisson()),
    ];
    for executor in &executors {
        let [a, b] = starts(executor, 42, 1);
        for shards in SHARDS {
            assert_eq!(starts(executor, 42, shards), [a.clone(), b.clone()], "on {shards} shards");
        }
        let of_other_seed = starts(executor, 43, 1);
        for other in of_other_seed.iter().chain([&b]) {
            let common = a.iter().filter(|at| other.binary_search(at).is_ok()).count();
            assert_eq!(common, 0, "another seed, and another scenario, has arrivals of its own");
        }
        // 600 are expected, give or take 24.
        for starts in of_other_seed.iter().chain([&a, &b]) {
            assert!(starts.len().abs_diff(600) < 100, "{}", starts.len());
        }
    }
}

#[test]
fn a_hundred_thousand_random_arrivals_pass_for_exponential() {
    let executor = constant_arrival_rate(per_sec(1_000), secs(102)).max_vus(100_000).poisson();
    let [starts, _] = starts(&executor.into(), 7, 2);
    let starts = &starts[..100_000];
    let before = std::iter::once(&0).chain(starts);
    let mut gaps: Vec<f64> =
        starts.iter().zip(before).map(|(at, before)| (at - before) as f64 / 1e6).collect();
    gaps.sort_by(f64::total_cmp);
    let n = gaps.len() as f64;
    let distances = gaps.iter().enumerate().map(|(rank, gap)| {
        let expected = 1.0 - (-gap).exp();
        (expected - rank as f64 / n).abs().max(((rank + 1) as f64 / n - expected).abs())
    });
    // Kolmogorov and Smirnov: 99 of 100 samples of this size that are exponential stay below 1.63 / sqrt(n).
    let distance = distances.fold(0.0, f64::max);
    assert!(distance < 1.63 / n.sqrt(), "{distance} of at most {}", 1.63 / n.sqrt());
}
