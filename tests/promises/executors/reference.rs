//! What each executor shall do, said a second time and as plainly as possible: from the rules in words (k6's, and where
//! they are silent loadcore's own), one VU after the other, without an engine. Times are nanoseconds.

use super::Run;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) const MS: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000 * MS;

/// A scenario's end, and how long running iterations may go on behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) at: u64,
    pub(super) grace: u64,
}

/// What is expected of a whole scenario.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expected {
    pub(super) runs: Vec<Run>,
    pub(super) dropped: u64,
}

/// How long the iteration of a VU that starts at an instant takes.
pub(super) type Length<'a> = &'a dyn Fn(u64, u64) -> u64;

/// An iteration that starts at `start`, and would be cut at `cut`. What is to end at the very instant of the cut is cut:
/// the plan acts before journeys do.
fn iterate(vu: u64, start: u64, cut: u64, length: Length) -> Run {
    let natural = start + length(vu, start);
    Run { vu, start, end: natural.min(cut), done: natural < cut }
}

/// VUs 1 to `vus` loop from 0 to the end.
pub(super) fn constant_vus(vus: u64, end: End, length: Length) -> Expected {
    let runs = (1..=vus).flat_map(|vu| looping(vu, u64::MAX, end, length)).collect();
    Expected { runs, dropped: 0 }
}

/// Each VU does its own iterations; those that never started are dropped.
pub(super) fn per_vu_iterations(vus: u64, each: u64, end: End, length: Length) -> Expected {
    let runs: Vec<Run> = (1..=vus).flat_map(|vu| looping(vu, each, end, length)).collect();
    let dropped = vus * each - runs.len() as u64;
    Expected { runs, dropped }
}

fn looping(vu: u64, most: u64, end: End, length: Length) -> Vec<Run> {
    let (mut at, mut runs) = (0, Vec::new());
    while at < end.at && (runs.len() as u64) < most {
        let run = iterate(vu, at, end.at + end.grace, length);
        at = run.end;
        runs.push(run);
    }
    runs
}

/// Whoever is free first takes the next iteration.
pub(super) fn shared_iterations(vus: u64, iterations: u64, end: End, length: Length) -> Expected {
    let mut free: Vec<(u64, u64)> = (1..=vus).map(|vu| (0, vu)).collect();
    let mut runs = Vec::new();
    while (runs.len() as u64) < iterations {
        let first = free.iter_mut().min().unwrap();
        if first.0 >= end.at {
            break;
        }
        let run = iterate(first.1, first.0, end.at + end.grace, length);
        first.0 = run.end;
        runs.push(run);
    }
    let dropped = iterations - runs.len() as u64;
    Expected { runs, dropped }
}

/// Arrival `i` is due at `i * unit / count`; the last one before the end.
pub(super) fn constant_rate(count: u64, unit: u64, end: u64) -> Vec<u64> {
    let due = |i: u64| u64::try_from(u128::from(i) * u128::from(unit) / u128::from(count)).unwrap();
    (0..).map(due).take_while(|due| *due < end).collect()
}

/// When `max_vus` iterations are running an arrival is dropped. Which VU serves it is not promised, so VUs are 0 here. An
/// iteration that ends at the very instant of an arrival still occupies its VU.
pub(super) fn arrivals(dues: &[u64], max_vus: u64, end: End, length: Length) -> Expected {
    let mut expected = Expected::default();
    for due in dues.iter().copied() {
        let running = expected.runs.iter().filter(|run| run.end >= due).count() as u64;
        if running < max_vus {
            expected.runs.push(iterate(0, due, end.at + end.grace, length));
        } else {
            expected.dropped += 1;
        }
    }
    expected
}

/// [`arrivals`] at a constant rate.
pub(super) fn constant_arrival_rate(
    count: u64,
    unit: u64,
    max_vus: u64,
    end: End,
    length: Length,
) -> Expected {
    arrivals(&constant_rate(count, unit, end.at), max_vus, end, length)
}

/// With a queue an arrival waits until a VU is free and all arrivals before it have begun. What has not begun by the end is
/// dropped; at the very end nothing that has waited begins.
pub(super) fn queued_arrivals(dues: &[u64], max_vus: u64, end: End, length: Length) -> Expected {
    let mut expected = Expected::default();
    let mut busy_until: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
    for due in dues.iter().copied() {
        // Only what still runs occupies a VU.
        while busy_until.peek().is_some_and(|Reverse(until)| *until < due) {
            busy_until.pop();
        }
        let mut start = due;
        if busy_until.len() as u64 == max_vus {
            let Reverse(free) = busy_until.pop().unwrap();
            start = free;
            if start >= end.at {
                // Nor does any later one, since they begin in order.
                busy_until.push(Reverse(free));
                expected.dropped += 1;
                continue;
            }
        }
        let run = iterate(0, start, end.at + end.grace, length);
        busy_until.push(Reverse(run.end));
        expected.runs.push(run);
    }
    expected
}

/// VU counts from instant on, in order.
pub(super) type Steps = Vec<(u64, u64)>;

/// From `a` to `b` VUs in a stage, the count changes by one at equal distances, the last time at the stage's end; a stage
/// without length jumps.
pub(super) fn ramp(start_vus: u64, stages: &[(u64, u64)]) -> Steps {
    let (mut steps, mut vus, mut begin) = (vec![(0, start_vus)], start_vus, 0);
    for (length, target) in stages.iter().copied() {
        let changes = vus.abs_diff(target);
        for left in (0..changes).rev() {
            vus = if target > vus { vus + 1 } else { vus - 1 };
            let before_end = u128::from(length) * u128::from(left) / u128::from(changes);
            steps.push((begin + length - u64::try_from(before_end).unwrap(), vus));
        }
        begin += length;
    }
    steps
}

/// The VUs at an instant: what the last step at or before it says.
pub(super) fn vus_at(steps: &Steps, at: u64) -> u64 {
    steps.iter().rev().find(|(from, _)| *from <= at).map_or(0, |(_, vus)| *vus)
}

/// VU `n` (from 1) is active whenever there are at least `n` VUs, so the lowest live longest. When it stops being active its
/// running iteration may go on for `ramp_down`, at most until the scenario's hard end, unless the VU is active again by
/// then: then nothing has happened.
pub(super) fn ramping_vus(steps: &Steps, ramp_down: u64, end: End, length: Length) -> Expected {
    let most = steps.iter().map(|(_, vus)| *vus).max().unwrap();
    let runs = (1..=most).flat_map(|vu| ramping(vu, steps, ramp_down, end, length)).collect();
    Expected { runs, dropped: 0 }
}

fn ramping(vu: u64, steps: &Steps, ramp_down: u64, end: End, length: Length) -> Vec<Run> {
    let changes: Vec<(u64, bool)> = steps.iter().map(|(at, vus)| (*at, *vus >= vu)).collect();
    // Of several counts at one instant the last one holds; but a VU that is wanted for that instant only is wanted.
    let active_from = |at: u64| {
        let later = steps.iter().map(|(step, _)| *step).filter(|step| *step > at);
        std::iter::once(at).chain(later).find(|at| vus_at(steps, *at) >= vu)
    };
    let cut_of = |start: u64| {
        let hard_end = end.at + end.grace;
        let mut was_active = true;
        for (i, (at, active)) in changes.iter().copied().enumerate().filter(|(_, (at, _))| *at > start) {
            let taken_away = was_active && !active;
            was_active = active;
            let wanted_again = changes[i..].iter().find(|(_, active)| *active).map(|(again, _)| *again);
            if taken_away && wanted_again.is_none_or(|again| again > at + ramp_down) {
                return hard_end.min(at + ramp_down);
            }
        }
        hard_end
    };
    let (mut at, mut runs) = (0, Vec::new());
    while let Some(start) = active_from(at).filter(|start| *start < end.at) {
        let run = iterate(vu, start, cut_of(start), length);
        at = run.end;
        runs.push(run);
    }
    runs
}
