//! Promise: plans equal k6's documented numbers. The walk goes through every row of the collected tables about executors,
//! segments and durations, and says of each that it is equal, or why it does not apply here. Numbers are facts; the words
//! are our own.

mod arrivals;
mod configurations;
mod durations;
mod laws;
mod looping;
mod ramps;
mod segments;

use loadcore::plan::{Executor, Schedule, Segment, Share, VuStep};
use loadcore::prelude::*;
use std::fmt::{Debug, Display};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The walk through the tables: a line for each row.
#[derive(Default)]
struct Walk {
    section: &'static str,
    equal: usize,
    elsewhere: usize,
    different: Vec<String>,
}

impl Walk {
    fn enter(&mut self, section: &'static str) {
        println!("\n{section}");
        self.section = section;
    }

    fn row<T: PartialEq + Debug>(&mut self, row: impl Display, got: T, want: T) {
        let is_equal = got == want;
        println!("  {row}: {}", if is_equal { "equal" } else { "DIFFERENT" });
        if is_equal {
            self.equal += 1;
        } else {
            self.different.push(format!("{}: {row}: {got:?} instead of {want:?}", self.section));
        }
    }

    /// A row of which there is no counterpart.
    fn elsewhere(&mut self, row: impl Display, because: &str) {
        println!("  {row}: does not apply, because {because}");
        self.elsewhere += 1;
    }
}

#[test]
fn every_row_of_the_tables_is_equal_or_does_not_apply() {
    let mut walk = Walk::default();
    arrivals::ramping(&mut walk);
    arrivals::constant(&mut walk);
    ramps::steps(&mut walk);
    ramps::behaviour(&mut walk);
    looping::behaviour(&mut walk);
    configurations::accepted_or_rejected(&mut walk);
    configurations::ends_and_vus(&mut walk);
    segments::read_and_cut(&mut walk);
    segments::stripes(&mut walk);
    durations::read(&mut walk);
    durations::shortcuts(&mut walk);
    println!("\n{} rows are equal, {} do not apply", walk.equal, walk.elsewhere);
    assert!(walk.different.is_empty(), "{:#?}", walk.different);
    // No table has got lost.
    assert!(walk.equal >= 220 && walk.elsewhere >= 30, "{} and {}", walk.equal, walk.elsewhere);
}

const THIRDS: &str = "0,1/3,2/3,1";
/// Three unequal machines.
const UNEQUAL: [&str; 3] = ["0:1/4", "1/4:3/4", "3/4:1"];
const UNEQUAL_CUT: &str = "0,1/4,3/4,1";

/// The share of a segment; `-` stands for no sequence.
fn share(segment: &str, sequence: &str) -> Share {
    let sequence = (sequence != "-").then(|| sequence.parse().unwrap());
    Share::new(segment.parse().unwrap(), sequence).unwrap()
}

fn whole(executor: impl Into<Executor>) -> Schedule {
    executor.into().schedule().unwrap()
}

/// The part of a plan; none if there is nothing to do.
fn part(executor: impl Into<Executor>, segment: &str, sequence: &str) -> Option<Schedule> {
    whole(executor).for_share(&share(segment, sequence))
}

/// The first test-wide numbers of a part's iterations, as many as the part has.
fn numbers(executor: impl Into<Executor>, segment: &str, sequence: &str) -> Vec<u64> {
    let (schedule, share) = (whole(executor), share(segment, sequence));
    let many = match schedule.for_share(&share) {
        Some(Schedule::Closed(closed)) => closed.iterations().unwrap() as usize,
        Some(Schedule::Open(open)) => open.arrivals.iter().count(),
        None => 0,
    };
    schedule.iteration_share(&share).unwrap().indices().take(many).collect()
}

/// When the first arrivals of a plan are due, in whole ms. The tables' ..999 ns are artefacts of floating point.
fn due_ms(schedule: Option<Schedule>, most: usize) -> Vec<u128> {
    let Some(Schedule::Open(open)) = schedule else { return Vec::new() };
    open.arrivals.iter().take(most).map(|due| (due + Duration::from_nanos(1)).as_millis()).collect()
}

/// As the tables write steps: seconds and VUs.
fn steps(steps: &[VuStep]) -> String {
    steps.iter().map(|step| format!("{}:{}", step.at.as_secs_f64(), step.vus)).collect::<Vec<_>>().join(" ")
}

fn steps_of(schedule: Option<Schedule>) -> String {
    match schedule {
        Some(Schedule::Closed(closed)) => steps(&closed.steps),
        _ => String::new(),
    }
}

/// One iteration of a run under virtual time.
#[derive(Debug, Clone, Copy)]
struct Iteration {
    vu: u64,
    start: Duration,
    end: Duration,
    done: bool,
}

/// What a run under virtual time came to.
struct Ran {
    report: Report,
    iterations: Vec<Iteration>,
}

struct Entry<'a> {
    vu: &'a Vu,
    log: &'a Mutex<Vec<Iteration>>,
    start: Duration,
    done: bool,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let Self { vu, start, done, .. } = *self;
        self.log.lock().unwrap().push(Iteration { vu: vu.id(), start, end: vu.elapsed(), done });
    }
}

/// Runs iterations that take so long, by VU, on two cores.
fn run(executor: impl Into<Executor>, takes: impl Fn(u64) -> Duration + Send + Sync + 'static) -> Ran {
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let journey = async move |vu: &Vu| {
        let mut entry = Entry { vu, log: &seen, start: vu.elapsed(), done: false };
        vu.sleep(takes(vu.id())).await;
        entry.done = true;
        Ok(())
    };
    let scenario = Scenario::new("golden", journey).executor(executor);
    let report = LoadTest::new().scenario(scenario).run_virtual(2).unwrap();
    let mut iterations = std::mem::take(&mut *log.lock().unwrap());
    iterations.sort_by_key(|iteration| (iteration.start, iteration.vu));
    Ran { report, iterations }
}

impl Ran {
    /// Started, completed and dropped iterations.
    fn counts(&self) -> (usize, f64, f64) {
        (self.iterations.len(), self.report.count(ITERATIONS), self.report.count(DROPPED_ITERATIONS))
    }

    /// How many iterations are under way.
    fn running_at(&self, at: Duration) -> usize {
        self.iterations.iter().filter(|it| (it.start..it.end).contains(&at)).count()
    }
}

fn text(segment: &Segment) -> String {
    segment.to_string()
}
