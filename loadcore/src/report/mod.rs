//! What a test came to: typed for assertions, text for people, JSON for tools.

mod format;
mod json;
mod progress;
mod text;
mod voice;

pub(crate) use progress::Progress;
pub(crate) use voice::Voice;

use crate::metric::{Aggregate, CHECKS, Counter, ErrorGroup, Rate, Select, Stats};
use crate::run::{HookError, Ruling};
use crate::verdict::{Aborted, Generator, Measure, ThresholdResult};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

/// Everything a test has measured, and its verdicts.
#[derive(Debug)]
pub struct Report {
    pub(crate) run: RunInfo,
    pub(crate) scenarios: Vec<ScenarioInfo>,
    pub(crate) aggregate: Aggregate,
    pub(crate) thresholds: Vec<ThresholdResult>,
    pub(crate) generator: Generator,
}

/// Facts of the run itself.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunInfo {
    /// Random; tells runs apart.
    pub id: String,
    /// When the first scenario started.
    pub started: SystemTime,
    /// Until the last iteration had ended.
    pub duration: Duration,
    /// What all randomness came from.
    pub seed: u64,
    /// Ended by a signal.
    pub interrupted: bool,
    /// The threshold that ended the test before its time.
    pub aborted_by: Option<Aborted>,
    /// What a journey ended the test with before its time: [`Vu::abort_test`](crate::Vu::abort_test).
    pub aborted: Option<Ruling>,
    /// What a journey marked the test as failed with: [`Vu::fail_test`](crate::Vu::fail_test).
    pub failed: Option<Ruling>,
    /// Teardowns that failed, in their order.
    pub teardown_errors: Vec<HookError>,
    /// What a reader of the numbers has to know of how they came about, such as that no certificate was looked at. The banner
    /// and the summary show it.
    pub warnings: Vec<String>,
}

/// Facts of one scenario.
#[derive(Debug, Clone, serde::Serialize)]
#[non_exhaustive]
pub struct ScenarioInfo {
    /// Its name.
    pub name: String,
    /// The executor, as k6 names it.
    pub executor: String,
    /// What the executor did, in a line.
    pub description: String,
    /// The most VUs it could use.
    pub max_vus: u64,
    /// Whether its iterations begin when they are due, however long the earlier ones take.
    #[serde(skip)]
    pub(crate) is_open: bool,
}

/// How often a check held.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CheckResult {
    /// The check's name.
    pub name: String,
    /// The path of the group it stands in, such as `::User Login`; empty outside of any.
    pub group: String,
    /// How often it held.
    pub passes: u64,
    /// How often it did not.
    pub fails: u64,
}

/// Exit codes, as in k6.
pub(crate) mod exit_code {
    pub(crate) const OK: u8 = 0;
    pub(crate) const THRESHOLDS: u8 = 99;
    pub(crate) const SETUP_TIMEOUT: u8 = 100;
    pub(crate) const TEARDOWN_TIMEOUT: u8 = 101;
    pub(crate) const INVALID: u8 = 104;
    pub(crate) const SIGNAL: u8 = 105;
    /// A setup or teardown failed.
    pub(crate) const HOOK: u8 = 107;
    pub(crate) const ABORTED: u8 = 108;
    /// The run could not be carried out, by a fault of loadcore's own.
    pub(crate) const INTERNAL: u8 = 109;
    /// Marked as failed by a journey.
    pub(crate) const FAILED: u8 = 110;
}

impl Report {
    /// Facts of the run itself.
    pub fn run(&self) -> &RunInfo {
        &self.run
    }

    /// The scenarios that ran.
    pub fn scenarios(&self) -> &[ScenarioInfo] {
        &self.scenarios
    }

    /// How each threshold came out.
    pub fn thresholds(&self) -> &[ThresholdResult] {
        &self.thresholds
    }

    /// Whether all thresholds hold, and no journey has aborted the test or marked it as failed.
    pub fn passed(&self) -> bool {
        let holds = self.thresholds.iter().all(|threshold| threshold.ok);
        holds && self.run.aborted.is_none() && self.run.failed.is_none()
    }

    /// The generator's verdict on itself: whether the numbers can be trusted.
    pub fn generator(&self) -> &Generator {
        &self.generator
    }

    /// Failed iterations by kind and place, the most frequent first.
    pub fn errors(&self) -> Vec<ErrorGroup> {
        self.aggregate.errors()
    }

    /// Each check by group and name, over all scenarios.
    pub fn checks(&self) -> Vec<CheckResult> {
        let mut checks: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        for series in self.aggregate.series(CHECKS.name()) {
            let Stats::Rate { trues, total, .. } = series.stats(&[]) else { continue };
            let tag = |key| series.tag(key).unwrap_or("").to_owned();
            let (passes, fails) = checks.entry((tag("group"), tag("check"))).or_default();
            *passes += trues;
            *fails += total - trues;
        }
        let result = |((group, name), (passes, fails))| CheckResult { name, group, passes, fails };
        checks.into_iter().map(result).collect()
    }

    /// All series, with their history.
    pub fn metrics(&self) -> &Aggregate {
        &self.aggregate
    }

    /// A rate's share of true samples, 0 to 1. NaN if there was no sample, so that no comparison with it holds.
    pub fn rate(&self, rate: impl Select<Handle = Rate>) -> f64 {
        self.value(rate.select().rate())
    }

    /// A counter's sum; 0 if nothing was counted.
    pub fn count(&self, counter: impl Select<Handle = Counter>) -> f64 {
        self.value(counter.select().count())
    }

    /// Any number that a threshold could ask for: `report.value(HTTP_REQ_DURATION.p(95))`, in milliseconds for times.
    /// NaN if there was no sample (0 for a counter).
    pub fn value<U>(&self, measure: Measure<U>) -> f64 {
        measure.observe(&self.aggregate)
    }

    /// The numbers of a metric together, with these percentiles (0 to 100) of a trend.
    pub fn stats<M>(&self, metric: impl Select<Handle = M>, percentiles: &[f64]) -> Stats {
        self.aggregate.stats(&metric.select().selector, percentiles)
    }

    /// The process's exit code: 0, 99 for thresholds, 105 after a signal, 107 if a teardown failed and 101 if it took too
    /// long, 108 if a journey has aborted the test and 110 if one has marked it as failed.
    ///
    /// Of several that apply the first one of these is given: 105, 108, 107 or 101, 110, 99. A signal that comes when a
    /// journey has aborted the test already changes nothing.
    pub fn exit_code(&self) -> u8 {
        if self.run.interrupted {
            exit_code::SIGNAL
        } else if self.run.aborted.is_some() {
            exit_code::ABORTED
        } else if let Some(error) = self.run.teardown_errors.first() {
            if error.timed_out { exit_code::TEARDOWN_TIMEOUT } else { exit_code::HOOK }
        } else if self.run.failed.is_some() {
            exit_code::FAILED
        } else if self.passed() {
            exit_code::OK
        } else {
            exit_code::THRESHOLDS
        }
    }

    /// For tests: all thresholds must hold, and no journey may have aborted the test or marked it as failed.
    ///
    /// # Panics
    /// With the readable summary, if it is not so.
    #[track_caller]
    pub fn assert_thresholds(&self) {
        if let Some(ruling) = self.run.aborted.as_ref().or(self.run.failed.as_ref()) {
            panic!("a journey did not let the test pass: {ruling}\n{self}");
        }
        let failed = self.thresholds.iter().filter(|threshold| !threshold.ok).count();
        assert!(failed == 0, "{failed} of {} thresholds do not hold\n{self}", self.thresholds.len());
    }

    /// The summary as JSON: what `--summary-export` writes. Times are in milliseconds.
    pub fn to_json(&self) -> serde_json::Value {
        json::export(self)
    }

    /// The summary as `loadcore::main!` prints it, in colour if asked for.
    pub fn summary(&self, colour: bool) -> String {
        self.summary_within(colour, usize::MAX)
    }

    /// The same where there are only so many columns.
    pub(crate) fn summary_within(&self, colour: bool, width: usize) -> String {
        text::summary(self, colour, width)
    }
}

/// The summary, without colour.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary(false))
    }
}
