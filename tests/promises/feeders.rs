//! Promise: a feeder hands out its rows in the order and with the end that were chosen, to each running test from the
//! beginning, on however many cores.

mod faults;
mod places;
mod streamed;

use crate::support::quiet;
use loadcore::data::Data;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

const SHARDS: [usize; 4] = [1, 2, 3, 7];
const ROWS: u64 = 10;

#[derive(Debug, Clone, Copy, serde::Deserialize)]
struct Row {
    n: u64,
}

/// A file with the rows 0 to `rows` - 1, written whole before anybody can see it.
fn file_of(name: &'static str, rows: u64) {
    let (path, new) = (PathBuf::from(name), format!("{name}.{:?}", std::thread::current().id()));
    let text: String = std::iter::once("n\n".to_owned()).chain((0..rows).map(|n| format!("{n}\n"))).collect();
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

const TEN: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/feeders-ten.csv");
static TEN_ROWS: SharedArray<Row> = SharedArray::csv(TEN);

/// A test that may feed on ten rows.
fn test() -> LoadTest {
    file_of(TEN, ROWS);
    LoadTest::new().data(&TEN_ROWS)
}

/// What each iteration was handed: iteration, VU, row.
type Log = Arc<Mutex<Vec<(u64, u64, u64)>>>;

fn journey(name: &'static str, feeder: &'static Feeder<Row>, log: &Log) -> Scenario {
    let log = Arc::clone(log);
    Scenario::new(name, async move |vu: &Vu| {
        let row = feeder.next(vu)?;
        vu.sleep(millis(10)).await;
        log.lock().unwrap().push((vu.iteration(), vu.id(), row.n));
        Ok(())
    })
}

/// Runs it under virtual time; what was handed out, in order of iterations.
fn fed(
    feeder: &'static Feeder<Row>,
    executor: impl Into<Executor>,
    seed: u64,
    shards: usize,
) -> (Vec<(u64, u64, u64)>, Report) {
    let log = Log::default();
    let scenario = journey("fed", feeder, &log).executor(executor);
    let report = test().seed(seed).scenario(scenario).run_virtual(shards).unwrap();
    let mut seen = log.lock().unwrap().clone();
    seen.sort_unstable();
    (seen, report)
}

fn rows_of(seen: &[(u64, u64, u64)]) -> Vec<u64> {
    seen.iter().map(|(_, _, row)| *row).collect()
}

#[test]
fn where_iterations_are_numbered_each_gets_the_row_of_its_number() {
    static STOP: Feeder<Row> = TEN_ROWS.sequential().on_end(OnEnd::Stop);
    static CIRCULAR: Feeder<Row> = TEN_ROWS.circular();
    for shards in SHARDS {
        let (seen, report) = fed(&STOP, shared_iterations(25).vus(4), 1, shards);
        assert_eq!(
            seen.iter().map(|(i, _, row)| (*i, *row)).collect::<Vec<_>>(),
            (0..10).map(|i| (i, i)).collect::<Vec<_>>()
        );
        assert_eq!(report.errors(), []);
        let (seen, _) =
            fed(&CIRCULAR, constant_arrival_rate(per_sec(100), millis(250)).max_vus(9), 1, shards);
        assert_eq!(rows_of(&seen), (0..25).map(|i| i % ROWS).collect::<Vec<_>>());
    }
}

#[test]
fn a_second_row_in_an_iteration_is_another_one() {
    static FEEDER: Feeder<Row> = TEN_ROWS.shuffle().on_end(OnEnd::Recycle);
    let scenario = Scenario::new("pairs", async |vu: &Vu| {
        let pair = (FEEDER.next(vu)?.n, FEEDER.next(vu)?.n);
        check!(vu, { "differs" => pair.0 != pair.1 || vu.iteration() % ROWS == ROWS - 1 });
        Ok(())
    });
    let report = test().scenario(scenario.executor(shared_iterations(40))).run_virtual(1).unwrap();
    let checks = report.checks();
    assert_eq!((checks[0].passes, checks[0].fails, report.errors().len()), (40, 0, 0));
}

#[test]
fn stop_ends_the_load_with_the_data_and_fails_nothing() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique().on_end(OnEnd::Stop);
    for shards in SHARDS {
        for executor in [
            Executor::from(constant_vus(4, hours(1))),
            constant_arrival_rate(per_sec(100), hours(1)).max_vus(4).into(),
            constant_arrival_rate(per_sec(1_000), hours(1)).max_vus(2).queue().into(),
            shared_iterations(1_000).vus(4).into(),
            per_vu_iterations(1_000).vus(4).into(),
            ramping_vus([(hours(1), 5)]).start_vus(5).into(),
        ] {
            let what = format!("{} on {shards}", executor.describe());
            let (seen, report) = fed(&FEEDER, executor, 1, shards);
            let rows: BTreeSet<u64> = rows_of(&seen).into_iter().collect();
            assert_eq!((rows.len(), seen.len()), (10, 10), "{what}");
            assert_eq!((report.count(ITERATIONS), report.rate(ITERATION_FAILED)), (10.0, 0.0), "{what}");
            assert_eq!(report.errors(), [], "{what}");
            assert!((1.0..=10.0).contains(&report.count(INTERRUPTED_ITERATIONS)), "{what}");
            assert!(report.run().duration < millis(200), "{what}: {:?}", report.run().duration);
            if !what.contains("at most 4 VUs") {
                assert_eq!(report.count(DROPPED_ITERATIONS), 0.0, "{what}");
            }
        }
    }
}

#[test]
fn the_iterations_that_run_when_data_ends_may_go_on_for_their_graceful_stop() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique().on_end(OnEnd::Stop);
    for (grace, done) in [(secs(5), 10.0), (secs(1), 0.0)] {
        let scenario = Scenario::new("slow", async |vu: &Vu| {
            vu.sleep(millis(vu.iteration())).await;
            FEEDER.next(vu)?;
            vu.sleep(secs(3)).await;
            Ok(())
        });
        let executor = per_vu_iterations(1).vus(11).graceful_stop(grace);
        let report = test().scenario(scenario.executor(executor)).run_virtual(2).unwrap();
        assert_eq!((report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS)), (done, 11.0 - done));
    }
}

#[test]
fn without_another_word_the_end_fails_each_iteration_that_asks() {
    static FEEDER: Feeder<Row> = TEN_ROWS.sequential();
    let (seen, report) = fed(&FEEDER, shared_iterations(25).vus(4), 1, 2);
    assert_eq!(seen.len(), 10);
    let error = crate::support::only_error(&report);
    assert_eq!((error.kind.as_str(), error.count), ("data", 15));
    assert!(error.place.contains("feeders.rs:"), "{error:?}");
    assert!(error.first.contains("feeders-ten.csv: the last row has been handed out; add rows"), "{error:?}");
}

#[test]
fn recycled_rows_come_again_from_the_first_one() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique().on_end(OnEnd::Recycle);
    for shards in SHARDS {
        let (seen, report) = fed(&FEEDER, constant_vus(4, millis(75)), 1, shards);
        let mut counts = BTreeMap::new();
        rows_of(&seen).into_iter().for_each(|row| *counts.entry(row).or_insert(0) += 1);
        // 4 VUs, 8 iterations each: three rounds, and two rows of a fourth.
        let want: Vec<(u64, i32)> = (0..10).map(|row| (row, if row < 2 { 4 } else { 3 })).collect();
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), want);
        assert_eq!(report.errors(), []);
    }
}

#[test]
fn a_shuffle_gives_each_row_once_a_round_in_an_order_of_the_seeds() {
    static FEEDER: Feeder<Row> = TEN_ROWS.shuffle().on_end(OnEnd::Recycle);
    let shuffled = |seed, shards| rows_of(&fed(&FEEDER, shared_iterations(30).vus(3), seed, shards).0);
    let rows = shuffled(7, 1);
    for round in rows.chunks(10) {
        assert_eq!(round.iter().copied().collect::<BTreeSet<_>>(), (0..10).collect());
    }
    assert_ne!(rows[..10], rows[10..20], "the second round is another one");
    SHARDS.iter().for_each(|shards| assert_eq!(shuffled(7, *shards), rows, "on {shards} shards"));
    assert_ne!(shuffled(8, 1), rows, "another seed");
}

#[test]
fn vus_of_their_own_count_shuffle_for_themselves_and_stop_by_themselves() {
    static FEEDER: Feeder<Row> = TEN_ROWS.shuffle().on_end(OnEnd::Stop);
    let mut orders = BTreeSet::new();
    for shards in SHARDS {
        for executor in [Executor::from(constant_vus(3, hours(1))), per_vu_iterations(25).vus(3).into()] {
            let (seen, report) = fed(&FEEDER, executor, 1, shards);
            let of_vu =
                |vu| seen.iter().filter(|(_, id, _)| *id == vu).map(|(_, _, row)| *row).collect::<Vec<_>>();
            let mine = [1, 2, 3].map(of_vu);
            for rows in &mine {
                assert_eq!(rows.iter().copied().collect::<BTreeSet<_>>(), (0..10).collect());
            }
            orders.insert(mine);
            assert_eq!(report.count(DROPPED_ITERATIONS), 0.0);
            assert!(report.run().duration < secs(1), "{:?}", report.run().duration);
        }
    }
    assert_eq!(orders.len(), 1, "the same on however many shards: {orders:?}");
    let [a, b, c] = orders.pop_first().unwrap();
    assert!(a != b && b != c && a != c, "each its own");
}

#[test]
fn unique_is_so_across_scenarios_and_further_calls() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique();
    let log = Log::default();
    let of = |name| journey(name, &FEEDER, &log).executor(per_vu_iterations(5));
    let report = test().scenario(of("a")).scenario(of("b")).run_virtual(3).unwrap();
    let rows: BTreeSet<u64> = rows_of(&log.lock().unwrap()).into_iter().collect();
    assert_eq!((rows.len(), report.errors().len()), (10, 0));
}

#[test]
#[should_panic(expected = "has no end")]
fn what_never_ends_has_no_ending() {
    let _ = TEN_ROWS.circular().on_end(OnEnd::Stop);
}

const MANY: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/feeders-many.csv");
static MANY_ROWS: SharedArray<Row> = SharedArray::csv(MANY);
const MANY_COUNT: usize = 100_000;

/// How often each row has been handed out.
fn tally() -> Arc<Vec<AtomicU32>> {
    Arc::new((0..MANY_COUNT).map(|_| AtomicU32::new(0)).collect())
}

fn each_once(tally: &[AtomicU32]) -> bool {
    tally.iter().all(|count| count.load(Ordering::Relaxed) == 1)
}

#[tokio::test]
async fn each_of_100_000_rows_is_handed_out_exactly_once_on_two_cores() {
    static FEEDER: Feeder<Row> = MANY_ROWS.unique().on_end(OnEnd::Stop);
    let _quiet = quiet().await;
    file_of(MANY, MANY_COUNT as u64);
    let per_core = Arc::new(Mutex::new(BTreeSet::new()));
    for executor in [
        Executor::from(constant_vus(50, mins(5))),
        constant_arrival_rate(per_sec(50_000), mins(5)).max_vus(200).into(),
    ] {
        let (tally, threads) = (tally(), Arc::clone(&per_core));
        let count = Arc::clone(&tally);
        let scenario = Scenario::new("takers", async move |vu: &Vu| {
            let row = FEEDER.next(vu)?;
            count[row.n as usize].fetch_add(1, Ordering::Relaxed);
            if row.n % 1_000 == 0 {
                threads.lock().unwrap().insert(std::thread::current().name().map(str::to_owned));
                vu.sleep(millis(1)).await;
            }
            Ok(())
        });
        let test = LoadTest::new().data(&MANY_ROWS).cores(2).scenario(scenario.executor(executor));
        let report = test.run().await.unwrap();
        assert!(each_once(&tally), "{}", report.summary(false));
        assert_eq!((report.count(ITERATIONS), report.errors().len()), (MANY_COUNT as f64, 0));
        assert!(report.run().duration < mins(1), "{:?}", report.run().duration);
    }
    assert_eq!(per_core.lock().unwrap().len(), 2, "both cores took rows");
}

#[tokio::test]
async fn three_tests_at_once_have_positions_of_their_own() {
    static FEEDER: Feeder<Row> = TEN_ROWS.unique().on_end(OnEnd::Stop);
    let log = [Log::default(), Log::default(), Log::default()];
    let run = |nth: usize| {
        test().cores(2).scenario(journey("fed", &FEEDER, &log[nth]).executor(constant_vus(3, mins(5)))).run()
    };
    let (a, b, c) = tokio::join!(run(0), run(1), run(2));
    for (report, log) in [a, b, c].into_iter().zip(&log) {
        assert_eq!(report.unwrap().count(ITERATIONS), 10.0);
        let rows: BTreeSet<u64> = rows_of(&log.lock().unwrap()).into_iter().collect();
        assert_eq!(rows, (0..10).collect());
    }
}

#[test]
fn a_feeder_of_rows_that_nobody_loads_says_what_is_missing() {
    static NOT_LOADED: SharedArray<Row> = SharedArray::csv("data/cities.csv");
    static FEEDER: Feeder<Row> = NOT_LOADED.circular();
    let scenario = Scenario::new("hungry", async |vu: &Vu| {
        FEEDER.next(vu)?;
        Ok(())
    });
    let report = LoadTest::new().scenario(scenario).run_virtual(1).unwrap();
    let error = crate::support::only_error(&report);
    assert_eq!(error.kind, "panic");
    assert!(error.first.contains("`data/cities.csv` is not loaded: put #[data] on its static"), "{error:?}");
    assert!(
        NOT_LOADED.load(&PathBuf::from(env!("CARGO_MANIFEST_DIR"))).is_err(),
        "its rows are of another type"
    );
}
