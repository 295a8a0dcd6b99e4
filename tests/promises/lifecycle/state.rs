//! Promise: each VU has a state of its own, made once before its first iteration and made anew only after a panic.

use super::Diary;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

struct Session {
    vu: u64,
    used: u64,
}

fn session(vu: &Vu) -> Session {
    Session { vu: vu.id(), used: 0 }
}

#[test]
fn a_state_belongs_to_its_vu_and_lasts_from_iteration_to_iteration() {
    for shards in [1, 2, 3] {
        let diary = Diary::default();
        let log = diary.clone();
        let make = async |vu: &Vu| {
            vu.check("made", true);
            Ok(session(vu))
        };
        let scenario = Scenario::with_state("shop", make, async move |vu: &Vu, session: &mut Session| {
            assert_eq!(session.vu, vu.id());
            session.used += 1;
            log.note(format!("{}.{}", vu.id(), session.used));
            Ok(())
        });
        let test = LoadTest::new().scenario(scenario.executor(per_vu_iterations(2).vus(3)));
        let report = test.run_virtual(shards).unwrap();
        let mut entries = diary.entries();
        entries.sort();
        assert_eq!(entries, ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2"], "{shards} shards");
        let checks = report.checks();
        assert_eq!((checks[0].group.as_str(), checks[0].passes), ("::vu_setup", 3));
    }
}

#[test]
fn a_setup_that_fails_fails_its_iteration_and_is_tried_again() {
    let tries = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&tries);
    let make = async move |vu: &Vu| {
        vu.sleep(millis(5)).await;
        if count.fetch_add(1, Ordering::Relaxed) < 2 {
            return Err("locked out".into());
        }
        Ok(session(vu))
    };
    let line = line!() - 4;
    let scenario = Scenario::with_state("shop", make, async |vu: &Vu, _: &mut Session| {
        vu.sleep(secs(1)).await;
        Ok(())
    });
    let report = LoadTest::new().scenario(scenario.executor(per_vu_iterations(5))).run_virtual(1).unwrap();
    assert_eq!((report.count(ITERATIONS), tries.load(Ordering::Relaxed)), (5.0, 3));
    assert_eq!(report.value(ITERATION_FAILED.rate()), 0.4);
    let error = &report.errors()[0];
    assert_eq!((error.count, error.first.as_str()), (2, "locked out"));
    assert_eq!(error.place, format!("{}:{line}", file!()));
    // What the state took to be made is not the journey's time.
    assert_eq!(report.value(ITERATION_DURATION.max()), 1000.0);
}

#[test]
fn a_panic_makes_the_state_anew_and_an_error_does_not() {
    let diary = Diary::default();
    let log = diary.clone();
    let made = async |vu: &Vu| Ok(session(vu));
    let scenario = Scenario::with_state("shop", made, async move |vu: &Vu, session: &mut Session| {
        session.used += 1;
        log.note(format!("{}: {}", vu.iteration(), session.used));
        match vu.iteration() {
            1 => Err("sold out".into()),
            2 => panic!("the journey's own bug"),
            _ => Ok(()),
        }
    });
    let test = LoadTest::new().scenario(scenario.executor(shared_iterations(5)));
    let report = test.run_virtual(1).unwrap();
    assert_eq!(diary.entries(), ["0: 1", "1: 2", "2: 3", "3: 1", "4: 2"]);
    assert_eq!(report.errors().len(), 2);
}

#[test]
fn what_an_arrival_waits_for_its_state_is_in_its_response_time_and_is_not_the_generators_lateness() {
    let make = async |vu: &Vu| {
        vu.sleep(millis(300)).await;
        Ok(session(vu))
    };
    let scenario = Scenario::with_state("shop", make, async |vu: &Vu, _: &mut Session| {
        vu.sleep(millis(100)).await;
        Ok(())
    });
    let executor = constant_arrival_rate(per_sec(1), secs(3)).max_vus(1);
    let report = LoadTest::new().scenario(scenario.executor(executor)).run_virtual(1).unwrap();
    assert_eq!(report.value(ITERATION_LATENESS.max()), 0.0);
    assert!(report.generator().is_sound(), "{:?}", report.generator().reasons);
    assert_eq!(report.value(ITERATION_RESPONSE_TIME.max()), 400.0);
    assert_eq!(report.value(ITERATION_DURATION.max()), 100.0);
}

#[test]
fn the_setup_of_a_vu_draws_from_a_stream_of_its_own() {
    let draws = |setup_draws: usize| {
        let diary = Diary::default();
        let log = diary.clone();
        let make = async move |vu: &Vu| {
            for _ in 0..setup_draws {
                vu.pick(1_000);
            }
            Ok(session(vu))
        };
        let scenario = Scenario::with_state("shop", make, async move |vu: &Vu, _: &mut Session| {
            log.note(format!("{}: {}", vu.iteration(), vu.pick(1_000)));
            Ok(())
        });
        let test = LoadTest::new().seed(7).scenario(scenario.executor(shared_iterations(8).vus(2)));
        test.run_virtual(2).unwrap();
        let mut entries = diary.entries();
        entries.sort();
        entries
    };
    assert_eq!(draws(0), draws(3));
}

#[test]
fn a_teardown_in_code_ends_the_state_of_its_own_scenario_only() {
    let diary = Diary::default();
    let log = diary.clone();
    let scenario = || {
        Scenario::with_state(
            "shop",
            async |vu: &Vu| Ok(session(vu)),
            async |_: &Vu, session: &mut Session| {
                session.used += 1;
                Ok(())
            },
        )
    };
    let ending = scenario().vu_teardown(async move |vu: &Vu, session: &mut Session| {
        log.note(format!("{} used {}", vu.id(), session.used));
        Ok(())
    });
    let test = LoadTest::new().scenario(ending.executor(per_vu_iterations(3).vus(2)));
    test.run_virtual(1).unwrap();
    let mut entries = diary.entries();
    entries.sort();
    assert_eq!(entries, ["1 used 3", "2 used 3"]);

    let other = scenario().vu_teardown(async |_: &Vu, _: &mut u32| Ok(()));
    let error = LoadTest::new().scenario(other).run_virtual(1).unwrap_err().to_string();
    assert!(error.contains("this teardown takes a `u32`, but its scenario has a `"), "{error}");
}

#[test]
fn what_vus_do_after_their_last_iteration_does_not_thin_out_the_rates() {
    let slow_to_leave = |executor: Executor| {
        let scenario = Scenario::with_state(
            "shop",
            async |_: &Vu| Ok(0),
            async |vu: &Vu, _: &mut u32| {
                vu.sleep(millis(250)).await;
                Ok(())
            },
        );
        let scenario = scenario.vu_teardown(async |vu: &Vu, _: &mut u32| {
            vu.sleep(secs(9)).await;
            Ok(())
        });
        LoadTest::new().scenario(scenario.executor(executor))
    };
    let executors: [(Executor, f64, u64); 5] = [
        (constant_vus(2, secs(2)).into(), 8.0, 2),
        (shared_iterations(8).vus(2).into(), 8.0, 1),
        (per_vu_iterations(4).vus(2).into(), 8.0, 1),
        // Also what is planned without VUs or arrivals belongs to the load.
        (ramping_vus([(secs(1), 2), (secs(0), 0), (secs(3), 0)]).start_vus(2).into(), 2.0, 4),
        (constant_arrival_rate(per(1, secs(3)), secs(4)).into(), 0.5, 4),
    ];
    for (executor, rate, took) in executors {
        let name = format!("{executor:?}");
        for shards in [1, 2] {
            let report = slow_to_leave(executor.clone()).run_virtual(shards).unwrap();
            assert_eq!(report.run().duration, secs(took), "{name}");
            assert_eq!(report.value(ITERATIONS.rate()), rate, "{name}");
        }
    }
}
