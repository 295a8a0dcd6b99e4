//! Where a journey stands, as it can ask itself.

use loadcore::plan::Executor;
use loadcore::prelude::*;
use loadcore::{Instance, Setup, Teardown};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SHARDS: [usize; 4] = [1, 2, 3, 7];

/// What journeys saw, in any order.
fn seen<T: Send + Sync + 'static>(
    test: impl FnOnce(Arc<Mutex<Vec<T>>>) -> LoadTest,
    shards: usize,
) -> Vec<T> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    test(Arc::clone(&seen)).run_virtual(shards).unwrap();
    std::mem::take(&mut *seen.lock().unwrap())
}

#[test]
fn progress_goes_by_time_where_the_number_of_iterations_is_not_fixed() {
    for (executor, name) in [
        (Executor::from(constant_vus(1, secs(10))), "constant-vus"),
        (ramping_vus([(secs(4), 1), (secs(6), 1)]).into(), "ramping-vus"),
        (constant_arrival_rate(per_sec(0.4), secs(10)).into(), "constant-arrival-rate"),
        (
            ramping_arrival_rate([(secs(10), per_sec(0.4))]).start_rate(per_sec(0.4)).into(),
            "ramping-arrival-rate",
        ),
    ] {
        for shards in SHARDS {
            let seen = seen(
                |log| {
                    let journey = async move |vu: &Vu| {
                        log.lock().unwrap().push((vu.executor(), vu.elapsed(), vu.progress()));
                        vu.sleep(millis(2_500)).await;
                        Ok(())
                    };
                    LoadTest::new().scenario(Scenario::new("one", journey).executor(executor.clone()))
                },
                shards,
            );
            assert!(seen.len() >= 4, "{name}: {seen:?}");
            for (executor, elapsed, progress) in seen {
                assert_eq!((executor, progress), (name, elapsed.as_secs_f64() / 10.0), "at {elapsed:?}");
            }
        }
    }
}

#[test]
fn progress_goes_by_iterations_where_their_number_is_fixed() {
    for (executor, name) in [
        (Executor::from(shared_iterations(8).vus(2)), "shared-iterations"),
        (per_vu_iterations(4).vus(2).into(), "per-vu-iterations"),
    ] {
        for shards in SHARDS {
            let mut seen = seen(
                |log| {
                    let journey = async move |vu: &Vu| {
                        // VU 1 takes 10 ms, VU 2 looks 5 ms later: two iterations never end at once.
                        vu.sleep(if vu.id() == 2 && vu.own_iteration() == 0 {
                            millis(15)
                        } else {
                            millis(10)
                        })
                        .await;
                        log.lock().unwrap().push((vu.executor(), vu.progress()));
                        Ok(())
                    };
                    LoadTest::new().scenario(Scenario::new("one", journey).executor(executor.clone()))
                },
                shards,
            );
            seen.sort_by(|a, b| a.1.total_cmp(&b.1));
            let want: Vec<_> = (0..8).map(|done| (name, f64::from(done) / 8.0)).collect();
            assert_eq!(seen, want, "{shards} shards");
        }
    }
}

#[test]
fn a_scenario_knows_when_it_started_also_after_another_one() {
    type Seen = (String, Duration, Duration);
    for shards in SHARDS {
        let mut seen: Vec<Seen> = seen(
            |log| {
                let scenario = |name: &'static str, executor: Executor| {
                    let log = Arc::clone(&log);
                    let journey = async move |vu: &Vu| {
                        vu.sleep(secs(1)).await;
                        let entry = (vu.scenario().to_owned(), vu.scenario_start(), vu.scenario_elapsed());
                        log.lock().unwrap().push(entry);
                        Ok(())
                    };
                    Scenario::new(name, journey).executor(executor)
                };
                LoadTest::new().scenario(scenario("a", shared_iterations(1).start_after(secs(2)))).scenario(
                    scenario("b", Executor::from(shared_iterations(2)).after("a").start_after(secs(4))),
                )
            },
            shards,
        );
        seen.sort();
        let want = [("a", 2, 1), ("b", 7, 1), ("b", 7, 2)];
        assert_eq!(seen, want.map(|(name, start, elapsed)| (name.to_owned(), secs(start), secs(elapsed))));
    }
}

#[test]
fn a_vu_counts_its_own_iterations_in_its_scenario() {
    for shards in SHARDS {
        let mut seen = seen(
            |log| {
                let scenario = |name: &'static str, takes: u64| {
                    let log = Arc::clone(&log);
                    let journey = async move |vu: &Vu| {
                        log.lock().unwrap().push((vu.id(), vu.own_iteration()));
                        vu.sleep(millis(takes)).await;
                        Ok(())
                    };
                    Scenario::new(name, journey).executor(constant_vus(2, secs(1)).graceful_stop(secs(0)))
                };
                LoadTest::new().scenario(scenario("short", 250)).scenario(scenario("long", 600))
            },
            shards,
        );
        seen.sort_unstable();
        let want: Vec<_> = [4, 4, 2, 2]
            .into_iter()
            .zip(1..)
            .flat_map(|(own, vu)| (0..own).map(move |nth| (vu, nth)))
            .collect();
        assert_eq!(seen, want, "{shards} shards");
    }
}

/// As a tuple: VUs, active ones, iterations, interrupted ones.
fn numbers(Instance { vus, active_vus, iterations, interrupted_iterations, .. }: Instance) -> [u64; 4] {
    [vus, active_vus, iterations, interrupted_iterations]
}

#[test]
fn the_process_tells_its_vus_and_iterations_over_all_scenarios_and_cores() {
    for shards in SHARDS {
        let seen = seen(
            |log| {
                // Looks each second, and does nothing else.
                let watch = async move |vu: &Vu| {
                    vu.sleep(millis(500)).await;
                    for _ in 0..6 {
                        log.lock().unwrap().push(numbers(vu.instance()));
                        vu.sleep(secs(1)).await;
                    }
                    Ok(())
                };
                let busy = async |vu: &Vu| {
                    vu.sleep(millis(300)).await;
                    Ok(())
                };
                let watch =
                    Scenario::new("watch", watch).executor(constant_vus(1, secs(6)).graceful_stop(secs(0)));
                // Three VUs loop for 2 s; then one goes on, and is cut 0.2 s after the end of the fourth second.
                let ramp = ramping_vus([(secs(2), 3), (secs(0), 1), (secs(2), 1)]).start_vus(3);
                let ramp = ramp.graceful_ramp_down(secs(0)).graceful_stop(millis(200));
                // Twenty arrivals in the sixth second, on at most seven VUs.
                let open = constant_arrival_rate(per_sec(20), secs(1)).max_vus(7).start_after(secs(5));
                let open = open.graceful_stop(secs(0));
                LoadTest::new()
                    .scenario(watch)
                    .scenario(Scenario::new("ramp", busy).executor(ramp))
                    .scenario(Scenario::new("open", busy).executor(open))
            },
            shards,
        );
        let want = [
            [4, 4, 3, 0],
            [4, 4, 12, 0],
            // At 2 s two VUs were cut in their seventh iteration; they wait, but are not active.
            [4, 2, 3 * 6 + 2, 2],
            [4, 2, 3 * 6 + 5, 2],
            // The last VU's iteration from 3.9 s on ended at its graceful stop.
            [1, 1, 3 * 6 + 7, 3],
            // Arrivals from 5 s on, each 50 ms: those until 5.15 s have ended.
            [1 + 7, 1 + 7, 3 * 6 + 7 + 4, 3],
        ];
        assert_eq!(seen, want, "{shards} shards");
    }
}

#[test]
fn setup_and_teardown_belong_to_no_scenario() {
    let seen = seen(
        |log| {
            let look = move |vu: &Vu| {
                let context = (vu.executor(), vu.progress(), vu.scenario_start(), vu.own_iteration());
                let is_the_tests = vu.scenario_elapsed() == vu.elapsed();
                log.lock().unwrap().push((context, is_the_tests, numbers(vu.instance())));
                Ok(())
            };
            let look_again = look.clone();
            LoadTest::new()
                .setup(Setup::new("look", async move |vu: &Vu| look(vu)))
                .scenario(Scenario::new("one", async |_: &Vu| Ok(())).executor(per_vu_iterations(3).vus(2)))
                .teardown(Teardown::new("look again", async move |vu: &Vu| look_again(vu)))
        },
        2,
    );
    let context = ("", 0.0, Duration::ZERO, 0);
    assert_eq!(seen, [(context, true, [0; 4]), (context, true, [0, 0, 6, 0])]);
}
