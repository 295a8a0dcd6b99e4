//! Stops a test whose thresholds ask for it, while it runs.

use super::{Prepared, RunError};
use crate::metric::Aggregate;
use crate::report::Report;
use crate::run::engine::{Ended, EndedBy, Observer, Stop};
use crate::run::{Job, Phase, Rulings};
use crate::verdict::{Aborted, Threshold, ThresholdResult};
use std::time::Duration;

/// The first judgement is about the first complete second.
const FIRST: Duration = Duration::from_secs(1);

/// Judges the thresholds with `abort_on_fail` at the end of each second; passes on everything that it sees.
struct Watchdog<'a> {
    /// Each with the instant from which on it may stop the test.
    thresholds: Vec<(&'a Threshold, Duration)>,
    stop: Stop,
    observer: &'a mut dyn Observer,
    aborted: Option<Aborted>,
}

impl<'a> Watchdog<'a> {
    fn new(thresholds: &'a [Threshold], stop: Stop, observer: &'a mut dyn Observer) -> Self {
        let aborting = |threshold: &'a Threshold| Some((threshold, threshold.aborts_from()?.max(FIRST)));
        Self { thresholds: thresholds.iter().filter_map(aborting).collect(), stop, observer, aborted: None }
    }

    fn broken(&self, aggregate: &Aggregate, elapsed: Duration) -> Option<Aborted> {
        let due = self.thresholds.iter().filter(|(_, from)| *from <= elapsed);
        due.map(|(threshold, _)| threshold).find_map(|threshold| {
            let observed = threshold.broken_by(aggregate)?;
            Some(Aborted { threshold: (*threshold).clone(), observed, at: elapsed })
        })
    }
}

impl Observer for Watchdog<'_> {
    fn phase(&mut self, phase: Phase, names: &[String]) {
        self.observer.phase(phase, names);
    }

    fn started(&mut self, job: &Job, teardowns: &[String]) {
        self.observer.started(job, teardowns);
    }

    fn tick(&mut self, job: &Job, aggregate: &Aggregate, elapsed: Duration) {
        self.observer.tick(job, aggregate, elapsed);
    }

    fn interval(&mut self, job: &Job, aggregate: &Aggregate, elapsed: Duration) {
        self.observer.interval(job, aggregate, elapsed);
        // Whoever has stopped the test already was first.
        if self.stop.is_requested() {
            return;
        }
        if let Some(aborted) = self.broken(aggregate, elapsed) {
            self.stop.request(EndedBy::Threshold);
            self.observer.aborted(&aborted);
            self.aborted = Some(aborted);
        }
    }
}

/// What ended a test before its time, if anything did.
#[derive(Debug)]
pub(super) struct End {
    /// Who was first, and what journeys have decided.
    pub(super) rulings: Rulings,
    /// The threshold, if it was one.
    pub(super) aborted: Option<Aborted>,
}

impl End {
    /// How the thresholds came out. One that has stopped the test has failed, whatever its number became as the rest of the
    /// load came in.
    pub(super) fn results(&self, thresholds: &[Threshold], aggregate: &Aggregate) -> Vec<ThresholdResult> {
        let has_aborted =
            |threshold: &Threshold| self.aborted.as_ref().is_some_and(|it| it.threshold == *threshold);
        let result = |threshold: &Threshold| {
            let mut result = threshold.evaluate(aggregate);
            result.ok &= !has_aborted(threshold);
            result
        };
        thresholds.iter().map(result).collect()
    }
}

impl Prepared {
    /// Runs the test, and stops it when a threshold says so.
    pub(super) fn run_watched(
        self,
        stop: Stop,
        observer: &mut dyn Observer,
        run: impl FnOnce(&Self, &Stop, &mut dyn Observer) -> Result<Ended, String>,
    ) -> Result<Report, RunError> {
        let mut watchdog = Watchdog::new(&self.thresholds, stop.clone(), observer);
        let ended = run(&self, &stop, &mut watchdog).map_err(RunError::Start)?;
        let aborted = watchdog.aborted;
        self.report(ended, End { rulings: stop.rulings(), aborted })
    }
}
