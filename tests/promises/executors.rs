//! Promise: under virtual time each executor's run equals its plan to the nanosecond, on however many cores.
//!
//! What it is compared with is written in `executors/reference.rs`, a second time and without an engine. Cases named
//! golden are k6's own, from its documented behaviour.

mod goldens;
mod open;
mod properties;
mod real;
mod reference;

use loadcore::plan::Executor;
use loadcore::prelude::*;
use reference::{End, Expected, MS, SECOND};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SHARDS: [usize; 4] = [1, 2, 3, 7];

/// One iteration, as its journey saw it. `done` is false if it was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    start: u64,
    vu: u64,
    end: u64,
    done: bool,
}

/// How iteration numbers and VUs are given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Numbers are unique, but may have gaps.
    VuBound,
    /// Numbers have no gaps and follow the order of starts.
    Shared,
    /// So do these; and any VU below the limit may serve an arrival.
    Open { max_vus: u64 },
}

type Length = Arc<dyn Fn(u64, u64) -> u64 + Send + Sync>;

/// A scenario and what is expected of it.
struct Case {
    kind: Kind,
    executor: Executor,
    length: Length,
    expected: Expected,
    /// The scenario's `start_after`.
    delay: u64,
    /// VUs of the scenarios before it.
    offset: u64,
}

impl Case {
    fn new(
        kind: Kind,
        executor: impl Into<Executor>,
        length: impl Fn(u64, u64) -> u64 + Send + Sync + 'static,
        expected: impl Fn(reference::Length) -> Expected,
    ) -> Self {
        let mut expected = expected(&length);
        expected.runs.sort();
        Self { kind, executor: executor.into(), length: Arc::new(length), expected, delay: 0, offset: 0 }
    }

    fn done(&self) -> usize {
        self.expected.runs.iter().filter(|run| run.done).count()
    }

    fn cut(&self) -> usize {
        self.expected.runs.len() - self.done()
    }

    /// Started, completed and dropped iterations.
    fn counts(&self) -> (usize, usize, u64) {
        (self.expected.runs.len(), self.done(), self.expected.dropped)
    }

    /// Runs the case on each number of shards.
    #[track_caller]
    fn holds(self) -> Self {
        let cases = [self];
        all_hold(&cases, &SHARDS);
        let [case] = cases;
        case
    }
}

/// What the journeys saw: each iteration with its number.
type Log = Arc<Mutex<Vec<(Run, u64)>>>;

/// Writes an iteration down when it ends, whether it was done or cut.
struct Entry<'a> {
    vu: &'a Vu,
    log: &'a Log,
    start: u64,
    done: bool,
}

fn now(vu: &Vu) -> u64 {
    u64::try_from(vu.elapsed().as_nanos()).unwrap()
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let run = Run { start: self.start, vu: self.vu.id(), end: now(self.vu), done: self.done };
        self.log.lock().unwrap().push((run, self.vu.iteration()));
    }
}

fn journey(name: String, case: &Case, log: &Log) -> Scenario {
    let (length, log) = (Arc::clone(&case.length), Arc::clone(log));
    let (delay, offset) = (case.delay, case.offset);
    let scenario = Scenario::new(name, async move |vu: &Vu| {
        let mut entry = Entry { vu, log: &log, start: now(vu), done: false };
        let takes = length(vu.id() - offset, entry.start - delay);
        vu.sleep(Duration::from_nanos(takes)).await;
        entry.done = true;
        Ok(())
    });
    scenario.executor(case.executor.clone().start_after(Duration::from_nanos(delay)))
}

/// Runs all cases as the scenarios of one test, on each number of shards.
#[track_caller]
fn all_hold(cases: &[Case], shards: &[usize]) {
    for shards in shards.iter().copied() {
        let logs: Vec<Log> = cases.iter().map(|_| Log::default()).collect();
        let scenarios = cases.iter().zip(&logs).enumerate();
        let scenarios = scenarios.map(|(i, (case, log))| journey(format!("s{i}"), case, log));
        let report = LoadTest::new().scenarios(scenarios).run_virtual(shards).unwrap();
        for (i, (case, log)) in cases.iter().zip(&logs).enumerate() {
            let (mut seen, name) = (log.lock().unwrap().clone(), format!("s{i}"));
            seen.sort();
            equals_plan(case, &seen, &format!("scenario {i} on {shards} shards"));
            let count = |counter: Counter| report.value(counter.scenario(&name).count());
            assert_eq!(count(ITERATIONS), case.done() as f64, "iterations of {name}");
            assert_eq!(count(INTERRUPTED_ITERATIONS), case.cut() as f64, "interrupted iterations of {name}");
            assert_eq!(
                count(DROPPED_ITERATIONS),
                case.expected.dropped as f64,
                "dropped iterations of {name}"
            );
        }
    }
}

#[track_caller]
fn equals_plan(case: &Case, seen: &[(Run, u64)], which: &str) {
    let open = matches!(case.kind, Kind::Open { .. });
    let mut runs: Vec<Run> = seen.iter().map(|(run, _)| *run).collect();
    for run in &mut runs {
        run.start -= case.delay;
        run.end -= case.delay;
        run.vu = if open { 0 } else { run.vu - case.offset };
    }
    runs.sort();
    if let Some((at, (seen, planned))) =
        runs.iter().zip(&case.expected.runs).enumerate().find(|(_, (seen, planned))| seen != planned)
    {
        panic!("{which}: iteration {at} in order of start is {seen:?}, the plan says {planned:?}");
    }
    assert_eq!(runs.len(), case.expected.runs.len(), "{which}: the number of iterations");

    let numbers: BTreeSet<u64> = seen.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers.len(), seen.len(), "{which}: an iteration number is given once");
    if case.kind != Kind::VuBound {
        assert!(
            numbers.iter().copied().eq(0..seen.len() as u64),
            "{which}: numbers have no gaps: {numbers:?}"
        );
        let in_order = |pair: &[(Run, u64)]| pair[0].0.start == pair[1].0.start || pair[0].1 < pair[1].1;
        assert!(seen.windows(2).all(in_order), "{which}: numbers follow the order of starts");
    }
    if let Kind::Open { max_vus } = case.kind {
        let mut free_from = BTreeMap::new();
        for (run, _) in seen {
            let vu = run.vu - case.offset;
            assert!((1..=max_vus).contains(&vu), "{which}: VU {vu} of at most {max_vus}");
            let free = free_from.insert(vu, run.end).unwrap_or(0);
            assert!(free <= run.start, "{which}: VU {vu} does one iteration at a time");
        }
    }
}

fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// Different for each VU and start, and never a multiple of anything in a plan: no two things happen at once.
fn uneven(base: u64) -> impl Fn(u64, u64) -> u64 + Send + Sync + 'static {
    move |vu, start| base + vu * 1_000_003 + start % 7_919 * 13 + 1
}

#[test]
fn constant_vus_loop_until_the_end_and_then_have_their_grace() {
    for base in [70 * MS, 333 * MS, 4 * SECOND] {
        for grace in [0, 50 * MS, 30 * SECOND] {
            let executor = constant_vus(11, ns(SECOND)).graceful_stop(ns(grace));
            let end = End { at: SECOND, grace };
            let kind = Kind::VuBound;
            Case::new(kind, executor, uneven(base), |length| reference::constant_vus(11, end, length))
                .holds();
        }
    }
}

#[test]
fn a_grace_of_thirty_seconds_is_given_unasked() {
    let end = End { at: SECOND, grace: 30 * SECOND };
    let long = |vu: u64, _| (28 + vu) * SECOND;
    let case = Case::new(Kind::VuBound, constant_vus(3, secs(1)), long, |length| {
        reference::constant_vus(3, end, length)
    });
    // 29 s and 30 s fit into the 31 s; what would take all of them is cut.
    assert_eq!(case.holds().counts(), (3, 2, 0));
}

#[test]
fn without_grace_running_iterations_are_cut_at_the_end() {
    let end = End { at: SECOND, grace: 0 };
    let executor = constant_vus(4, secs(1)).graceful_stop(secs(0));
    let case = Case::new(Kind::VuBound, executor, |_, _| 300 * MS, |l| reference::constant_vus(4, end, l));
    let case = case.holds();
    assert_eq!(case.counts(), (16, 12, 0));
    assert!(case.expected.runs.iter().filter(|run| !run.done).all(|run| run.end == SECOND));
}

#[test]
fn shared_iterations_go_to_whoever_is_free_first() {
    for (vus, iterations, limit, grace) in
        [(1, 1, SECOND, 0), (5, 5, SECOND, 0), (6, 100, SECOND, 200 * MS), (9, 40, 10 * SECOND, 0)]
    {
        let executor = shared_iterations(iterations).vus(vus).max_duration(ns(limit));
        let (executor, end) = (executor.graceful_stop(ns(grace)), End { at: limit, grace });
        let length = |vu: u64, start: u64| vu * vu * 10 * MS + start % 991 * 17 + vu * 101 + 1;
        Case::new(Kind::Shared, executor, length, |length| {
            reference::shared_iterations(vus, iterations, end, length)
        })
        .holds();
    }
}

#[test]
fn per_vu_iterations_are_each_vus_own() {
    for (vus, each, limit, grace) in [(1, 1, SECOND, 0), (8, 5, SECOND, 100 * MS), (10, 3, 60 * SECOND, 0)] {
        let executor = per_vu_iterations(each).vus(vus).max_duration(ns(limit));
        let (executor, end) = (executor.graceful_stop(ns(grace)), End { at: limit, grace });
        Case::new(
            Kind::VuBound,
            executor,
            move |vu, start| uneven(20 * MS)(vu, start) + vu * 31 * MS,
            |length| reference::per_vu_iterations(vus, each, end, length),
        )
        .holds();
    }
}

#[test]
fn arrivals_start_when_they_are_due_or_are_dropped() {
    for (count, unit, limit, max_vus, base, grace) in [
        (3, SECOND, 2 * SECOND, 3, 10 * MS, 0),
        (200, SECOND, SECOND, 4, 17 * MS, 0),
        (30, 60 * SECOND, 10 * SECOND, 2, 3 * SECOND, SECOND),
        (1_000, SECOND, SECOND, 500, 300 * MS, 100 * MS),
        (50, SECOND, SECOND, 10, 5 * SECOND, 2 * SECOND),
    ] {
        let executor = constant_arrival_rate(per(count as i64, ns(unit)), ns(limit)).max_vus(max_vus);
        let (executor, end) = (executor.graceful_stop(ns(grace)), End { at: limit, grace });
        let length = move |_, start: u64| base + start / 1_000 % 7 * base / 3 + start % 97 + 1;
        Case::new(Kind::Open { max_vus }, executor, length, |length| {
            reference::constant_arrival_rate(count, unit, max_vus, end, length)
        })
        .holds();
    }
}

#[test]
fn scenarios_of_one_test_keep_their_own_plans_and_vu_ids() {
    let end = |at, grace| End { at, grace };
    let ramp = reference::ramp(2, &[(SECOND, 6), (SECOND, 1)]);
    let mut cases = [
        Case::new(
            Kind::VuBound,
            constant_vus(4, secs(2)).graceful_stop(secs(0)),
            uneven(150 * MS),
            |length| reference::constant_vus(4, end(2 * SECOND, 0), length),
        ),
        Case::new(
            Kind::Open { max_vus: 7 },
            constant_arrival_rate(per_sec(40), secs(1)).max_vus(7).graceful_stop(millis(50)),
            |_, start| 190 * MS + start % 89,
            |length| reference::constant_arrival_rate(40, SECOND, 7, end(SECOND, 50 * MS), length),
        ),
        Case::new(Kind::Shared, Executor::from(shared_iterations(30).vus(5)), uneven(60 * MS), |length| {
            reference::shared_iterations(5, 30, end(600 * SECOND, 30 * SECOND), length)
        }),
        Case::new(
            Kind::VuBound,
            ramping_vus([(secs(1), 6), (secs(1), 1)])
                .start_vus(2)
                .graceful_ramp_down(secs(0))
                .graceful_stop(secs(0)),
            uneven(110 * MS),
            |length| reference::ramping_vus(&ramp, 0, end(2 * SECOND, 0), length),
        ),
        Case::new(Kind::VuBound, Executor::default(), uneven(SECOND), |length| {
            reference::per_vu_iterations(1, 1, end(600 * SECOND, 30 * SECOND), length)
        }),
    ];
    for (case, (delay, vus_before)) in
        cases.iter_mut().zip([(0, 0), (300 * MS + 7, 4), (0, 11), (SECOND, 16), (5 * SECOND, 22)])
    {
        (case.delay, case.offset) = (delay, vus_before);
    }
    all_hold(&cases, &SHARDS);
}

/// The picks of each iteration, by the scenario's own key of it.
fn picks(
    executor: impl Into<Executor>,
    by_vu: bool,
    seed: u64,
    shards: usize,
) -> BTreeMap<(u64, u64), Vec<usize>> {
    let seen = Arc::new(Mutex::new(Vec::<(u64, u64, Vec<usize>)>::new()));
    let log = Arc::clone(&seen);
    let scenario = Scenario::new("picks", async move |vu: &Vu| {
        let mut drawn = vec![vu.pick(1_000_000)];
        vu.sleep(Duration::from_micros(700 * vu.id() + 31_000)).await;
        drawn.extend((0..3).map(|_| vu.pick(1_000_000)));
        log.lock().unwrap().push((vu.id(), vu.iteration(), drawn));
        Ok(())
    });
    LoadTest::new().scenario(scenario.executor(executor)).seed(seed).run_virtual(shards).unwrap();
    let mut own_count: BTreeMap<u64, u64> = BTreeMap::new();
    let seen = seen.lock().unwrap();
    let keyed = seen.iter().map(|(vu, iteration, drawn)| {
        let own = own_count.entry(*vu).or_default();
        *own += 1;
        (if by_vu { (*vu, *own) } else { (0, *iteration) }, drawn.clone())
    });
    keyed.collect()
}

#[test]
fn a_seed_repeats_every_pick_whatever_core_serves_it() {
    let arrivals = || Executor::from(constant_arrival_rate(per_sec(100), secs(1)).max_vus(50));
    let shared = || Executor::from(shared_iterations(200).vus(7));
    let looping = || Executor::from(constant_vus(7, secs(1)));
    for (executor, by_vu) in [(arrivals(), false), (shared(), false), (looping(), true)] {
        let picks = |seed, shards| picks(executor.clone(), by_vu, seed, shards);
        let one = picks(42, 1);
        assert!(one.len() >= 100, "only {} iterations", one.len());
        for shards in SHARDS {
            assert_eq!(one, picks(42, shards), "{} on {shards} shards", executor.name());
        }
        let other = picks(43, 1);
        assert!(one.iter().all(|(key, drawn)| other[key] != *drawn), "another seed picks otherwise");
        let different: BTreeSet<_> = one.values().collect();
        assert_eq!(different.len(), one.len(), "each iteration has a stream of its own");
    }
}
