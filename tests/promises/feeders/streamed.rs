//! Promise: a file of any size can be streamed: a thousand rows are in memory, each is handed out once, and a bad one fails
//! its iteration alone.

use super::{Row, SHARDS, file_of};
use crate::support::{only_error, quiet};
use loadcore::prelude::*;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Rows that are in memory, and the most that ever were.
static ALIVE: AtomicI64 = AtomicI64::new(0);
static MOST_ALIVE: AtomicI64 = AtomicI64::new(0);

/// A row that counts itself.
#[derive(Debug, serde::Deserialize)]
#[serde(from = "Row")]
struct Counted(u64);

impl From<Row> for Counted {
    fn from(row: Row) -> Self {
        MOST_ALIVE.fetch_max(ALIVE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Self(row.n)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

const LARGE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/streamed-large.csv");
const LARGE_COUNT: u64 = 300_000;

#[tokio::test]
async fn a_large_file_streams_through_bounded_memory_and_each_row_goes_to_one_iteration() {
    static ROWS: StreamedRows<Counted> = StreamedRows::csv(LARGE).on_end(OnEnd::Stop);
    const VUS: u64 = 40;
    let _quiet = quiet().await;
    file_of(LARGE, LARGE_COUNT);
    let (sum, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(BTreeSet::new())));
    let (total, threads) = (Arc::clone(&sum), Arc::clone(&seen));
    let scenario = Scenario::new("takers", async move |vu: &Vu| {
        let row = ROWS.next(vu).await?;
        total.fetch_add(row.0, Ordering::Relaxed);
        if row.0 % 1_000 == 0 {
            threads.lock().unwrap().insert(std::thread::current().name().map(str::to_owned));
        }
        Ok(())
    });
    let test = LoadTest::new().data(&ROWS).cores(2).scenario(scenario.executor(constant_vus(VUS, mins(5))));
    let report = test.run().await.unwrap();
    assert_eq!((report.count(ITERATIONS), report.errors().len()), (LARGE_COUNT as f64, 0));
    assert_eq!(sum.load(Ordering::Relaxed), LARGE_COUNT * (LARGE_COUNT - 1) / 2);
    assert_eq!(seen.lock().unwrap().len(), 2, "both cores took rows");
    // What is read ahead, what VUs hold, and what the reader holds while there is no room.
    let most = MOST_ALIVE.load(Ordering::SeqCst);
    assert!(
        (500..=1_000 + VUS as i64 + 1).contains(&most),
        "{most} of {LARGE_COUNT} rows were in memory at once"
    );
    drop(report);
    // The reader has let go of the test's end.
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
}

const BAD: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/streamed-bad.jsonl");

#[test]
fn a_bad_row_fails_its_iteration_with_its_place_and_the_others_go_on() {
    static ROWS: StreamedRows<Row> = StreamedRows::jsonl(BAD).on_end(OnEnd::Stop);
    std::fs::write(BAD, "{\"n\":0}\n{\"n\":1}\n\n{\"n\":-2}\n{\"n\":3}\n{\"n\":\n{\"n\":5}").unwrap();
    for shards in SHARDS {
        let log = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&log);
        let scenario = Scenario::new("takers", async move |vu: &Vu| {
            let row = ROWS.next(vu).await?;
            seen.lock().unwrap().insert(row.n);
            Ok(())
        });
        let test = LoadTest::new().data(&ROWS).scenario(scenario.executor(constant_vus(2, mins(5))));
        let report = test.run_virtual(shards).unwrap();
        let error = only_error(&report);
        assert_eq!((error.kind.as_str(), error.count), ("data", 2));
        assert!(error.place.contains("streamed.rs:"), "{error:?}");
        // On several cores either may be the first.
        let told = [
            "streamed-bad.jsonl:4:7: invalid value: integer `-2`, expected u64",
            "streamed-bad.jsonl:6:5: EOF while parsing a value",
        ];
        assert!(told.iter().any(|told| error.first.ends_with(told)), "{error:?}");
        assert_eq!(report.count(ITERATIONS), 6.0);
        assert_eq!(*log.lock().unwrap(), BTreeSet::from([0, 1, 3, 5]));
    }
}

const FEW: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/streamed-few.csv");

fn takes(rows: &'static StreamedRows<Row>) -> (Vec<u64>, Report) {
    file_of(FEW, 3);
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let scenario = Scenario::new("takers", async move |vu: &Vu| {
        let row = rows.next(vu).await?;
        seen.lock().unwrap().push(row.n);
        Ok(())
    });
    let test = LoadTest::new().data(rows).scenario(scenario.executor(shared_iterations(8)));
    let report = test.run_virtual(1).unwrap();
    let seen = log.lock().unwrap().clone();
    (seen, report)
}

#[test]
fn a_streamed_file_ends_as_a_feeder_does() {
    static STOP: StreamedRows<Row> = StreamedRows::csv(FEW).on_end(OnEnd::Stop);
    static RECYCLE: StreamedRows<Row> = StreamedRows::csv(FEW).on_end(OnEnd::Recycle);
    static FAIL: StreamedRows<Row> = StreamedRows::csv(FEW);
    let (seen, report) = takes(&STOP);
    assert_eq!((seen, report.count(ITERATIONS), report.errors().len()), (vec![0, 1, 2], 3.0, 0));
    let (seen, report) = takes(&RECYCLE);
    assert_eq!((seen, report.errors().len()), (vec![0, 1, 2, 0, 1, 2, 0, 1], 0));
    let (seen, report) = takes(&FAIL);
    assert_eq!((seen, only_error(&report).count), (vec![0, 1, 2], 5));
}

#[test]
fn a_file_that_is_not_there_or_begins_badly_is_an_error_before_the_start() {
    static NOWHERE: StreamedRows<Row> = StreamedRows::csv("no/such/rows.csv");
    static WRONG: StreamedRows<Row> = StreamedRows::csv("data/cities.csv");
    let refused = |rows: &'static StreamedRows<Row>| {
        let scenario = Scenario::new("never", async |_: &Vu| Ok(()));
        LoadTest::new().data(rows).scenario(scenario).run_virtual(1).unwrap_err().to_string()
    };
    assert!(refused(&NOWHERE).contains("data file `no/such/rows.csv` not found"), "{}", refused(&NOWHERE));
    let wrong = "cities.csv:1:1: no column `n` in the head, which has `people`, `name`";
    assert!(refused(&WRONG).contains(wrong), "{}", refused(&WRONG));
}
