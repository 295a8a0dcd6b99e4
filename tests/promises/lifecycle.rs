//! Promise: setups run once before the load and teardowns once after it, whatever becomes of the test; what they make
//! works from all VUs in between.

mod database;
mod declared;
mod program;
mod signals;
mod state;

use loadcore::prelude::*;
use loadcore::{Phase, RunError, Setup, Teardown};

use crate::support::Diary;

struct Catalog {
    items: u32,
}

/// A test whose setup, two iterations and teardown write into the diary.
fn test(diary: &Diary) -> LoadTest {
    let [setup, journey, teardown] = [(); 3].map(|()| diary.clone());
    LoadTest::new()
        .setup(Setup::new("catalog", async move |vu: &Vu| {
            vu.sleep(secs(3)).await;
            setup.note(format!("setup by VU {} of {:?}", vu.id(), vu.scenario()));
            Ok(Catalog { items: 7 })
        }))
        .scenario(
            Scenario::new("browse", async move |vu: &Vu| {
                let catalog = vu.setup_value::<Catalog>().ok_or("no catalog")?;
                journey.note(format!("{} items at {:?}", catalog.items, vu.elapsed()));
                vu.sleep(secs(1)).await;
                Ok(())
            })
            .executor(shared_iterations(2)),
        )
        .teardown(Teardown::new("forget", async move |vu: &Vu| {
            let items = vu.setup_value::<Catalog>().map(|catalog| catalog.items);
            teardown.note(format!("teardown of {items:?} at {:?}", vu.elapsed()));
            Ok(())
        }))
}

#[test]
fn setup_and_teardown_surround_the_load_once_on_any_number_of_cores() {
    for shards in [1, 2, 3, 7] {
        let diary = Diary::default();
        let report = test(&diary).run_virtual(shards).unwrap();
        let want = ["setup by VU 0 of \"\"", "7 items at 0ns", "7 items at 1s", "teardown of Some(7) at 2s"];
        assert_eq!(diary.entries(), want, "{shards} shards");
        assert_eq!(report.run().duration, secs(2), "the load alone counts");
        assert_eq!((report.count(ITERATIONS), report.run().teardown_errors.len()), (2.0, 0));
    }
}

#[test]
fn checks_and_metrics_of_setup_and_teardown_are_counted_in_groups_of_their_own() {
    static STOCK: Trend = Trend::new("stock_at_setup");
    let test = LoadTest::new()
        .metric(STOCK)
        .setup(Setup::new("stock", async |vu: &Vu| {
            STOCK.add(vu, 5);
            vu.group("Inner", async |vu: &Vu| Ok(vu.check("is open", true))).await
        }))
        .teardown(Teardown::new("close", async |vu: &Vu| {
            vu.check("is closed", false);
            Ok(())
        }))
        .scenario(Scenario::new("idle", async |_: &Vu| Ok(())));
    let report = test.run_virtual(1).unwrap();
    let groups: Vec<_> = report.checks().into_iter().map(|check| (check.group, check.name)).collect();
    let want = [("::setup::Inner", "is open"), ("::teardown", "is closed")];
    assert_eq!(groups, want.map(|(group, name)| (group.to_owned(), name.to_owned())));
    assert_eq!(report.value(STOCK.max()), 5.0);
    assert!(report.metrics().series("stock_at_setup").iter().all(|series| series.tag("scenario").is_none()));
}

#[test]
fn a_setup_that_fails_is_an_error_with_its_place_and_there_is_no_load() {
    let diary = Diary::default();
    let after = diary.clone();
    let failing = Setup::new("prices", async |_: &Vu| Ok("many".parse::<u32>()?));
    let line = line!() - 1;
    // The catalog's setup has run before, so there is something to tear down.
    let test = test(&diary).setup(failing).teardown(Teardown::new("last", async move |_: &Vu| {
        after.note("last teardown");
        Err("and it fails too".into())
    }));
    let error = test.run_virtual(2).unwrap_err();
    let want = format!(
        "the setup `prices` failed at {0}:{line}: invalid digit found in string; then the teardown `last` failed at {0}:{1}: \
         and it fails too",
        file!(),
        line + 5
    );
    assert_eq!(error.to_string(), want);
    let RunError::Setup { error, .. } = error else { panic!("{error:?}") };
    assert_eq!((error.phase, error.timed_out), (Phase::Setup, false));
    let diary = diary.entries();
    assert_eq!(diary[0], "setup by VU 0 of \"\"", "and no load");
    assert!(diary[1].starts_with("teardown of Some(7)") && diary[2] == "last teardown", "{diary:?}");
}

/// Its `Drop` needs an event loop, as a connection's does that says goodbye.
struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        tokio::spawn(async {});
    }
}

#[tokio::test]
async fn what_a_setup_made_is_dropped_where_its_event_loop_still_runs() {
    let test = LoadTest::new().setup(Setup::new("connect", async |_: &Vu| Ok(Connection))).scenario(
        Scenario::new("idle", async |vu: &Vu| {
            vu.check("is there", vu.setup_value::<Connection>().is_some());
            Ok(())
        }),
    );
    let report = test.run().await.unwrap();
    assert_eq!((report.rate(CHECKS), report.run().teardown_errors.len()), (1.0, 0));
}

struct Grumpy;

impl Drop for Grumpy {
    fn drop(&mut self) {
        panic!("not yet");
    }
}

#[test]
fn a_value_that_panics_when_it_is_dropped_is_told_and_the_report_is_kept() {
    let test = LoadTest::new()
        .setup(Setup::new("grumpy", async |_: &Vu| Ok(Grumpy)))
        .scenario(Scenario::new("idle", async |_: &Vu| Ok(())));
    let report = test.run_virtual(2).unwrap();
    assert_eq!((report.count(ITERATIONS), report.exit_code()), (1.0, 107));
    assert!(report.run().teardown_errors[0].to_string().ends_with("while it was dropped: not yet"));
}

#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("it cannot be said");
    }
}

impl std::error::Error for Unspeakable {}

#[test]
fn an_error_that_panics_when_it_is_shown_is_an_error_all_the_same() {
    let idle = || Scenario::new("idle", async |_: &Vu| Ok(()));
    let setup = Setup::new("bad", async |_: &Vu| Err::<u8, _>(Unspeakable.into()));
    let error = LoadTest::new().setup(setup).scenario(idle()).run_virtual(1).unwrap_err();
    assert!(error.to_string().ends_with("it cannot be said"), "{error}");
    let teardown = Teardown::new("bad", async |_: &Vu| Err(Unspeakable.into()));
    let report = LoadTest::new().teardown(teardown).scenario(idle()).run_virtual(1).unwrap();
    assert_eq!((report.count(ITERATIONS), report.run().teardown_errors.len()), (1.0, 1));
}

#[tokio::test]
async fn a_blocking_task_that_never_ends_does_not_hold_up_the_end_of_the_test() {
    let block = |seconds| tokio::task::spawn_blocking(move || std::thread::sleep(secs(seconds)));
    let test = LoadTest::new()
        .setup_timeout(millis(100))
        .setup(Setup::new("blocks", async move |_: &Vu| Ok(block(20).await?)))
        .scenario(Scenario::new("idle", async |_: &Vu| Ok(())));
    let began = std::time::Instant::now();
    let error = test.run().await.unwrap_err().to_string();
    assert!(error.contains("took longer than 100ms"), "{error}");
    assert!(began.elapsed() < secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_task_left_behind_that_blocks_its_core_does_not_hold_up_the_end_of_the_test() {
    let journey = async |vu: &Vu| {
        if vu.id() == 1 {
            // Its core has nothing else to do by then, but waits for the other one.
            tokio::spawn(async {
                tokio::time::sleep(millis(100)).await;
                std::thread::sleep(secs(20));
            });
        } else {
            vu.sleep(millis(300)).await;
        }
        Ok(())
    };
    let test = LoadTest::new()
        .cores(2)
        .scenario(Scenario::new("two", journey).executor(per_vu_iterations(1).vus(2)));
    let began = std::time::Instant::now();
    let report = test.run().await.unwrap();
    assert_eq!(report.count(ITERATIONS), 2.0);
    assert!(began.elapsed() < secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_setup_that_panics_is_an_error_with_the_panics_place() {
    let test = LoadTest::new()
        .scenario(Scenario::new("idle", async |_: &Vu| Ok(())))
        .setup(Setup::new("broken", async |vu: &Vu| Ok([1, 2][vu.id() as usize + 2])));
    let line = line!() - 1;
    let error = test.run_virtual(1).unwrap_err().to_string();
    let want = format!("the setup `broken` failed at {}:{line}: panicked: index out of bounds", file!());
    assert!(error.starts_with(&want), "{error}");
}

#[test]
fn setup_and_teardown_that_take_too_long_are_left() {
    let slow = |name| {
        Setup::new(name, async |vu: &Vu| {
            vu.sleep(secs(61)).await;
            Ok(())
        })
    };
    let place = format!("{}:{}", file!(), line!() - 5);
    let test = LoadTest::new().scenario(Scenario::new("idle", async |_: &Vu| Ok(())));
    let error = test.setup(slow("slow")).run_virtual(1).unwrap_err().to_string();
    let want = "took longer than 1m; give it more with --setup-timeout or LoadTest::setup_timeout";
    let want = format!("the setup `slow` ({place}) {want}");
    assert_eq!(error, want);

    let test = LoadTest::new().scenario(Scenario::new("idle", async |_: &Vu| Ok(())));
    let test = test.setup(slow("slow")).setup_timeout(secs(62)).teardown_timeout(secs(1));
    let teardown = Teardown::new("slower", async |vu: &Vu| {
        vu.sleep(millis(1001)).await;
        Ok(())
    });
    let report = test.teardown(teardown).run_virtual(1).unwrap();
    let error = report.run().teardown_errors[0].clone();
    assert_eq!((error.phase, error.timed_out, report.exit_code()), (Phase::Teardown, true, 101));
}

#[test]
fn a_teardown_that_fails_keeps_the_report_and_the_other_teardowns() {
    let diary = Diary::default();
    let first = Teardown::new("first", async |_: &Vu| Err("the door is stuck".into()));
    let report = LoadTest::new().teardown(first);
    let [log, _] = [(); 2].map(|()| diary.clone());
    let report = report
        .scenario(Scenario::new("idle", async |_: &Vu| Ok(())))
        .teardown(Teardown::new("second", async move |_: &Vu| {
            log.note("second");
            Ok(())
        }))
        .run_virtual(1)
        .unwrap();
    let error = report.run().teardown_errors[0].clone();
    assert!(error.to_string().ends_with(": the door is stuck"), "{error}");
    assert!(report.to_string().contains("the teardown `first` failed at"), "{report}");
    assert_eq!((report.exit_code(), diary.entries().len()), (107, 1));
}

#[tokio::test]
async fn a_test_that_is_dropped_in_the_middle_is_torn_down_all_the_same() {
    let diary = Diary::default();
    let [log, end] = [(); 2].map(|()| diary.clone());
    let test = LoadTest::new()
        .scenario(
            Scenario::new("endless", async move |vu: &Vu| {
                log.note("journey");
                vu.sleep(hours(1)).await;
                Ok(())
            })
            .executor(constant_vus(1, hours(1))),
        )
        .teardown(Teardown::new("end", async move |_: &Vu| {
            end.note("teardown");
            Ok(())
        }));
    let run = tokio::time::timeout(millis(500), test.cores(1).run()).await;
    assert!(run.is_err(), "it would have run for an hour");
    for _ in 0..100 {
        tokio::time::sleep(millis(20)).await;
        if diary.entries() == ["journey", "teardown"] {
            return;
        }
    }
    panic!("no teardown: {:?}", diary.entries());
}
