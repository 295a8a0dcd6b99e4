//! Promise: pauses, limits and sequences of iterations are kept to the nanosecond, on however many cores.

use crate::support::{in_some_round, measuring, only_error, quiet, settled, truth_server};
use loadcore::metric::Stats;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SHARDS: [usize; 4] = [1, 2, 3, 7];

/// When the iterations began, in milliseconds since the test's start: with scenario and VU.
type Log = Arc<Mutex<Vec<(u64, String, u64)>>>;

fn ms(time: Duration) -> u64 {
    assert_eq!(time.subsec_nanos() % 1_000_000, 0, "{time:?} is exact");
    time.as_millis() as u64
}

/// A scenario whose iterations write down when they begin, and take as long as `takes` says of their VU and time.
fn timed(name: &'static str, log: &Log, takes: impl Fn(u64, u64) -> u64 + Send + Sync + 'static) -> Scenario {
    let log = Arc::clone(log);
    Scenario::new(name, async move |vu: &Vu| {
        let began = ms(vu.elapsed());
        log.lock().unwrap().push((began, name.to_owned(), vu.id()));
        vu.sleep(millis(takes(vu.id(), began))).await;
        Ok(())
    })
}

/// When the iterations of a VU began.
fn begun(log: &Log, vu: u64) -> Vec<u64> {
    let mut begun: Vec<u64> =
        log.lock().unwrap().iter().filter(|(_, _, of)| *of == vu).map(|(at, _, _)| *at).collect();
    begun.sort_unstable();
    begun
}

/// As [`begun`], of a scenario.
fn begun_in(log: &Log, scenario: &str) -> Vec<u64> {
    let mut begun: Vec<u64> =
        log.lock().unwrap().iter().filter(|(_, of, _)| of == scenario).map(|(at, _, _)| *at).collect();
    begun.sort_unstable();
    begun
}

#[test]
fn a_paced_iteration_lasts_at_least_so_long_from_its_start() {
    for shards in SHARDS {
        let log = Log::default();
        let seen = Arc::clone(&log);
        let scenario = Scenario::new("paced", async move |vu: &Vu| {
            seen.lock().unwrap().push((ms(vu.elapsed()), String::new(), vu.id()));
            // VU 2 is too slow for the pace.
            vu.sleep(millis(if vu.id() == 2 { 2_500 } else { 300 })).await;
            vu.pace(secs(2)).await;
            Ok(())
        });
        let report = LoadTest::new()
            .scenario(scenario.executor(constant_vus(3, secs(9))))
            .run_virtual(shards)
            .unwrap();
        assert_eq!(begun(&log, 1), [0, 2_000, 4_000, 6_000, 8_000]);
        assert_eq!(begun(&log, 2), [0, 2_500, 5_000, 7_500]);
        // The pause belongs to the iteration.
        assert_eq!(report.value(ITERATION_DURATION.min()), 2_000.0);
    }
}

#[test]
fn an_arrival_paces_itself_from_when_it_began() {
    let log = Log::default();
    let seen = Arc::clone(&log);
    let scenario = Scenario::new("paced", async move |vu: &Vu| {
        vu.pace(millis(1_500)).await;
        seen.lock().unwrap().push((ms(vu.elapsed()), String::new(), vu.id()));
        Ok(())
    });
    let executor = constant_arrival_rate(per_sec(1), secs(3)).max_vus(1).queue();
    LoadTest::new().scenario(scenario.executor(executor)).run_virtual(1).unwrap();
    assert_eq!(begun(&log, 1), [1_500, 3_000], "the second one began when the first one had ended");
}

#[test]
fn a_least_duration_delays_the_next_iteration_and_is_not_measured() {
    for shards in SHARDS {
        let log = Log::default();
        let scenario = timed("padded", &log, |vu, _| if vu == 2 { 1_500 } else { 200 });
        let executor = constant_vus(2, millis(3_500)).min_iteration_duration(secs(1));
        let report = LoadTest::new().scenario(scenario.executor(executor)).run_virtual(shards).unwrap();
        assert_eq!(begun(&log, 1), [0, 1_000, 2_000, 3_000]);
        assert_eq!(begun(&log, 2), [0, 1_500, 3_000]);
        assert_eq!(report.value(ITERATION_DURATION.min()), 200.0);
        // A VU that only rests is gone at the end: the last iteration decides it.
        assert_eq!(ms(report.run().duration), 4_500);
        assert_eq!(report.count(ITERATIONS), 7.0);
    }
}

#[test]
fn a_vu_that_rests_serves_no_arrival() {
    for shards in SHARDS {
        let log = Log::default();
        let executor =
            constant_arrival_rate(per_sec(2), secs(4)).max_vus(1).min_iteration_duration(millis(900));
        let scenario = timed("padded", &log, |_, _| 100).executor(executor);
        let report = LoadTest::new().scenario(scenario).run_virtual(shards).unwrap();
        assert_eq!(begun(&log, 1), [0, 1_000, 2_000, 3_000]);
        assert_eq!((report.count(ITERATIONS), report.count(DROPPED_ITERATIONS)), (4.0, 4.0));
    }
}

#[test]
fn a_ramp_down_does_not_wait_for_a_vu_that_rests() {
    let log = Log::default();
    let executor =
        ramping_vus([(secs(2), 2), (secs(0), 0), (secs(1), 0)]).start_vus(2).min_iteration_duration(secs(60));
    let scenario = timed("padded", &log, |_, _| 100).executor(executor);
    let report = LoadTest::new().scenario(scenario).run_virtual(2).unwrap();
    assert_eq!((ms(report.run().duration), report.count(ITERATIONS)), (3_000, 2.0));
    assert_eq!(report.count(INTERRUPTED_ITERATIONS), 0.0);
}

#[test]
fn a_rest_that_is_longer_than_the_grace_holds_up_no_end() {
    for grace in [0, 5] {
        let executors = [
            Executor::from(constant_vus(2, secs(3))),
            constant_arrival_rate(per_sec(1), secs(3)).max_vus(2).into(),
            constant_arrival_rate(per_sec(1), secs(3)).max_vus(2).queue().into(),
        ];
        for executor in executors {
            let log = Log::default();
            let executor = executor.graceful_stop(secs(grace)).min_iteration_duration(secs(60));
            let scenario = timed("resting", &log, |_, _| 100).executor(executor);
            let report = LoadTest::new().scenario(scenario).run_virtual(2).unwrap();
            assert_eq!((ms(report.run().duration), report.count(ITERATIONS)), (3_000, 2.0));
            assert_eq!(report.count(INTERRUPTED_ITERATIONS), 0.0);
        }
    }
}

async fn sleep_in(vu: &Vu, group: &str, time: Duration) -> Result {
    let body = async |vu: &Vu| {
        vu.sleep(time).await;
        Ok(())
    };
    vu.group(group, body).await
}

#[test]
fn a_limit_cuts_an_iteration_in_the_middle_of_its_groups() {
    let scenario = Scenario::new("grouped", async |vu: &Vu| {
        let slow = vu.own_iteration() == 1;
        vu.group("Outer", async |vu: &Vu| {
            sleep_in(vu, "Quick", millis(100)).await?;
            sleep_in(vu, "Inner", if slow { secs(60) } else { millis(200) }).await
        })
        .await
    });
    let executor = per_vu_iterations(3).iteration_timeout(secs(1));
    let report = LoadTest::new().scenario(scenario.executor(executor)).run_virtual(1).unwrap();
    assert_eq!((report.count(ITERATIONS), only_error(&report).count), (3.0, 1));
    // The groups that were cut have no duration of their own; the one that had ended has.
    let ended = |group: &str| match report.stats(GROUP_DURATION.group(group), &[]) {
        Stats::Trend { count, .. } => count,
        other => panic!("{other:?}"),
    };
    assert_eq!(["::Outer", "::Outer::Quick", "::Outer::Inner"].map(ended), [2, 3, 2]);
    assert_eq!(ms(report.run().duration), 1_600);
}

#[test]
fn an_iteration_over_its_limit_is_cut_and_has_failed() {
    for shards in SHARDS {
        let log = Log::default();
        let scenario = timed("limited", &log, |vu, _| if vu == 2 { 60_000 } else { 1_000 });
        let executor = per_vu_iterations(2).vus(3).iteration_timeout(secs(5));
        let report = LoadTest::new().scenario(scenario.executor(executor)).run_virtual(shards).unwrap();
        assert_eq!(begun(&log, 2), [0, 5_000]);
        assert_eq!((report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS)), (6.0, 0.0));
        assert_eq!(report.value(ITERATION_DURATION.max()), 5_000.0);
        let error = only_error(&report);
        assert_eq!((error.kind.as_str(), error.place.as_str(), error.count), ("timeout", "added in code", 2));
        assert_eq!(error.first, "the iteration took longer than its iteration_timeout of 5s");
        assert_eq!(ms(report.run().duration), 10_000);
    }
}

#[scenario(executor = shared_iterations(1).iteration_timeout(50ms).min_iteration_duration(10ms).after("warmup"))]
async fn hangs(_vu: &Vu) -> Result {
    std::future::pending().await
}

#[test]
fn an_attribute_takes_these_options_too_and_its_place_is_told() {
    let warmup = Scenario::new("warmup", async |_: &Vu| Ok(()));
    let report = LoadTest::new().scenario(warmup).scenario(HANGS_SCENARIO).run_virtual(1).unwrap();
    let error = only_error(&report);
    assert_eq!(error.kind, "timeout");
    assert!(error.place.contains("promises/pacing.rs:"), "{error:?}");
}

#[test]
fn a_setup_of_a_vu_has_the_same_limit() {
    let scenario = Scenario::with_state(
        "stuck",
        async |_: &Vu| std::future::pending::<Result<u8>>().await,
        async |_, _| Ok(()),
    );
    let executor = per_vu_iterations(3).iteration_timeout(secs(1));
    let report = LoadTest::new().scenario(scenario.executor(executor)).run_virtual(1).unwrap();
    let error = only_error(&report);
    assert_eq!((error.kind.as_str(), error.count, ms(report.run().duration)), ("timeout", 3, 3_000));
}

#[test]
fn a_limit_frees_the_vu_of_an_arrival() {
    let log = Log::default();
    let executor = constant_arrival_rate(per_sec(1), secs(4)).max_vus(1).iteration_timeout(millis(500));
    let scenario = timed("limited", &log, |_, _| 60_000).executor(executor);
    let report = LoadTest::new().scenario(scenario).run_virtual(2).unwrap();
    assert_eq!((begun(&log, 1), report.count(DROPPED_ITERATIONS)), (vec![0, 1_000, 2_000, 3_000], 0.0));
    assert_eq!(only_error(&report).count, 4);
}

#[test]
fn a_scenario_starts_when_the_one_before_has_ended_on_all_cores() {
    for shards in SHARDS {
        let log = Log::default();
        // VUs 10 to 12. Ends at 2.7 s: with the iteration of VU 12 that begins at 1.8 s.
        let warmup = timed("warmup", &log, |vu, _| 300 * (vu - 9)).executor(constant_vus(3, secs(2)));
        let first = Executor::from(constant_vus(5, millis(500))).after("warmup");
        let then = constant_arrival_rate(per_sec(10), secs(1)).max_vus(9).after("main").start_after(secs(10));
        let test = LoadTest::new()
            .scenario(timed("last", &log, |_, _| 5).executor(then))
            .scenario(warmup)
            .scenario(timed("main", &log, |_, _| 400).executor(first));
        let report = test.run_virtual(shards).unwrap();
        assert_eq!(begun_in(&log, "main"), [[2_700; 5], [3_100; 5]].concat(), "on {shards} shards");
        let arrivals: Vec<u64> = (0..10).map(|i| 13_500 + 100 * i).collect();
        assert_eq!(begun_in(&log, "last"), arrivals, "on {shards} shards");
        assert_eq!(report.errors(), []);
    }
}

#[test]
fn one_scenario_may_be_followed_by_several_and_a_cut_counts_as_an_end() {
    for shards in SHARDS {
        let log = Log::default();
        let warmup =
            timed("warmup", &log, |_, _| 60_000).executor(constant_vus(2, secs(1)).graceful_stop(secs(3)));
        let after = |name| timed(name, &log, |_, _| 1).executor(shared_iterations(3).vus(3).after("warmup"));
        let test = LoadTest::new().scenario(after("a")).scenario(after("b")).scenario(warmup);
        test.run_virtual(shards).unwrap();
        assert_eq!((begun_in(&log, "a"), begun_in(&log, "b")), (vec![4_000; 3], vec![4_000; 3]));
    }
}

#[tokio::test]
async fn in_real_time_the_next_scenario_starts_some_milliseconds_later_on_all_cores() {
    let _quiet = quiet().await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let timed = |name: &'static str| {
        let log = Arc::clone(&log);
        Scenario::new(name, async move |vu: &Vu| {
            log.lock().unwrap().push((name, vu.elapsed()));
            vu.sleep(millis(100)).await;
            log.lock().unwrap().push((name, vu.elapsed()));
            Ok(())
        })
    };
    let warmup = timed("warmup").executor(per_vu_iterations(1).vus(2));
    let main = timed("main").executor(per_vu_iterations(1).vus(4).after("warmup"));
    let report = LoadTest::new().cores(2).scenario(warmup).scenario(main).run().await.unwrap();
    assert_eq!((report.count(ITERATIONS), report.errors().len()), (6.0, 0));
    let log = log.lock().unwrap();
    let of = |name| log.iter().filter(move |(of, _)| *of == name).map(|(_, at)| *at);
    let (end, start) = (of("warmup").max().unwrap(), of("main").min().unwrap());
    assert!(start >= end + millis(4) && start <= end + millis(60), "{end:?}, then {start:?}");
}

#[test]
fn sequences_that_never_start_are_refused() {
    let scenario = |name: &'static str, after: Option<&str>| {
        let executor = Executor::from(shared_iterations(1));
        let executor = after.map_or(executor.clone(), |after| executor.after(after));
        Scenario::new(name, async |_: &Vu| Ok(())).executor(executor)
    };
    let refused = |scenarios: Vec<Scenario>| {
        LoadTest::new().scenarios(scenarios).run_virtual(1).unwrap_err().to_string()
    };
    assert_eq!(
        refused(vec![scenario("a", Some("warmup")), scenario("b", None)]),
        "scenario `a` (added in code): it shall start after `warmup`, which is no scenario of this test; there are: a, b"
    );
    assert_eq!(
        refused(vec![scenario("a", Some("a"))]),
        "scenario `a` (added in code): it shall start after itself, and never would; name the one before it"
    );
    assert_eq!(
        refused(vec![
            scenario("x", Some("a")),
            scenario("a", Some("b")),
            scenario("b", Some("c")),
            scenario("c", Some("a"))
        ]),
        "the scenarios wait for each other, and never would start: `a` after `b` after `c` after `a`; take one `after` away"
    );
    let executor = shared_iterations(1).iteration_timeout(secs(0));
    let zero = refused(vec![Scenario::new("z", async |_: &Vu| Ok(())).executor(executor)]);
    assert!(zero.contains("an iteration timeout of 0s lets no iteration pass"), "{zero}");
}

#[test]
fn what_an_executor_does_says_these_options() {
    let executor =
        constant_vus(2, secs(10)).after("warmup").min_iteration_duration(secs(1)).iteration_timeout(secs(5));
    assert_eq!(
        executor.describe(),
        "2 looping VUs for 10s (after warmup, iterations of at least 1s, iteration timeout 5s, graceful stop 30s)"
    );
}

/// Eager VUs for two seconds under a cap; how much of what it allows they sent, and the report.
async fn capped(rate: u64, vus: u64) -> (f64, Report) {
    let server = truth_server();
    let scenario = Scenario::new("eager", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let test = LoadTest::new()
        .base_url(server.url())
        .cores(2)
        .max_requests_per_second(rate)
        .scenario(scenario.executor(constant_vus(vus, secs(2)).graceful_stop(secs(5))));
    let report = test.run().await.unwrap();
    let (sent, seconds) = (settled(&server).await.requests as f64, report.run().duration.as_secs_f64());
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (sent, 0.0));
    let allowed = rate as f64 * seconds;
    // One at once, and what late timers may make up for: 5 ms.
    assert!(sent <= allowed + 1.0 + rate as f64 * 0.005, "{sent} requests in {seconds} s at {rate}/s");
    println!("cap {rate}/s, {vus} VUs: {sent} in {seconds:.3} s, {:.2}% of it", sent / allowed * 100.0);
    (sent / allowed, report)
}

#[tokio::test]
async fn no_more_requests_are_sent_than_the_cap_allows_and_the_wait_is_in_no_timing() {
    let _measuring = measuring().await;
    // 20 VUs wait 400 ms for each turn.
    let (share, report) = capped(50, 20).await;
    assert!(share > 0.97, "{share}");
    assert!(report.value(ITERATION_DURATION.med()) > 300.0);
    assert!(report.value(HTTP_REQ_DURATION.med()) < 100.0 && report.value(HTTP_REQ_BLOCKED.med()) < 100.0);
    for vus in [20, 3] {
        // That the cap is reached too takes a machine that has the time.
        in_some_round(async || match capped(2_000, vus).await.0 {
            0.97.. => Ok(()),
            share => Err(format!("{vus} VUs reached {share} of the cap")),
        })
        .await;
    }
    // Nor does it take turns from others when most requests are given up while they wait.
    let server = truth_server();
    let impatient = Scenario::new("impatient", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let load = constant_vus(40, secs(2)).iteration_timeout(millis(100));
    let test = LoadTest::new().base_url(server.url()).cores(2).max_requests_per_second(50);
    test.scenario(impatient.executor(load)).run().await.unwrap();
    let sent = settled(&server).await.requests;
    assert!((80..=105).contains(&sent), "{sent} requests, of 100 that the cap allows");
    let none = LoadTest::new().max_requests_per_second(0).scenario(Scenario::new("a", async |_: &Vu| Ok(())));
    assert!(none.run().await.unwrap_err().to_string().starts_with("0 requests per second are no cap"));
}
