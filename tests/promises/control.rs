//! Promise: a journey can end the whole test or mark it as failed, from wherever it is, and the report says so; and it can
//! ask where it stands.

mod context;
mod reach;

use loadcore::prelude::*;
use loadcore::{Ruling, Setup, Teardown};

use crate::support::Diary;

const SHARDS: [usize; 4] = [1, 2, 3, 7];

/// A teardown that writes itself down.
fn closing(diary: &Diary) -> Teardown {
    let diary = diary.clone();
    Teardown::new("close", async move |vu: &Vu| {
        diary.note(format!("teardown at {:?}", vu.elapsed()));
        Ok(())
    })
}

/// Four VUs with iterations of 100 ms, of which the second one aborts the test after 250 ms.
fn aborting(diary: &Diary) -> LoadTest {
    let log = diary.clone();
    let journey = async move |vu: &Vu| {
        vu.sleep(millis(50)).await;
        if vu.id() == 2 && vu.elapsed() == millis(250) {
            let aborted = vu.abort_test("the shop is closed");
            log.note(aborted.to_string());
            vu.group("Never", async |_: &Vu| Ok(())).await?;
            vu.sleep(millis(1)).await;
            log.note("never");
            Err(aborted)?;
        }
        vu.sleep(millis(50)).await;
        Ok(())
    };
    LoadTest::new()
        .scenario(Scenario::new("visit", journey).executor(constant_vus(4, mins(10))))
        .teardown(closing(diary))
}

const ABORT_LINE: u32 = line!() - 15;

#[test]
fn an_aborted_test_ends_at_once_with_teardown_and_report() {
    for shards in SHARDS {
        let diary = Diary::default();
        let report = aborting(&diary).threshold(CHECKS.rate().above(0.5)).run_virtual(shards).unwrap();
        let want = ["the test was aborted: the shop is closed", "teardown at 250ms"];
        assert_eq!(diary.entries(), want, "{shards} shards");
        // The iteration that aborts is interrupted, like all others.
        let counts = (report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS));
        assert_eq!(counts, (8.0, 4.0), "{shards} shards");
        assert_eq!(report.run().duration, millis(250));
        assert_eq!((report.exit_code(), report.passed(), report.run().interrupted), (108, false, false));
        assert!(report.errors().is_empty(), "cut is not failed");
        assert!(report.metrics().series("group_duration").is_empty(), "a group that was cut has no duration");

        let Ruling { message, place, scenario, at, count, .. } = report.run().aborted.clone().unwrap();
        assert_eq!(
            (message.as_str(), place, scenario.as_str(), at, count),
            ("the shop is closed", format!("{}:{ABORT_LINE}", file!()), "visit", millis(250), 1)
        );
        let line = format!(
            "aborted by a journey after 250ms: the shop is closed ({}:{ABORT_LINE}, in scenario `visit`)",
            file!()
        );
        assert!(report.to_string().contains(&line), "{report}");
        let run = &report.to_json()["run"];
        assert_eq!((&run["exit_code"], &run["aborted"]["at_ms"]), (&108.into(), &250.0.into()));
        assert_eq!((&run["aborted"]["message"], &run["failed"]), (&"the shop is closed".into(), &().into()));
    }
}

#[test]
fn an_aborted_test_repeats_exactly() {
    let told = |shards| {
        let diary = Diary::default();
        let report = aborting(&diary).seed(7).run_virtual(shards).unwrap();
        let mut exported = report.to_json();
        for (group, key) in [("run", "id"), ("run", "started")] {
            exported[group][key].take();
        }
        (diary.entries(), exported)
    };
    for shards in SHARDS {
        assert_eq!(told(shards), told(shards), "{shards} shards");
    }
}

/// A setup, a scenario and a teardown, of which one says something about the test.
fn saying(diary: &Diary, speaker: &'static str, say: fn(&Vu) -> Result) -> LoadTest {
    let says = move |vu: &Vu, who: &str| if who == speaker { say(vu) } else { Ok(()) };
    let log = diary.clone();
    LoadTest::new()
        .setup(Setup::new("prepare", async move |vu: &Vu| says(vu, "setup")))
        .scenario(
            Scenario::with_state(
                "work",
                async move |vu: &Vu| says(vu, "vu_setup"),
                async move |vu: &Vu, ()| {
                    log.note(format!("iteration of VU {}", vu.id()));
                    says(vu, "journey")
                },
            )
            .executor(per_vu_iterations(4)),
        )
        .teardown(Teardown::new("tell", async move |vu: &Vu| says(vu, "teardown")))
        .teardown(closing(diary))
}

#[test]
fn a_test_can_be_aborted_from_everywhere() {
    for (speaker, iterations, interrupted, entries) in [
        // There is no load, and so nothing to tear down.
        ("setup", 0.0, 0.0, &[][..]),
        ("vu_setup", 0.0, 1.0, &["teardown at 0ns"]),
        ("journey", 0.0, 1.0, &["iteration of VU 1", "teardown at 0ns"]),
        ("teardown", 4.0, 0.0, &["VU 1", "VU 1", "VU 1", "VU 1", "teardown at 0ns"]),
    ] {
        let diary = Diary::default();
        let report = saying(&diary, speaker, |vu| Err(vu.abort_test("enough"))?).run_virtual(1).unwrap();
        let counts = (report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS));
        assert_eq!(counts, (iterations, interrupted), "{speaker}");
        let seen = diary.entries();
        let is = |(seen, want): (&String, &&str)| seen.ends_with(want);
        assert!(seen.len() == entries.len() && seen.iter().zip(entries).all(is), "{speaker}: {seen:?}");
        let aborted = report.run().aborted.as_ref().unwrap();
        let scenario = if speaker == "setup" || speaker == "teardown" { "" } else { "work" };
        assert_eq!((aborted.message.as_str(), aborted.scenario.as_str()), ("enough", scenario), "{speaker}");
        assert_eq!((report.exit_code(), report.run().teardown_errors.len()), (108, 0), "{speaker}");
    }
}

/// What never comes to be.
struct Stock;

#[setup]
async fn stock(vu: &Vu) -> Result<Stock> {
    Err(vu.abort_test("nothing to sell"))?
}

#[scenario(executor = constant_vus(5, 10s))]
async fn sell(_: &Vu, _: &Stock) -> Result {
    Ok(())
}

#[scenario(executor = constant_arrival_rate(per_sec(100), 10s))]
async fn sell_on_demand(_: &Vu, _: &Stock) -> Result {
    Ok(())
}

#[test]
fn after_a_setup_that_aborts_no_vu_begins_that_would_need_its_value() {
    for shards in SHARDS {
        let test = LoadTest::new().scenario(SELL_SCENARIO).scenario(SELL_ON_DEMAND_SCENARIO);
        let report = test.run_virtual(shards).unwrap();
        let counts = (report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS));
        assert_eq!((counts, report.exit_code()), ((0.0, 0.0), 108), "{shards} shards");
        assert_eq!(report.run().aborted.as_ref().unwrap().message, "nothing to sell");
    }
}

#[test]
fn a_test_can_be_marked_as_failed_from_everywhere_and_runs_on() {
    for (speaker, count) in [("setup", 1), ("vu_setup", 1), ("journey", 4), ("teardown", 1)] {
        for shards in SHARDS {
            let diary = Diary::default();
            let test = saying(&diary, speaker, |vu| {
                vu.fail_test(format_args!("VU {} is unhappy", vu.id()));
                Ok(())
            });
            let report = test.run_virtual(shards).unwrap();
            assert_eq!((report.count(ITERATIONS), diary.entries().len()), (4.0, 5), "{speaker}");
            let failed = report.run().failed.as_ref().unwrap();
            assert_eq!((failed.count, report.run().aborted.as_ref()), (count, None), "{speaker}");
            assert!(failed.message.ends_with("is unhappy"), "{speaker}: {failed}");
            assert_eq!((report.exit_code(), report.passed()), (110, false), "{speaker}");
            let line = match count {
                1 => "marked as failed by a journey after 0".to_owned(),
                _ => format!("marked as failed by a journey after 0s, {count} times: VU 1 is unhappy ("),
            };
            assert!(report.to_string().contains(&line), "{report}");
            assert_eq!(report.to_json()["run"]["failed"]["count"], count);
        }
    }
}

/// What a VU says when it comes to rest.
struct Rests;

#[vu_setup]
async fn rest(_: &Vu) -> Result<Rests> {
    Ok(Rests)
}

#[vu_teardown]
async fn abort_at_last(vu: &Vu, _: &mut Rests) -> Result {
    Err(vu.abort_test(format!("VU {} is the last", vu.id())))?
}

#[scenario(executor = per_vu_iterations(1).vus(3))]
async fn rests(vu: &Vu, _: &mut Rests) -> Result {
    vu.sleep(millis(vu.id())).await;
    Ok(())
}

#[test]
fn the_first_message_is_told_and_the_others_are_counted() {
    let report = LoadTest::new().scenario(RESTS_SCENARIO).run_virtual(1).unwrap();
    let aborted = report.run().aborted.as_ref().unwrap();
    assert_eq!((aborted.message.as_str(), aborted.count), ("VU 1 is the last", 3));
    // The others' iterations are cut; their states are put to rest all the same.
    let counts = (report.count(ITERATIONS), report.count(INTERRUPTED_ITERATIONS));
    assert_eq!((counts, report.exit_code()), ((1.0, 2.0), 108));
    assert!(report.errors().is_empty(), "{:?}", report.errors());
}

#[test]
fn of_several_ends_the_first_of_a_fixed_order_gives_the_exit_code() {
    let test = |teardown_fails: bool, fails: bool| {
        let journey = async move |vu: &Vu| {
            if fails {
                vu.fail_test("as it is");
            }
            vu.sleep(secs(2)).await;
            Ok(())
        };
        let teardown = Teardown::new("tidy", async move |_: &Vu| match teardown_fails {
            true => Err("untidy".into()),
            false => Ok(()),
        });
        let test = LoadTest::new().scenario(Scenario::new("one", journey)).teardown(teardown);
        test.threshold(ITERATIONS.count().above(1))
    };
    let code = |test: LoadTest| test.run_virtual(2).unwrap().exit_code();
    assert_eq!(code(test(false, false)), 99);
    assert_eq!(code(test(false, true)), 110);
    assert_eq!(code(test(true, true)), 107);
    let aborting = Teardown::new("abort", async |vu: &Vu| Err(vu.abort_test("in the end"))?);
    assert_eq!(code(test(true, true).teardown(aborting)), 108);
    // A threshold that ends the test does so as before.
    let stopped = test(false, false).threshold(VUS.value().below(1).abort_on_fail()).run_virtual(2).unwrap();
    assert_eq!((stopped.exit_code(), stopped.run().aborted.as_ref()), (99, None));
    assert!(stopped.run().aborted_by.is_some());
}

#[test]
fn an_abort_leads_out_of_any_kind_of_function() {
    fn with_anyhow(vu: &Vu) -> anyhow::Result<u32> {
        Err(vu.abort_test("anyhow"))?
    }
    async fn deep(vu: &Vu, token: Option<u32>) -> Result<u32> {
        let token = token.ok_or_else(|| vu.abort_test("no token"))?;
        vu.group("Inner", async |vu: &Vu| Ok(with_anyhow(vu)? + token)).await
    }
    let of = |journey: fn(&Vu) -> Result| {
        let report = LoadTest::new().scenario(Scenario::new("one", async move |vu: &Vu| journey(vu)));
        let report = report.run_virtual(1).unwrap();
        (report.run().aborted.clone().unwrap().message, report.count(INTERRUPTED_ITERATIONS))
    };
    assert_eq!(of(|vu| with_anyhow(vu).map(drop).map_err(Into::into)), ("anyhow".to_owned(), 1.0));
    // Whatever the journey makes of the error, it ends here.
    let ignored = |vu: &Vu| {
        let _ = vu.abort_test("ignored");
        Ok(())
    };
    assert_eq!(of(ignored), ("ignored".to_owned(), 1.0));
    let nested = async |vu: &Vu| {
        let (_, _) = tokio::join!(deep(vu, None), deep(vu, Some(1)));
        Ok(())
    };
    let report = LoadTest::new().scenario(Scenario::new("nested", nested)).run_virtual(1).unwrap();
    let aborted = report.run().aborted.clone().unwrap();
    assert_eq!((aborted.message.as_str(), aborted.count), ("no token", 2));
}

#[test]
#[should_panic(expected = "a journey did not let the test pass: the cart is empty (")]
fn a_test_of_ones_own_does_not_pass_when_a_journey_says_so() {
    let journey = async |vu: &Vu| {
        vu.fail_test("the cart is empty");
        Ok(())
    };
    LoadTest::new().scenario(Scenario::new("one", journey)).run_virtual(1).unwrap().assert_thresholds();
}

#[tokio::test]
async fn an_abort_on_one_core_ends_the_others_at_once() {
    let journey = async |vu: &Vu| {
        vu.sleep(millis(300)).await;
        if vu.id() == 3 {
            Err(vu.abort_test("by VU 3"))?;
        }
        vu.sleep(hours(1)).await;
        Ok(())
    };
    let test = LoadTest::new().scenario(Scenario::new("long", journey).executor(constant_vus(8, hours(1))));
    let report = test.cores(2).run().await.unwrap();
    assert_eq!((report.exit_code(), report.count(INTERRUPTED_ITERATIONS)), (108, 8.0));
    let took = report.run().duration;
    assert!((millis(300)..secs(2)).contains(&took), "{took:?}");
}
