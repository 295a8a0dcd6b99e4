//! What decides about a test may stand anywhere in it: in a task of its own, in one of several requests at once, in a setup
//! that has long ended.

use super::Diary;
use loadcore::prelude::*;
use loadcore::{Setup, Teardown};

const SHARDS: [usize; 4] = [1, 2, 3, 7];

/// Two VUs that wait for an hour, and a third one that begins something at 100 ms.
fn among_others(begin: fn(&Vu, Diary), diary: &Diary) -> LoadTest {
    let log = diary.clone();
    let journey = async move |vu: &Vu| {
        if vu.id() == 3 {
            vu.sleep(millis(100)).await;
            begin(vu, log.clone());
        }
        vu.sleep(hours(1)).await;
        log.note("never");
        Ok(())
    };
    LoadTest::new()
        .scenario(Scenario::new("work", journey).executor(constant_vus(3, hours(2))))
        .teardown(super::closing(diary))
}

#[test]
fn a_task_of_a_journeys_own_can_abort_the_test() {
    let spawn = |vu: &Vu, diary: Diary| {
        let vu = vu.clone();
        tokio::task::spawn_local(async move {
            vu.sleep(millis(50)).await;
            diary.note(vu.abort_test("the watcher has seen enough").to_string());
        });
    };
    for shards in SHARDS {
        let diary = Diary::default();
        let report = among_others(spawn, &diary).run_virtual(shards).unwrap();
        let want = ["the test was aborted: the watcher has seen enough", "teardown at 150ms"];
        assert_eq!(diary.entries(), want, "{shards} shards");
        assert_eq!((report.exit_code(), report.count(INTERRUPTED_ITERATIONS)), (108, 3.0));
        assert_eq!(report.run().duration, millis(150));
    }
}

#[test]
fn a_task_that_a_setup_has_left_behind_can_abort_the_test() {
    for shards in SHARDS {
        let diary = Diary::default();
        let watch = Setup::new("watch", async |vu: &Vu| {
            let vu = vu.clone();
            tokio::task::spawn_local(async move {
                vu.sleep(secs(3)).await;
                vu.abort_test("the shop has burnt down");
            });
            Ok(())
        });
        let report = among_others(|_, _| {}, &diary).setup(watch).run_virtual(shards).unwrap();
        assert_eq!((diary.entries(), report.exit_code()), (vec!["teardown at 3s".to_owned()], 108));
        let aborted = report.run().aborted.as_ref().unwrap();
        assert_eq!((aborted.message.as_str(), aborted.scenario.as_str()), ("the shop has burnt down", ""));
    }
}

#[test]
fn an_abort_in_one_of_several_parts_at_once_leaves_them_all() {
    let diary = Diary::default();
    let log = diary.clone();
    let journey = async move |vu: &Vu| {
        let quick = vu.group("Quick", async |vu: &Vu| {
            vu.sleep(millis(10)).await;
            log.note("quick");
            vu.group("Inner", async |vu: &Vu| {
                vu.sleep(millis(10)).await;
                Err(vu.abort_test("in the middle"))?
            })
            .await
        });
        let slow = vu.group("Slow", async |vu: &Vu| {
            vu.sleep(millis(20)).await;
            vu.check("is alive", true);
            vu.sleep(millis(10)).await;
            log.note("never");
            Ok(())
        });
        let (quick, slow): (Result, Result) = tokio::join!(quick, slow);
        log.note("never either");
        quick.and(slow)
    };
    let report = LoadTest::new().scenario(Scenario::new("parts", journey)).run_virtual(1).unwrap();
    assert_eq!(diary.entries(), ["quick"]);
    assert_eq!((report.exit_code(), report.run().duration), (108, millis(20)));
    assert_eq!((report.count(INTERRUPTED_ITERATIONS), report.errors().len()), (1.0, 0));
    assert!(report.metrics().series("group_duration").is_empty(), "groups that were cut have no duration");
    assert_eq!(report.run().aborted.as_ref().unwrap().scenario, "parts");
}

#[test]
fn an_arrival_that_waits_for_a_vu_does_not_outlive_an_abort() {
    let journey = async |vu: &Vu| {
        vu.sleep(millis(100)).await;
        if vu.iteration() == 1 {
            vu.abort_test("after two");
        }
        Ok(())
    };
    for shards in SHARDS {
        let executor = constant_arrival_rate(per_sec(1_000), hours(1)).max_vus(1).queue();
        let report = LoadTest::new().scenario(Scenario::new("queued", journey).executor(executor));
        let report = report.run_virtual(shards).unwrap();
        let counts = (report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS));
        assert_eq!((counts, report.run().duration), ((1.0, 1.0), millis(200)), "{shards} shards");
    }
}

#[tokio::test]
async fn an_abort_ends_its_own_test_and_no_other_one_of_the_process() {
    let journey = async |vu: &Vu| {
        vu.sleep(millis(200)).await;
        if vu.env("ABORTS") == Some("yes") {
            Err(vu.abort_test("this one"))?;
        }
        Ok(())
    };
    let test = |aborts: &str| {
        LoadTest::new()
            .env("ABORTS", aborts)
            .scenario(Scenario::new("one", journey).executor(constant_vus(2, secs(1))))
            .teardown(Teardown::new("end", async |_: &Vu| Ok(())))
            .cores(2)
    };
    let (aborted, other) = tokio::join!(test("yes").run(), test("no").run());
    let (aborted, other) = (aborted.unwrap(), other.unwrap());
    assert_eq!((aborted.exit_code(), other.exit_code()), (108, 0));
    assert_eq!((other.run().aborted.as_ref(), other.count(INTERRUPTED_ITERATIONS)), (None, 0.0));
    assert!(other.count(ITERATIONS) >= 8.0 && aborted.count(ITERATIONS) <= 2.0, "{other}");
}

#[tokio::test]
async fn a_core_that_a_journey_blocks_is_left_alone_and_missed_in_the_verdict() {
    let journey = async |vu: &Vu| {
        vu.sleep(millis(200)).await;
        if vu.id() == 2 {
            std::thread::sleep(secs(4));
        }
        vu.sleep(millis(200)).await;
        vu.abort_test("enough");
        Ok(())
    };
    let test = LoadTest::new().scenario(Scenario::new("one", journey).executor(constant_vus(2, hours(1))));
    let began = std::time::Instant::now();
    let report = test.cores(2).run().await.unwrap();
    assert!(began.elapsed() < secs(3), "{:?}", began.elapsed());
    assert_eq!((report.exit_code(), report.count(INTERRUPTED_ITERATIONS)), (108, 1.0), "{report}");
    let verdict = report.generator();
    assert_eq!(verdict.verdict, loadcore::verdict::Soundness::Invalid);
    assert!(verdict.reasons.iter().any(|told| told.starts_with("core 1 did not hear")), "{verdict:?}");
    assert!(!verdict.reasons.iter().any(|told| told.starts_with("core 0 did not hear")), "{verdict:?}");
}
