//! Section 3: VUs that ramp.

use super::{Ran, THIRDS, Walk, part, run, share, steps as text, steps_of, whole};
use loadcore::plan::{RampingVus, Schedule};
use loadcore::prelude::*;
use std::time::Duration;

/// Stages as the tables write them: target and seconds.
fn ramp(start: u64, stages: &[(u64, u64)]) -> RampingVus {
    ramping_vus(stages.iter().map(|(vus, length)| (secs(*length), *vus))).start_vus(start)
}

const EXAMPLE: [(u64, u64); 8] = [(6, 2), (1, 5), (5, 4), (1, 4), (4, 3), (4, 2), (1, 0), (1, 3)];
const LONG: [(u64, u64); 14] = [
    (6, 2),
    (1, 5),
    (5, 4),
    (1, 4),
    (4, 3),
    (4, 2),
    (1, 0),
    (1, 3),
    (5, 0),
    (5, 3),
    (0, 0),
    (2, 2),
    (0, 2),
    (4, 4),
];

/// The VUs to make room for, with 30 s of graceful ramp-down unless none is given.
fn reserved(segment: &str, stop: u64, ramp_down: u64) -> String {
    let plan = ramp(4, &EXAMPLE).graceful_ramp_down(secs(ramp_down));
    match part(plan, segment, "-") {
        Some(Schedule::Closed(closed)) => text(&closed.reserved(secs(stop))),
        _ => String::new(),
    }
}

fn steps_and_room(walk: &mut Walk) {
    let raw = "0:4 1:5 2:6 3:5 4:4 5:3 6:2 7:1 8:2 9:3 10:4 11:5 12:4 13:3 14:2 15:1 16:2 17:3 18:4 20:1";
    walk.row("the example's steps", steps_of(Some(whole(ramp(4, &EXAMPLE)))), raw.to_owned());
    let to_zero = format!("{raw} 23:0");
    walk.row("the same, ending at zero", reserved("0:1", 0, 0), to_zero.clone());
    for (stop, ramp_down, want) in [
        (30, 30, "0:4 1:5 2:6 33:5 42:4 50:1 53:0"),
        (80, 30, "0:4 1:5 2:6 33:5 42:4 50:1 103:0"),
        (3, 30, "0:4 1:5 2:6 26:0"),
        (0, 30, "0:4 1:5 2:6 23:0"),
        (0, 0, &to_zero),
    ] {
        let row = format!("reserved with a graceful stop of {stop} s and ramp-down of {ramp_down} s");
        walk.row(row, reserved("0:1", stop, ramp_down), want.to_owned());
    }
    let third = "0:1 1:2 4:1 7:0 8:1 11:2 12:1 15:0 16:1 20:0";
    walk.row("steps of a third alone", steps_of(part(ramp(4, &EXAMPLE), "0:1/3", "-")), third.to_owned());
    for (stop, want) in
        [(30, "0:1 1:2 42:1 50:0"), (80, "0:1 1:2 42:1 50:0"), (3, "0:1 1:2 26:0"), (0, "0:1 1:2 23:0")]
    {
        walk.row(
            format!("reserved for a third, graceful stop {stop} s"),
            reserved("0:1/3", stop, 30),
            want.to_owned(),
        );
    }
}

pub(super) fn steps(walk: &mut Walk) {
    walk.enter("3. ramping-vus: the plan");
    steps_and_room(walk);
    let whole_plan = "0:4 1:5 2:6 3:5 4:4 5:3 6:2 7:1 8:2 9:3 10:4 11:5 12:4 13:3 14:2 15:1 16:2 17:3 18:4 20:1 23:5 \
                      26:0 27:1 28:2 29:1 30:0 31:1 32:2 33:3 34:4";
    let lone = "0:1 1:2 4:1 7:0 8:1 11:2 12:1 15:0 16:1 20:0 23:2 26:0 28:1 29:0 32:1";
    let first = "0:2 5:1 10:2 13:1 18:2 20:1 23:2 26:0 27:1 30:0 31:1 34:2";
    for (segment, sequence, want) in [
        ("0:1", "-", whole_plan),
        ("0:1/3", "-", lone),
        ("0:1/3", "0,1/3,1", lone),
        ("1/3:2/3", "-", lone),
        ("2/3:1", "-", lone),
        ("0:1/3", THIRDS, first),
    ] {
        walk.row(
            format!("steps of {segment} in {sequence}"),
            steps_of(part(ramp(4, &LONG), segment, sequence)),
            want.to_owned(),
        );
    }
    walk.row("three thirds sum to the whole at each step", thirds_sum(), true);
    let waves = &[(2, 2), (0, 2), (2, 2), (0, 2)][..];
    for (start, stages, segment, sequence, want) in [
        (2, &[(5, 0), (3, 2)][..], "0:1", "-", "0:2 0:5 1:4 2:3"),
        (3, &[(5, 2)], "0:1", "-", "0:3 1:4 2:5"),
        (0, waves, "0:1", "-", "0:0 1:1 2:2 3:1 4:0 5:1 6:2 7:1 8:0"),
        (0, waves, "0:1/2", "-", "0:0 1:1 4:0 5:1 8:0"),
        (0, waves, "0:1/3", "0,1/3,1/2,2/3,1", "0:0 1:1 4:0 5:1 8:0"),
        (0, &[(5, 5), (0, 5)], "0:1", "-", "0:0 1:1 2:2 3:3 4:4 5:5 6:4 7:3 8:2 9:1 10:0"),
    ] {
        let row = format!("from {start} through {stages:?}, {segment} in {sequence}");
        walk.row(row, steps_of(part(ramp(start, stages), segment, sequence)), want.to_owned());
    }
}

fn thirds_sum() -> bool {
    let Schedule::Closed(all) = whole(ramp(4, &LONG)) else { return false };
    let thirds: Vec<_> =
        ["0:1/3", "1/3:2/3", "2/3:1"].map(|segment| share(segment, THIRDS)).into_iter().collect();
    let of_third = |third, at| match Schedule::Closed(all.clone()).for_share(third) {
        Some(Schedule::Closed(part)) => {
            part.steps.iter().rfind(|step| step.at <= at).map_or(0, |step| step.vus)
        }
        _ => 0,
    };
    let last_at = |at| all.steps.iter().rfind(|step| step.at <= at).map_or(0, |step| step.vus);
    all.steps
        .iter()
        .all(|step| thirds.iter().map(|third| of_third(third, step.at)).sum::<u64>() == last_at(step.at))
}

pub(super) fn behaviour(walk: &mut Walk) {
    walk.enter("3. ramping-vus: the run");
    let hold = ramp(5, &[(5, 1), (3, 0), (3, 1)]).graceful_ramp_down(secs(0)).graceful_stop(secs(0));
    let ran = run(hold, |_| millis(300));
    walk.row(
        "active at 0.5, 1.5 and 2.4 s",
        [500, 1_500, 2_400].map(|at| ran.running_at(millis(at))),
        [5, 3, 0],
    );
    walk.row("iterations in all", ran.iterations.len(), 29);

    let peak = ramp(0, &[(10, 3), (0, 2)]).graceful_ramp_down(secs(1));
    let ran = run(peak, |_| millis(500));
    walk.row("after the peak VUs fall one by one from 10 to 0", falls_evenly(&ran), true);

    let accepts = |plan: RampingVus| whole_or_none(plan).is_some();
    walk.row("no stage is refused", accepts(ramp(1, &[])), false);
    walk.row("nothing but zeros is refused", accepts(ramp(0, &[(0, 1)])), false);
    walk.row("more than 100,000,000 VUs are refused", accepts(ramp(100_000_001, &[(0, 1)])), false);
    walk.row(
        "from the one VU of the default to none is accepted",
        accepts(ramping_vus([(secs(1), 0)])),
        true,
    );
}

fn whole_or_none(plan: RampingVus) -> Option<Schedule> {
    loadcore::plan::Executor::from(plan).schedule().ok()
}

/// How many VUs have iterations falls from 10 to 0 without ever rising, through each number.
fn falls_evenly(ran: &Ran) -> bool {
    // Just after each ms, since an iteration that ends and the next one share an instant.
    let at = |ms: u64| millis(ms) + Duration::from_nanos(1);
    let mut counts: Vec<usize> = (3_000..6_001).map(|ms| ran.running_at(at(ms))).collect();
    counts.dedup();
    counts == (0..=10).rev().collect::<Vec<_>>()
}
