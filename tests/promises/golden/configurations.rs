//! Section 4, second part: configurations that are accepted or refused, when they end, and the VUs that they need.

use super::{THIRDS, Walk, part, whole};
use loadcore::plan::{ArrivalRate, Executor, Schedule};
use loadcore::prelude::*;
use std::panic::catch_unwind;
use std::time::Duration;

/// What the tables say, and what happens here.
enum Row {
    /// Accepted as it is.
    Accepted(fn() -> Executor),
    /// Refused before the start, by the plan or by the function that makes the value.
    Refused(fn() -> Executor),
    /// Accepted, with this number of VUs.
    Vus(u64, fn() -> Executor),
    /// There is no counterpart.
    Elsewhere(&'static str),
}
use Row::{Accepted, Elsewhere, Refused, Vus};

const NO_FILE: &str = "scenarios are Rust, not JSON: what cannot be parsed does not compile";
const REQUIRED: &str = "it is an argument of the executor's function: left out, it does not compile";
const UNSIGNED: &str = "the number is unsigned: a negative one does not compile";
const NO_ADVANCE: &str = "VUs are made when they are needed, none in advance";
const FUNCTION: &str = "a journey is the function itself, not a name of one";

fn ten_minutes(rate: ArrivalRate) -> Executor {
    constant_arrival_rate(rate, mins(10)).max_vus(20).into()
}

fn ramp(stages: &[(Duration, u64)]) -> Executor {
    ramping_vus(stages.iter().copied()).start_vus(0).into()
}

fn rising(stages: &[(Duration, ArrivalRate)]) -> Executor {
    ramping_arrival_rate(stages.iter().copied()).max_vus(20).into()
}

const ROWS: [(&str, Row); 69] = [
    ("empty text", Elsewhere(NO_FILE)),
    ("a number for the scenarios", Elsewhere(NO_FILE)),
    ("a bare word", Elsewhere(NO_FILE)),
    ("a quoted word", Elsewhere(NO_FILE)),
    ("a list", Elsewhere(NO_FILE)),
    ("text behind the braces", Elsewhere(NO_FILE)),
    ("no scenarios at all are accepted", Elsewhere("a test without a scenario is refused, with a hint")),
    ("null scenarios", Elsewhere(NO_FILE)),
    ("a scenario without an executor", Elsewhere("without an executor it is one iteration of one VU")),
    ("an unknown executor", Elsewhere(NO_FILE)),
    ("an unknown field", Elsewhere(NO_FILE)),
    ("a number for the environment", Elsewhere(NO_FILE)),
    ("half a VU", Elsewhere(NO_FILE)),
    ("constant-vus for 60 s", Accepted(|| constant_vus(1, secs(60)).into())),
    ("its default of one VU", Elsewhere(REQUIRED)),
    ("constant-vus without a duration", Elsewhere(REQUIRED)),
    ("constant-vus, 0 VUs", Refused(|| constant_vus(0, secs(10)).into())),
    ("constant-vus, -1 VUs", Elsewhere(UNSIGNED)),
    ("constant-vus for 0 s", Refused(|| constant_vus(10, secs(0)).into())),
    ("constant-vus from -10 s on", Refused(|| constant_vus(10, secs(10)).start_after(secs(-10)))),
    ("constant-vus, no function", Elsewhere(FUNCTION)),
    ("constant-vus, graceful stop -2 s", Refused(|| constant_vus(10, secs(10)).graceful_stop(secs(-2)))),
    ("ramping-vus from 0 to 0", Refused(|| ramp(&[(secs(60), 0)]))),
    ("ramping-vus from -1", Elsewhere(UNSIGNED)),
    ("ramping-vus, stage of -60 s", Refused(|| ramp(&[(secs(-60), 30)]))),
    ("ramping-vus, target -30", Elsewhere(UNSIGNED)),
    ("ramping-vus, stage without a target", Elsewhere(REQUIRED)),
    ("ramping-vus, stage without a duration", Elsewhere(REQUIRED)),
    ("ramping-vus, empty stages", Refused(|| ramp(&[]))),
    ("ramping-vus, no stages", Elsewhere(REQUIRED)),
    ("shared-iterations as they are: one", Accepted(|| shared_iterations(1).into())),
    ("20 shared iterations", Accepted(|| shared_iterations(20).into())),
    ("20 of 10 VUs in 30 min", Accepted(|| shared_iterations(20).vus(10).max_duration(mins(30)).into())),
    ("shared-iterations, 10 VUs for the one of the default", Refused(|| shared_iterations(1).vus(10).into())),
    ("shared-iterations in -3 min", Refused(|| shared_iterations(20).max_duration(mins(-3)).into())),
    ("shared-iterations in 0 s", Refused(|| shared_iterations(20).max_duration(secs(0)).into())),
    ("shared-iterations, -10 VUs", Elsewhere(UNSIGNED)),
    ("-1 shared iterations", Elsewhere(UNSIGNED)),
    ("20 shared iterations of 30 VUs", Refused(|| shared_iterations(20).vus(30).into())),
    ("per-vu-iterations as they are: one", Accepted(|| per_vu_iterations(1).into())),
    ("20 per VU", Accepted(|| per_vu_iterations(20).into())),
    ("one for each of 10 VUs", Accepted(|| per_vu_iterations(1).vus(10).into())),
    ("20 for each of 10 VUs", Accepted(|| per_vu_iterations(20).vus(10).into())),
    ("per-vu-iterations in -3 min", Refused(|| per_vu_iterations(20).max_duration(mins(-3)).into())),
    ("per-vu-iterations in 0 s", Refused(|| per_vu_iterations(20).max_duration(secs(0)).into())),
    ("per-vu-iterations, -10 VUs", Elsewhere(UNSIGNED)),
    ("-1 iterations per VU", Elsewhere(UNSIGNED)),
    ("10/s for 10 min on 20 VUs", Vus(20, || ten_minutes(per_sec(10)))),
    (
        "10/s for 10 min, 20 VUs in advance and 30 at most",
        Vus(30, || constant_arrival_rate(per_sec(10), mins(10)).max_vus(30).into()),
    ),
    ("constant-arrival-rate, a unit of -1 s", Refused(|| ten_minutes(per(10, secs(-1))))),
    ("constant-arrival-rate, a unit of 0 s", Refused(|| ten_minutes(per(10, secs(0))))),
    ("constant-arrival-rate, none in advance", Elsewhere(NO_ADVANCE)),
    ("constant-arrival-rate without a duration", Elsewhere(REQUIRED)),
    ("constant-arrival-rate without a rate", Elsewhere(REQUIRED)),
    (
        "constant-arrival-rate for 0 s",
        Refused(|| constant_arrival_rate(per_sec(10), secs(0)).max_vus(20).into()),
    ),
    ("a rate of 0", Refused(|| ten_minutes(per_sec(0)))),
    ("fewer VUs at most than in advance", Elsewhere(NO_ADVANCE)),
    ("-2 VUs in advance", Elsewhere(NO_ADVANCE)),
    ("ramping-arrival-rate to 10/s in 5 min on 20 VUs", Vus(20, || rising(&[(mins(5), per_sec(10))]))),
    ("ramping-arrival-rate, -20 VUs in advance", Elsewhere(NO_ADVANCE)),
    (
        "ramping-arrival-rate from -1/s",
        Refused(|| ramping_arrival_rate([(mins(5), per_sec(10))]).start_rate(per_sec(-1)).into()),
    ),
    ("ramping-arrival-rate, none in advance", Elsewhere(NO_ADVANCE)),
    ("ramping-arrival-rate, no stages", Elsewhere(REQUIRED)),
    ("ramping-arrival-rate, empty stages", Refused(|| rising(&[]))),
    ("ramping-arrival-rate, a unit of -1 s", Refused(|| rising(&[(mins(5), per(10, secs(-1)))]))),
    ("ramping-arrival-rate, a unit of 0 s", Refused(|| rising(&[(mins(5), per(10, secs(0)))]))),
    ("ramping-arrival-rate, 20 at most and 30 in advance", Elsewhere(NO_ADVANCE)),
    ("options for a browser", Elsewhere("there is no browser")),
    ("other options of a scenario", Elsewhere(NO_FILE)),
];

/// The plan, unless it is refused wherever that happens.
fn plan(make: fn() -> Executor) -> Option<Schedule> {
    catch_unwind(make).ok()?.schedule().ok()
}

fn most_vus(schedule: &Schedule) -> Option<u64> {
    match schedule {
        Schedule::Closed(closed) => Some(closed.max_vus()),
        Schedule::Open(open) => open.max_vus,
    }
}

pub(super) fn accepted_or_rejected(walk: &mut Walk) {
    walk.enter("4. configurations");
    for (row, what) in ROWS {
        match what {
            Accepted(make) => walk.row(format!("accepted: {row}"), plan(make).is_some(), true),
            Refused(make) => walk.row(format!("refused: {row}"), plan(make).is_none(), true),
            Vus(vus, make) => {
                walk.row(format!("accepted: {row}"), plan(make).and_then(|it| most_vus(&it)), Some(vus));
            }
            Elsewhere(because) => walk.elsewhere(row, because),
        }
    }
    let unnamed = LoadTest::new().scenario(Scenario::new("", async |_: &Vu| Ok(())));
    walk.row("refused: a scenario without a name", unnamed.run_virtual(1).is_err(), true);
}

/// When the last iteration is cut that would go on for ever, and the most VUs.
fn end_and_vus(executor: Executor) -> (Duration, Option<u64>) {
    let vus = most_vus(&executor.schedule().unwrap());
    let forever = async |vu: &Vu| {
        vu.sleep(hours(1_000)).await;
        Ok(())
    };
    let report = LoadTest::new()
        .scenario(Scenario::new("forever", forever).executor(executor))
        .run_virtual(3)
        .unwrap();
    (report.run().duration, vus)
}

pub(super) fn ends_and_vus(walk: &mut Walk) {
    walk.enter("4. when scenarios end, and the VUs that they need");
    let ten = || constant_vus(10, secs(60)).graceful_stop(secs(10));
    let shared = || shared_iterations(22).vus(12).max_duration(secs(100));
    let ramp = || {
        let ramp = ramping_vus([(secs(60), 30), (secs(130), 10)]).start_vus(20).graceful_ramp_down(secs(10));
        ramp.graceful_stop(secs(15))
    };
    let arrivals = constant_arrival_rate(per_min(30), mins(10)).max_vus(30);
    let unit = secs(30);
    let rising =
        ramping_arrival_rate([(mins(3), per(30, unit)), (mins(5), per(10, unit))]).start_rate(per(10, unit));
    for (row, executor, end, vus) in [
        ("constant-vus", ten(), 70, 10),
        ("constant-vus that starts after 70 s", ten().start_after(secs(70)), 140, 10),
        ("ramping-vus", ramp(), 205, 30),
        ("ramping-vus that starts after 23 s", ramp().start_after(secs(23)), 228, 30),
        ("22 iterations shared among 12 VUs", shared().into(), 130, 12),
        ("23 iterations for each of 13 VUs", per_vu_iterations(23).vus(13).graceful_stop(secs(0)), 600, 13),
        ("30 arrivals a minute", arrivals.into(), 630, 30),
        ("up to one arrival a second", rising.max_vus(50).into(), 510, 50),
    ] {
        walk.row(format!("end and VUs: {row}"), end_and_vus(executor), (secs(end), Some(vus)));
    }
    for (row, stages, vus) in [
        ("10 in 10 s", &[(10, 10)][..], 10),
        ("a spike of no length counts", &[(10, 10), (0, 11), (0, 1), (10, 5)], 11),
        ("without the spike", &[(10, 10), (0, 1), (10, 5)], 10),
    ] {
        let ramp = ramping_vus(stages.iter().map(|(length, vus)| (secs(*length), *vus)));
        walk.row(format!("VUs of a ramp: {row}"), most_vus(&whole(ramp)), Some(vus));
    }
    let third = part(shared(), "0:1/3", THIRDS);
    let of_third = match &third {
        Some(Schedule::Closed(closed)) => (closed.iterations(), closed.max_vus(), closed.end + secs(30)),
        _ => (None, 0, secs(0)),
    };
    walk.row("a third of 22 iterations shared among 12 VUs, and its end", of_third, (Some(8), 4, secs(130)));
    for what in [
        "constant-vus",
        "ramping-vus",
        "shared-iterations",
        "per-vu-iterations",
        "constant-arrival-rate",
        "ramping-arrival-rate",
    ] {
        walk.elsewhere(format!("the text that describes {what}"), "texts are our own");
    }
}
