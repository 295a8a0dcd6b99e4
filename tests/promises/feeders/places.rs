//! Promise: a feeder may be asked from anywhere, and what one scenario or test takes or ends is no other one's business.

use super::{ROWS, Row, SHARDS, TEN_ROWS, journey, rows_of, test};
use crate::support::only_error;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use loadcore::{RunError, Setup, Teardown};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// What setups of VUs were handed, and what iterations: each by who asked.
type Handed = Arc<[Mutex<Vec<(u64, u64)>>; 2]>;

fn sessions(feeder: &'static Feeder<Row>, handed: &Handed) -> Scenario {
    let [setups, iterations] = [(); 2].map(|()| Arc::clone(handed));
    let make = async move |vu: &Vu| {
        setups[0].lock().unwrap().push((vu.id(), feeder.next(vu)?.n));
        Ok(())
    };
    Scenario::with_state("sessions", make, async move |vu: &Vu, ()| {
        let row = feeder.next(vu)?;
        iterations[1].lock().unwrap().push((vu.iteration(), row.n));
        vu.sleep(millis(10)).await;
        Ok(())
    })
}

#[test]
fn what_the_setup_of_a_vu_takes_does_not_shift_the_rows_of_iterations() {
    static CIRCULAR: Feeder<Row> = TEN_ROWS.circular();
    static SHUFFLE: Feeder<Row> = TEN_ROWS.shuffle().on_end(OnEnd::Recycle);
    let handed = |feeder, executor: Executor, shards| {
        let handed = Handed::default();
        let report = test()
            .seed(1)
            .scenario(sessions(feeder, &handed).executor(executor))
            .run_virtual(shards)
            .unwrap();
        assert_eq!(report.errors(), []);
        handed.each_ref().map(|rows| {
            let mut rows = rows.lock().unwrap().clone();
            rows.sort_unstable();
            rows
        })
    };
    let executors: [fn() -> Executor; 2] = [
        || shared_iterations(24).vus(4).into(),
        || constant_arrival_rate(per_sec(200), millis(120)).max_vus(4).into(),
    ];
    for executor in executors {
        let (mut of_vus, mut shuffled) = (BTreeSet::new(), BTreeSet::new());
        for shards in SHARDS {
            let [setups, rows] = handed(&CIRCULAR, executor(), shards);
            assert_eq!(rows, (0..24).map(|i| (i, i % ROWS)).collect::<Vec<_>>(), "{shards} shards");
            let first: BTreeSet<u64> = setups.iter().map(|(_, row)| *row).collect();
            assert_eq!(first, (0..setups.len() as u64).collect(), "who asks next gets the next one");
            let [setups, rows] = handed(&SHUFFLE, executor(), shards);
            of_vus.extend(setups);
            shuffled.insert(rows);
        }
        assert_eq!(shuffled.len(), 1, "the same on however many shards: {shuffled:?}");
        let vus: BTreeSet<u64> = of_vus.iter().map(|(vu, _)| *vu).collect();
        assert_eq!(of_vus.len(), vus.len(), "each VU has its own: {of_vus:?}");
    }
}

#[test]
fn a_setup_and_a_teardown_take_rows_that_nobody_else_gets() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique().on_end(OnEnd::Stop);
    let log = super::Log::default();
    let admin = Arc::new(Mutex::new(Vec::new()));
    let [before, after] = [(); 2].map(|()| Arc::clone(&admin));
    let report = test()
        .setup(Setup::new("admin", async move |vu: &Vu| {
            before.lock().unwrap().push(FEEDER.next(vu)?.n);
            Ok(())
        }))
        .scenario(journey("users", &FEEDER, &log).executor(shared_iterations(8).vus(2)))
        .teardown(Teardown::new("tidy", async move |vu: &Vu| {
            after.lock().unwrap().push(FEEDER.next(vu)?.n);
            FEEDER.next(vu).map(drop).map_err(Into::into)
        }))
        .run_virtual(2)
        .unwrap();
    assert_eq!(*admin.lock().unwrap(), [0, 9]);
    assert_eq!(rows_of(&log.lock().unwrap()).into_iter().collect::<BTreeSet<_>>(), (1..9).collect());
    // Where there is no load to end, it is an error as any other.
    let [error] = report.run().teardown_errors.as_slice() else { panic!("{report}") };
    assert!(error.message.contains("the last row has been handed out"), "{error}");
    let greedy = Setup::new("greedy", async |vu: &Vu| {
        for _ in 0..=ROWS {
            FEEDER.next(vu)?;
        }
        Ok(())
    });
    let refused = test().setup(greedy).scenario(Scenario::new("never", async |_: &Vu| Ok(()))).run_virtual(1);
    assert!(matches!(refused, Err(RunError::Setup { .. })), "{refused:?}");
}

#[test]
fn stop_ends_the_scenarios_that_ask_in_vain_and_no_other() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique().on_end(OnEnd::Stop);
    for shards in SHARDS {
        let log = super::Log::default();
        let idle = |name| {
            Scenario::new(name, async |vu: &Vu| {
                vu.sleep(millis(100)).await;
                Ok(())
            })
        };
        let report = test()
            .scenario(journey("quick", &FEEDER, &log).executor(constant_vus(1, hours(1))))
            // It asks for a second time when there is nothing left.
            .scenario(
                Scenario::new("slow", async |vu: &Vu| {
                    FEEDER.next(vu)?;
                    vu.sleep(secs(2)).await;
                    Ok(())
                })
                .executor(constant_vus(1, hours(1))),
            )
            .scenario(idle("other").executor(constant_vus(1, secs(5))))
            .scenario(idle("next").executor(Executor::from(shared_iterations(3)).after("quick")))
            .run_virtual(shards)
            .unwrap();
        let count = |name: &str| {
            [ITERATIONS, INTERRUPTED_ITERATIONS].map(|metric| report.count(metric.scenario(name)) as u64)
        };
        assert_eq!(
            ["quick", "slow", "other", "next"].map(count),
            [[9, 1], [1, 1], [50, 0], [3, 0]],
            "{shards} shards"
        );
        assert_eq!((report.run().duration, report.errors()), (secs(5), vec![]));
    }
}

#[test]
fn an_iteration_that_goes_on_without_its_row_has_not_failed() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique().on_end(OnEnd::Stop);
    static FAIL: Feeder<Row> = TEN_ROWS.unique();
    let of = |feeder: &'static Feeder<Row>| {
        let scenario = Scenario::new("content", async move |vu: &Vu| {
            let row = feeder.next(vu).ok();
            vu.check("has a row", row.is_some());
            Ok(())
        });
        test().scenario(scenario.executor(shared_iterations(15))).run_virtual(1).unwrap()
    };
    let report = of(&FEEDER);
    let counts = (report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS));
    assert_eq!((counts, report.checks()[0].fails), ((11.0, 0.0), 1), "the load ends all the same");
    let report = of(&FAIL);
    assert_eq!((report.count(ITERATIONS), report.checks()[0].fails), (15.0, 5));
}

#[test]
fn an_empty_file_is_an_error_before_the_start_and_one_row_serves_all() {
    const NONE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/feeders-none.csv");
    const ONE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/feeders-one.csv");
    static NO_ROWS: SharedArray<Row> = SharedArray::csv(NONE);
    static ONE_ROW: SharedArray<Row> = SharedArray::csv(ONE);
    static FEEDERS: [Feeder<Row>; 4] = [
        ONE_ROW.circular(),
        ONE_ROW.random(),
        ONE_ROW.shuffle().on_end(OnEnd::Recycle),
        ONE_ROW.unique().on_end(OnEnd::Recycle),
    ];
    super::file_of(NONE, 0);
    let never = || Scenario::new("never", async |_: &Vu| Ok(()));
    let refused = LoadTest::new().data(&NO_ROWS).scenario(never()).run_virtual(1).unwrap_err().to_string();
    assert!(refused.contains("feeders-none.csv: there are no rows"), "{refused}");
    super::file_of(ONE, 1);
    for feeder in &FEEDERS {
        let log = super::Log::default();
        let scenario = journey("fed", feeder, &log).executor(shared_iterations(5).vus(2));
        LoadTest::new().data(&ONE_ROW).scenario(scenario).run_virtual(2).unwrap();
        assert_eq!(rows_of(&log.lock().unwrap()), [0; 5]);
    }
    static ONCE: Feeder<Row> = ONE_ROW.shuffle();
    let log = super::Log::default();
    let scenario = journey("fed", &ONCE, &log).executor(shared_iterations(5));
    let report = LoadTest::new().data(&ONE_ROW).scenario(scenario).run_virtual(1).unwrap();
    assert_eq!((rows_of(&log.lock().unwrap()), only_error(&report).count), (vec![0], 4));
}
