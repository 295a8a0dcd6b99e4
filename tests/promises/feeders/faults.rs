//! Promise: whatever happens to a streamed file while it is read is told, looks like no end of the data, and holds up
//! nobody who has no need of it.

use super::{Row, file_of};
use crate::support::{only_error, quiet};
use loadcore::prelude::*;
use loadcore::{RunError, Setup};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// What iterations got, in order.
type Seen = Arc<Mutex<Vec<u64>>>;

fn takers(rows: &'static StreamedRows<Row>, seen: &Seen) -> Scenario {
    let seen = Arc::clone(seen);
    Scenario::new("takers", async move |vu: &Vu| {
        let row = rows.next(vu).await?;
        seen.lock().unwrap().push(row.n);
        Ok(())
    })
}

#[test]
fn rows_that_nobody_looked_for_are_no_data_that_has_ended() {
    static ROWS: StreamedRows<Row> = StreamedRows::csv("data/rows.csv").on_end(OnEnd::Stop);
    let scenario = takers(&ROWS, &Seen::default()).executor(shared_iterations(3));
    let report = LoadTest::new().scenario(scenario).run_virtual(2).unwrap();
    let error = only_error(&report);
    assert_eq!((error.kind.as_str(), error.count), ("panic", 3));
    assert!(error.first.contains("`data/rows.csv` is not loaded: put #[data] on its static"), "{error:?}");
}

const LOST: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-lost.csv");

#[test]
fn a_file_that_is_gone_fails_each_iteration_and_ends_no_load() {
    static STOP: StreamedRows<Row> = StreamedRows::csv(LOST).on_end(OnEnd::Stop);
    static RECYCLE: StreamedRows<Row> = StreamedRows::csv(LOST).on_end(OnEnd::Recycle);
    for rows in [&STOP, &RECYCLE] {
        file_of(LOST, 3);
        let lose = Setup::new("lose", async |_: &Vu| Ok(std::fs::remove_file(LOST)?));
        let scenario = takers(rows, &Seen::default()).executor(shared_iterations(7).vus(2));
        let report = LoadTest::new().data(rows).setup(lose).scenario(scenario).run_virtual(2).unwrap();
        let error = only_error(&report);
        assert_eq!((error.kind.as_str(), error.count), ("data", 7));
        assert!(error.first.contains("faults-lost.csv: No such file"), "{error:?}");
        assert_eq!(report.count(INTERRUPTED_ITERATIONS), 0.0);
    }
}

const BECOMES_EMPTY: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-becomes-empty.csv");

#[test]
fn a_file_that_has_become_empty_is_not_read_for_ever() {
    static ROWS: StreamedRows<Row> = StreamedRows::csv(BECOMES_EMPTY).on_end(OnEnd::Recycle);
    file_of(BECOMES_EMPTY, 3);
    let empty = Setup::new("empty", async |_: &Vu| Ok(std::fs::write(BECOMES_EMPTY, "n\n")?));
    let scenario = takers(&ROWS, &Seen::default()).executor(shared_iterations(7));
    let report = LoadTest::new().data(&ROWS).setup(empty).scenario(scenario).run_virtual(1).unwrap();
    let error = only_error(&report);
    assert_eq!(error.count, 7);
    assert!(error.first.contains("faults-becomes-empty.csv: there are no rows"), "{error:?}");
}

const CUT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-cut.csv");

#[tokio::test]
async fn a_file_that_is_cut_off_while_it_is_read_ends_there() {
    static ROWS: StreamedRows<Row> = StreamedRows::csv(CUT).on_end(OnEnd::Stop);
    const LEFT: u64 = 100_000;
    let _quiet = quiet().await;
    file_of(CUT, 300_000);
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let scenario = Scenario::new("takers", async move |vu: &Vu| {
        let row = ROWS.next(vu).await?;
        if row.n == 10 {
            std::fs::OpenOptions::new().write(true).open(CUT)?.set_len(LEFT)?;
        }
        log.lock().unwrap().push(row.n);
        Ok(())
    });
    let test = LoadTest::new().data(&ROWS).cores(2).scenario(scenario.executor(constant_vus(4, mins(5))));
    let report = test.run().await.unwrap();
    let seen = seen.lock().unwrap();
    let rows: BTreeSet<u64> = seen.iter().copied().collect();
    assert_eq!((rows.len(), rows.last()), (seen.len(), Some(&(seen.len() as u64 - 1))), "each once");
    assert!((10_000..60_000).contains(&seen.len()), "{} rows", seen.len());
    assert_eq!(report.errors(), []);
}

const ENDLESS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-endless.csv");

#[test]
fn a_quote_that_is_never_closed_is_told_where_it_opens_and_nothing_behind_it_is_read() {
    static ROWS: StreamedRows<Row> = StreamedRows::csv(ENDLESS).on_end(OnEnd::Recycle);
    let mut file = std::fs::File::create(ENDLESS).unwrap();
    file.write_all(b"n\n0\n1\n\"2\n").unwrap();
    file.set_len(1 << 30).unwrap();
    let seen = Seen::default();
    let scenario = takers(&ROWS, &seen).executor(shared_iterations(5));
    let report = LoadTest::new().data(&ROWS).scenario(scenario).run_virtual(1).unwrap();
    std::fs::remove_file(ENDLESS).unwrap();
    let error = only_error(&report);
    assert_eq!((seen.lock().unwrap().as_slice(), error.count), (&[0, 1][..], 3));
    assert!(
        error.first.contains("faults-endless.csv:4:1: this quote is not closed within 16 MiB"),
        "{error:?}"
    );
}

#[test]
fn a_pipe_is_refused_before_the_start_and_not_waited_for() {
    const PIPE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-pipe.csv");
    static ROWS: StreamedRows<Row> = StreamedRows::csv(PIPE);
    let _ = std::fs::remove_file(PIPE);
    assert!(Command::new("mkfifo").arg(PIPE).status().unwrap().success());
    let scenario = takers(&ROWS, &Seen::default());
    let refused = LoadTest::new().data(&ROWS).scenario(scenario).run_virtual(1).unwrap_err();
    std::fs::remove_file(PIPE).unwrap();
    assert!(matches!(refused, RunError::Data { .. }), "{refused:?}");
    assert!(refused.to_string().contains("faults-pipe.csv: it is not a regular file"), "{refused}");
}

/// A row whose reading is a thing of its own.
#[derive(Debug, serde::Deserialize)]
#[serde(from = "Row")]
struct Odd(u64);

impl From<Row> for Odd {
    fn from(row: Row) -> Self {
        assert_ne!(row.n, 3, "odd things happen");
        Self(row.n)
    }
}

const ODD: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-odd.csv");

#[test]
fn a_row_that_panics_while_it_is_read_fails_its_iteration_and_the_next_one_is_read() {
    static ROWS: StreamedRows<Odd> = StreamedRows::csv(ODD).on_end(OnEnd::Stop);
    file_of(ODD, 6);
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let scenario = Scenario::new("takers", async move |vu: &Vu| {
        let row = ROWS.next(vu).await?;
        log.lock().unwrap().push(row.0);
        Ok(())
    });
    let test = LoadTest::new().data(&ROWS).scenario(scenario.executor(shared_iterations(20)));
    let report = test.run_virtual(1).unwrap();
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 4, 5]);
    let error = only_error(&report);
    assert_eq!((error.kind.as_str(), error.count, report.count(ITERATIONS)), ("data", 1, 6.0));
    assert!(error.first.contains("faults-odd.csv: a row panicked while it was read, at "), "{error:?}");
    assert!(error.first.contains("odd things happen"), "{error:?}");
}

/// A row that takes its time, as those of a slow disk do.
#[derive(Debug, serde::Deserialize)]
#[serde(from = "Row")]
struct Slow;

impl From<Row> for Slow {
    fn from(_: Row) -> Self {
        std::thread::sleep(millis(200));
        Self
    }
}

const SLOW: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-slow.csv");

#[tokio::test]
async fn whoever_waits_for_a_row_holds_up_no_other_vu_and_can_be_cut() {
    static ROWS: StreamedRows<Slow> = StreamedRows::csv(SLOW);
    let _quiet = quiet().await;
    file_of(SLOW, 1_000);
    let slow = async |vu: &Vu| {
        ROWS.next(vu).await?;
        Ok(())
    };
    let busy = async |vu: &Vu| {
        vu.sleep(millis(5)).await;
        Ok(())
    };
    let load = || constant_vus(4, secs(1)).graceful_stop(secs(0));
    let report = LoadTest::new()
        .data(&ROWS)
        .cores(1)
        .scenario(Scenario::new("slow", slow).executor(load()))
        .scenario(Scenario::new("impatient", slow).executor(load().iteration_timeout(millis(50))))
        .scenario(Scenario::new("busy", busy).executor(load()))
        .run()
        .await
        .unwrap();
    assert!(report.count(ITERATIONS.scenario("slow")) <= 5.0, "{report}");
    assert!(report.count(ITERATIONS.scenario("impatient")) >= 40.0, "{report}");
    assert!(report.count(ITERATIONS.scenario("busy")) >= 400.0, "{report}");
    assert!((millis(1_000)..millis(1_150)).contains(&report.run().duration), "{report}");
}

const TWICE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/faults-twice.csv");

#[tokio::test]
async fn each_of_two_tests_at_once_reads_the_file_from_its_beginning() {
    static ROWS: StreamedRows<Row> = StreamedRows::csv(TWICE).on_end(OnEnd::Stop);
    file_of(TWICE, 5_000);
    let seen = [Seen::default(), Seen::default()];
    let run = |nth: usize| {
        let scenario = takers(&ROWS, &seen[nth]).executor(constant_vus(3, mins(5)));
        LoadTest::new().data(&ROWS).cores(2).scenario(scenario).run()
    };
    let (a, b) = tokio::join!(run(0), run(1));
    for (report, seen) in [a, b].into_iter().zip(&seen) {
        assert_eq!(report.unwrap().count(ITERATIONS), 5_000.0);
        let rows: BTreeSet<u64> = seen.lock().unwrap().iter().copied().collect();
        assert_eq!(rows, (0..5_000).collect());
    }
}
