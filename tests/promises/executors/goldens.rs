//! k6's documented numbers, as facts, and what its graceful ramp-down means.

use super::reference::{self, End, MS, SECOND, ramp};
use super::{Case, Kind, Run, ns, uneven};
use loadcore::prelude::*;

/// Stages in seconds, as k6's tables write them.
fn seconds(stages: &[(u64, u64)]) -> Vec<(u64, u64)> {
    stages.iter().map(|(length, vus)| (length * SECOND, *vus)).collect()
}

/// A ramp with nanoseconds everywhere, run on all numbers of shards.
fn ramping(
    start: u64,
    stages: &[(u64, u64)],
    ramp_down: u64,
    grace: u64,
    length: impl Fn(u64, u64) -> u64 + Send + Sync + 'static,
) -> Case {
    let plan = ramping_vus(stages.iter().map(|(length, vus)| (ns(*length), *vus)));
    let plan = plan.start_vus(start).graceful_ramp_down(ns(ramp_down)).graceful_stop(ns(grace));
    let end = End { at: stages.iter().map(|(length, _)| length).sum(), grace };
    let steps = ramp(start, stages);
    Case::new(Kind::VuBound, plan, length, |length| reference::ramping_vus(&steps, ramp_down, end, length))
        .holds()
}

fn running_at(runs: &[Run], at: u64) -> usize {
    runs.iter().filter(|run| (run.start..run.end).contains(&at)).count()
}

/// The VU counts of a run that cuts at once, as `second:VUs` wherever they change.
fn counted(case: &Case, until: u64) -> String {
    let mut changes: Vec<(u64, usize)> = Vec::new();
    for second in 0..until {
        let vus = running_at(&case.expected.runs, second * SECOND + 1);
        if changes.last().is_none_or(|(_, last)| *last != vus) {
            changes.push((second, vus));
        }
    }
    changes.iter().map(|(at, vus)| format!("{at}:{vus}")).collect::<Vec<_>>().join(" ")
}

/// When each VU is cut whose only iteration would never end, as `second:VUs left` (k6's "reserved VUs").
fn reserved(case: &Case) -> String {
    let mut ends: Vec<u64> = case.expected.runs.iter().map(|run| run.end / SECOND).collect();
    ends.sort_unstable();
    ends.dedup();
    let left = |at: u64| case.expected.runs.iter().filter(|run| run.end / SECOND > at).count();
    ends.iter().map(|at| format!("{at}:{}", left(*at))).collect::<Vec<_>>().join(" ")
}

const LONG: u64 = 3_600 * SECOND;
/// 23 s that go up and down between 1 and 6 VUs.
const EXAMPLE: [(u64, u64); 8] = [(2, 6), (5, 1), (4, 5), (4, 1), (3, 4), (2, 4), (0, 1), (3, 1)];

/// 34 s with jumps up and down in between.
#[rustfmt::skip]
const MANY_JUMPS: [(u64, u64); 14] = [
    (2, 6), (5, 1), (4, 5), (4, 1), (3, 4), (2, 4), (0, 1), (3, 1), (0, 5), (3, 5), (0, 0), (2, 2), (2, 0), (4, 4),
];

#[test]
fn golden_constant_vus_ten_vus_do_five_iterations_each() {
    let end = End { at: SECOND, grace: 100 * MS };
    let executor = constant_vus(10, secs(1)).graceful_stop(millis(100));
    let length = |_, _| 210 * MS;
    let case = Case::new(Kind::VuBound, executor, length, |l| reference::constant_vus(10, end, l)).holds();
    assert_eq!(case.counts(), (50, 50, 0));
}

#[test]
fn golden_per_vu_iterations_a_slow_vu_does_what_it_can() {
    let end = End { at: 3 * SECOND, grace: SECOND };
    let executor = per_vu_iterations(100).vus(10).max_duration(secs(3)).graceful_stop(secs(1));
    let length = |vu, _| if vu == 4 { 201 * MS } else { 20 * MS };
    let case =
        Case::new(Kind::VuBound, executor, length, |l| reference::per_vu_iterations(10, 100, end, l)).holds();
    assert_eq!(case.counts(), (915, 915, 85));
    let last = case.expected.runs.iter().map(|run| run.end).max();
    assert_eq!(last, Some(3_015 * MS), "the slow VU's 15th iteration ends inside the grace");
}

#[test]
fn golden_iterations_that_time_did_not_suffice_for_are_dropped() {
    let end = End { at: SECOND, grace: 0 };
    let shared = shared_iterations(100).vus(5).max_duration(secs(1)).graceful_stop(secs(0));
    let per_vu = per_vu_iterations(20).vus(5).max_duration(secs(1)).graceful_stop(secs(0));
    let length = |_, _| LONG;
    let shared = Case::new(Kind::Shared, shared, length, |l| reference::shared_iterations(5, 100, end, l));
    let per_vu = Case::new(Kind::VuBound, per_vu, length, |l| reference::per_vu_iterations(5, 20, end, l));
    for case in [shared, per_vu] {
        assert_eq!(case.holds().counts(), (5, 0, 95));
    }
}

#[test]
fn iterations_without_number_end_with_their_time() {
    let scenario = Scenario::new("forever", async |vu: &Vu| {
        vu.sleep(millis(100)).await;
        assert!(vu.progress() < 1.0);
        Ok(())
    });
    let forever = per_vu_iterations(u64::MAX).vus(3).max_duration(secs(1));
    let report = LoadTest::new().scenario(scenario.executor(forever)).run_virtual(2).unwrap();
    assert_eq!((report.errors().len(), report.count(ITERATIONS)), (0, 30.0));
    assert!(report.count(DROPPED_ITERATIONS) > 1e19);
}

#[test]
fn golden_arrival_rates() {
    let arrivals = |count: u64, unit: u64, limit: u64, max_vus: u64, takes: u64| {
        let executor = constant_arrival_rate(per(count as i64, ns(unit)), ns(limit)).max_vus(max_vus);
        let (executor, end) = (executor.graceful_stop(secs(0)), End { at: limit, grace: 0 });
        let kind = Kind::Open { max_vus };
        Case::new(
            kind,
            executor,
            move |_, _| takes,
            |l| reference::constant_arrival_rate(count, unit, max_vus, end, l),
        )
        .holds()
    };
    assert_eq!(arrivals(50, SECOND, 5 * SECOND, 20, MS).counts(), (250, 250, 0));
    assert_eq!(arrivals(10, SECOND, 950 * MS, 5, LONG).counts(), (5, 0, 5));
    // The 22nd is due at 997.5 ms.
    assert_eq!(arrivals(20, 950 * MS, SECOND, 5, MS).counts(), (22, 22, 0));
}

#[test]
fn golden_ramp_without_any_grace() {
    let case = ramping(5, &[(SECOND, 5), (0, 3), (SECOND, 3)], 0, 0, |_, _| 300 * MS);
    // k6 counts the iterations that started.
    assert_eq!(case.counts(), (29, 24, 0));
    let running = [500, 1_500, 2_400].map(|at| running_at(&case.expected.runs, at * MS));
    assert_eq!(running, [5, 3, 0]);
}

#[test]
fn golden_example_the_vu_counts_of_a_ramp() {
    let case = ramping(4, &seconds(&EXAMPLE), 0, 0, uneven(130 * MS));
    assert_eq!(
        counted(&case, 24),
        "0:4 1:5 2:6 3:5 4:4 5:3 6:2 7:1 8:2 9:3 10:4 11:5 12:4 13:3 14:2 15:1 16:2 17:3 18:4 20:1 23:0"
    );
    let case = ramping(4, &seconds(&MANY_JUMPS), 0, 0, uneven(90 * MS));
    assert_eq!(
        counted(&case, 35),
        "0:4 1:5 2:6 3:5 4:4 5:3 6:2 7:1 8:2 9:3 10:4 11:5 12:4 13:3 14:2 15:1 16:2 17:3 18:4 20:1 23:5 26:0 27:1 28:2 \
         29:1 30:0 31:1 32:2 33:3 34:0"
    );
}

#[test]
fn golden_example_ramped_down_vus_have_their_grace_and_no_more() {
    let stages = seconds(&EXAMPLE);
    let reserved = |ramp_down: u64, grace: u64| {
        reserved(&ramping(4, &stages, ramp_down * SECOND, grace * SECOND, |_, _| LONG))
    };
    assert_eq!(reserved(30, 30), "33:5 42:4 50:1 53:0");
    assert_eq!(reserved(30, 80), "33:5 42:4 50:1 103:0");
    assert_eq!(reserved(30, 3), "26:0");
    assert_eq!(reserved(30, 0), "23:0");
}

#[test]
fn a_ramped_down_vu_finishes_its_iteration_if_its_grace_suffices() {
    for (ramp_down, takes) in
        [(0, 700 * MS), (100 * MS, 700 * MS), (5 * SECOND, 700 * MS), (SECOND, 4 * SECOND)]
    {
        for grace in [0, 250 * MS, 30 * SECOND] {
            ramping(
                0,
                &[(2 * SECOND, 9), (SECOND, 2), (SECOND, 2), (SECOND, 0)],
                ramp_down,
                grace,
                uneven(takes),
            );
        }
    }
}

#[test]
fn a_vu_that_is_wanted_again_goes_on_as_if_nothing_had_happened() {
    // VU 2 is away from 1 s to 1.5 s, and from 2 s on: its grace counts from 2 s.
    let stages = [(SECOND, 2), (0, 1), (500 * MS, 1), (0, 2), (500 * MS, 2), (0, 1), (8 * SECOND, 1)];
    let case = ramping(2, &stages, SECOND, 0, |_, _| 20 * SECOND);
    let ends: Vec<(u64, u64)> = case.expected.runs.iter().map(|run| (run.vu, run.end)).collect();
    assert_eq!(ends, [(1, 10 * SECOND), (2, 3 * SECOND)]);
    // A grace shorter than its absence cuts it; then it begins anew.
    let case = ramping(2, &stages, 400 * MS, 0, |_, _| 20 * SECOND);
    let starts: Vec<(u64, u64)> = case.expected.runs.iter().map(|run| (run.vu, run.start)).collect();
    assert_eq!(starts, [(1, 0), (2, 0), (2, 1_500 * MS)]);
}

#[test]
fn what_the_plan_takes_away_at_the_very_end_has_the_shorter_of_both_graces() {
    for (ramp_down, grace, ends_at) in [(0, 30, 4), (2, 30, 6), (30, 3, 7), (30, 0, 4)] {
        let case = ramping(1, &[(4 * SECOND, 0)], ramp_down * SECOND, grace * SECOND, |_, _| LONG);
        assert_eq!(case.expected.runs.len(), 1);
        assert_eq!(case.expected.runs[0].end, ends_at * SECOND, "{ramp_down} s and {grace} s");
    }
}
