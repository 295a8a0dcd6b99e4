//! Thresholds: a metric's number must lie on one side of a bound.

use super::aggregation::{Aggregation, Comparison};
use crate::metric::{Aggregate, MetricDesc, Selector, VUS, VUS_MAX};
use crate::plan::format_duration;
use std::fmt;
use std::time::Duration;

/// A condition on the test's numbers. If it does not hold at the end, the exit code is 99; with
/// [`abort_on_fail`](Threshold::abort_on_fail) the test ends as soon as it does not hold.
///
/// A threshold without a single sample fails too ("no data"), unless [`allow_empty`](Threshold::allow_empty) says
/// otherwise: a misspelt group must not pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    pub(crate) selector: Selector,
    aggregation: Aggregation,
    comparison: Comparison,
    bound: f64,
    allow_empty: bool,
    abort_on_fail: bool,
    delay_abort_eval: Option<Duration>,
}

/// A threshold that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThresholdError {
    /// The percentile does not exist.
    #[error("threshold `{0}`: a percentile lies between 0 and 100; write for example p(95)")]
    Percentile(String),
    /// The bound is not a number.
    #[error("threshold `{0}`: the bound is not a number; give one that is")]
    Bound(String),
    /// There is a delay, and nothing that it could delay.
    #[error(
        "threshold `{0}`: delay_abort_eval delays abort_on_fail, which is missing; add abort_on_fail, or leave the delay out"
    )]
    Delay(String),
    /// A text that is not a threshold.
    #[error("threshold `{text}`: {problem}")]
    Text {
        /// As written; a long one only in part.
        text: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// The metric says nothing of a single scenario.
    #[error(
        "threshold `{0}`: vus and vus_max are of the whole test; move it from the scenario to LoadTest::threshold"
    )]
    WholeTest(String),
}

/// How a threshold came out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ThresholdResult {
    /// The threshold.
    pub threshold: Threshold,
    /// Whether it holds; never for the one that has [aborted](Threshold::abort_on_fail) the test.
    pub ok: bool,
    /// The number, in milliseconds for times; `None` if there was no sample.
    pub observed: Option<f64>,
}

impl Threshold {
    pub(super) fn new(
        selector: Selector,
        aggregation: Aggregation,
        comparison: Comparison,
        bound: f64,
    ) -> Self {
        Self {
            selector,
            aggregation,
            comparison,
            bound,
            allow_empty: false,
            abort_on_fail: false,
            delay_abort_eval: None,
        }
    }

    /// Whether both ask for the same number: then the later one replaces the earlier.
    pub(crate) fn is_about_the_same_as(&self, other: &Self) -> bool {
        self.selector == other.selector && self.aggregation == other.aggregation
    }

    /// Holds when there is no sample at all.
    pub fn allow_empty(mut self) -> Self {
        self.allow_empty = true;
        self
    }

    /// Stops the whole test as soon as it does not hold (k6's `abortOnFail`).
    ///
    /// It is then judged at the end of each second of the test, on everything measured since the start, and at the very
    /// end as any other. All iterations are cut at once, without a graceful stop; teardown and the summary follow, and
    /// the exit code is 99. A second without any sample so far stops nothing.
    ///
    /// ```
    /// use loadcore::prelude::*;
    ///
    /// let test = LoadTest::new()
    ///     .threshold(HTTP_REQ_FAILED.rate().below(0.1).abort_on_fail().delay_abort_eval(secs(10)));
    /// # drop(test);
    /// ```
    pub fn abort_on_fail(mut self) -> Self {
        self.abort_on_fail = true;
        self
    }

    /// For how long after the start of the first scenario [`abort_on_fail`](Threshold::abort_on_fail) stops nothing, so
    /// that a few early samples decide nothing (k6's `delayAbortEval`). Default: 0, judged from the first complete
    /// second on.
    ///
    /// Without `abort_on_fail` it is an error before the test starts.
    pub fn delay_abort_eval(mut self, delay: Duration) -> Self {
        self.delay_abort_eval = Some(delay);
        self
    }

    /// From when on it may stop the test; `None` if it never does.
    pub(crate) fn aborts_from(&self) -> Option<Duration> {
        self.abort_on_fail.then(|| self.delay_abort_eval.unwrap_or_default())
    }

    /// Narrowed to one scenario, unless it names one already.
    pub(crate) fn in_scenario(mut self, scenario: &str) -> Self {
        if !self.selector.has_tag("scenario") {
            self.selector = self.selector.with_tag("scenario", scenario);
        }
        self
    }

    /// The metric it is about.
    pub fn metric(&self) -> &MetricDesc {
        &self.selector.metric
    }

    /// The series it is about, such as `http_req_duration{scenario:checkout}`.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The condition alone, in k6's text form: `p(95)<500`.
    pub fn expression(&self) -> String {
        format!("{}{}{}", self.aggregation, self.comparison.symbol(), self.bound)
    }

    pub(crate) fn aggregation(&self) -> Aggregation {
        self.aggregation
    }

    pub(crate) fn validate(&self) -> Result<(), ThresholdError> {
        let untagged = [VUS, VUS_MAX].iter().any(|gauge| gauge.name() == self.selector.metric.name);
        match self.aggregation {
            _ if untagged && self.selector.has_tag("scenario") => {
                Err(ThresholdError::WholeTest(self.to_string()))
            }
            Aggregation::P(p) if !(0.0..=100.0).contains(&p) => {
                Err(ThresholdError::Percentile(self.to_string()))
            }
            _ if self.delay_abort_eval.is_some() && !self.abort_on_fail => {
                Err(ThresholdError::Delay(self.to_string()))
            }
            _ if self.bound.is_nan() => Err(ThresholdError::Bound(self.to_string())),
            _ => Ok(()),
        }
    }

    /// The number so far, if it does not hold. `None` also without a sample: while a test runs there may still come one.
    pub(crate) fn broken_by(&self, aggregate: &Aggregate) -> Option<f64> {
        let stats = aggregate.stats(&self.selector, &self.aggregation.percentile());
        let value = self.aggregation.of(&stats);
        (!stats.is_empty() && !self.comparison.holds(value, self.bound)).then_some(value)
    }

    pub(crate) fn evaluate(&self, aggregate: &Aggregate) -> ThresholdResult {
        let stats = aggregate.stats(&self.selector, &self.aggregation.percentile());
        let (ok, observed) = if stats.is_empty() {
            (self.allow_empty, None)
        } else {
            let value = self.aggregation.of(&stats);
            (self.comparison.holds(value, self.bound), Some(value))
        };
        ThresholdResult { threshold: self.clone(), ok, observed }
    }
}

/// As on the command line: `http_req_failed{scenario:checkout}: rate<0.1 abort_on_fail delay_abort_eval=10s`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.selector, self.expression())?;
        if self.abort_on_fail {
            f.write_str(" abort_on_fail")?;
        }
        if let Some(delay) = self.delay_abort_eval {
            write!(f, " delay_abort_eval={}", format_duration(delay))?;
        }
        if self.allow_empty { f.write_str(" allow_empty") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{
        CHECKS, DROPPED_ITERATIONS, Delta, ITERATION_DURATION, Metric, Registry, Select, SeriesMemory, Value,
    };
    use std::sync::Arc;

    fn aggregate(value: Option<Value>) -> Aggregate {
        let registry = Arc::new(Registry::new([CHECKS.desc(), ITERATION_DURATION.desc()]).unwrap());
        let id = registry.find("checks").unwrap();
        let mut aggregate = Aggregate::new(registry, Arc::new(SeriesMemory::new(1 << 20)), 1, 0);
        if let Some(value) = value {
            let announced = vec![(id, Arc::new([]) as _)];
            aggregate.ingest(Delta { announced, values: vec![(0, value)], ..Delta::default() });
        }
        aggregate
    }

    #[test]
    fn a_threshold_without_samples_fails_unless_told_otherwise() {
        let empty = aggregate(None);
        for threshold in [CHECKS.rate().at_least(0.0), CHECKS.rate().below(1.0)] {
            let result = threshold.evaluate(&empty);
            assert_eq!((result.ok, result.observed), (false, None));
            assert!(threshold.allow_empty().evaluate(&empty).ok);
        }
        assert!(!ITERATION_DURATION.p(95).below(Duration::from_secs(9)).evaluate(&empty).ok);
        assert!(!DROPPED_ITERATIONS.count().at_most(0).evaluate(&empty).ok);
    }

    #[test]
    fn each_comparison_means_what_it_says() {
        let half = aggregate(Some(Value::Rate { trues: 1, total: 2 }));
        let holds = |threshold: Threshold| threshold.evaluate(&half).ok;
        assert!(!holds(CHECKS.rate().below(0.5)) && holds(CHECKS.rate().at_most(0.5)));
        assert!(!holds(CHECKS.rate().above(0.5)) && holds(CHECKS.rate().at_least(0.5)));
        assert!(holds(CHECKS.rate().above(0.49)) && holds(CHECKS.rate().below(0.51)));
        let with = |comparison, bound| {
            let selector = CHECKS.select().selector;
            holds(Threshold::new(selector, Aggregation::Rate, comparison, bound))
        };
        assert!(with(Comparison::Equal, 0.5) && !with(Comparison::Equal, 0.51));
        assert!(with(Comparison::NotEqual, 0.51) && !with(Comparison::NotEqual, 0.5));
    }

    #[test]
    fn while_the_test_runs_only_a_number_breaks_a_threshold() {
        let half = aggregate(Some(Value::Rate { trues: 1, total: 2 }));
        assert_eq!(CHECKS.rate().above(0.9).broken_by(&half), Some(0.5));
        assert_eq!(CHECKS.rate().above(0.4).broken_by(&half), None);
        assert_eq!(CHECKS.rate().above(0.9).broken_by(&aggregate(None)), None);
        assert_eq!(DROPPED_ITERATIONS.count().below(0).broken_by(&half), None);
    }

    #[test]
    fn only_one_that_aborts_has_an_instant_from_which_on_it_may() {
        let threshold = CHECKS.rate().above(0.9);
        assert_eq!(threshold.aborts_from(), None);
        assert_eq!(threshold.clone().abort_on_fail().aborts_from(), Some(Duration::ZERO));
        let delay = Duration::from_secs(10);
        assert_eq!(threshold.abort_on_fail().delay_abort_eval(delay).aborts_from(), Some(delay));
    }

    #[test]
    fn thresholds_read_as_in_k6_and_bad_ones_are_refused() {
        let threshold = ITERATION_DURATION.scenario("a").p(99.9).below(Duration::from_millis(500));
        assert_eq!(threshold.to_string(), "iteration_duration{scenario:a}: p(99.9)<500");
        assert_eq!(threshold.clone().in_scenario("b"), threshold, "its own scenario wins");
        assert!(ITERATION_DURATION.p(101).below(Duration::ZERO).validate().is_err());
        assert!(CHECKS.rate().below(f64::NAN).validate().is_err());
    }
}
