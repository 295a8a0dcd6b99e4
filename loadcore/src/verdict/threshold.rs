//! Thresholds: a metric's number must lie on one side of a bound.

use crate::metric::{
    Aggregate, Bytes, Counter, Gauge, MetricDesc, Plain, Rate, Select, Selected, Selector, Stats, Time,
    Trend, Unit, VUS, VUS_MAX,
};
use crate::plan::Number;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// Which number of a metric is meant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregation {
    /// A counter's sum.
    Count,
    /// A rate's share of true samples, or a counter's sum per second.
    Rate,
    /// A gauge's latest value.
    Value,
    /// A trend's mean.
    Avg,
    /// A trend's least value.
    Min,
    /// A trend's median.
    Med,
    /// A trend's greatest value.
    Max,
    /// A trend's percentile, 0 to 100.
    P(f64),
}

impl Aggregation {
    fn of(self, stats: &Stats) -> f64 {
        match (self, stats) {
            (Self::Count, Stats::Counter { count, .. }) => *count,
            (Self::Rate, Stats::Counter { rate, .. } | Stats::Rate { rate, .. }) => *rate,
            (Self::Value, Stats::Gauge { value, .. }) => *value,
            (Self::Avg, Stats::Trend { count, sum, .. }) => sum / *count as f64,
            (Self::Min, Stats::Trend { min, .. }) => *min,
            (Self::Max, Stats::Trend { max, .. }) => *max,
            (Self::Med | Self::P(_), Stats::Trend { percentiles, .. }) => {
                percentiles.first().copied().unwrap_or(f64::NAN)
            }
            // The handles' types keep other pairs from being built.
            _ => f64::NAN,
        }
    }

    fn percentile(self) -> Vec<f64> {
        match self {
            Self::Med => vec![50.0],
            Self::P(p) => vec![p],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Rate => f.write_str("rate"),
            Self::Value => f.write_str("value"),
            Self::Avg => f.write_str("avg"),
            Self::Min => f.write_str("min"),
            Self::Med => f.write_str("med"),
            Self::Max => f.write_str("max"),
            Self::P(p) => write!(f, "p({p})"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
    /// In text only: two floats are hardly ever equal.
    Equal,
    NotEqual,
}

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            Self::Equal => value == bound,
            Self::NotEqual => value != bound,
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// The unit of shares and counts: compared with plain numbers, rates as 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio;

/// A bound that a number of unit `U` can be compared with.
#[diagnostic::on_unimplemented(
    message = "a metric in `{U}` cannot be compared with `{Self}`",
    label = "wrong kind of bound",
    note = "compare times with a duration (`500ms`, `millis(500)`), everything else with a number; a trend of durations is a `Trend<Time>`"
)]
pub trait Bound<U> {
    /// The bound in shown units (milliseconds for times).
    fn shown(self) -> f64;
}

impl Bound<Time> for Duration {
    fn shown(self) -> f64 {
        self.as_nanos() as f64 / 1e6
    }
}

impl<N: Number> Bound<Plain> for N {
    fn shown(self) -> f64 {
        self.into_f64()
    }
}

impl<N: Number> Bound<Bytes> for N {
    fn shown(self) -> f64 {
        self.into_f64()
    }
}

impl<N: Number> Bound<Ratio> for N {
    fn shown(self) -> f64 {
        self.into_f64()
    }
}

/// One number of a metric, waiting for its bound: `HTTP_REQ_DURATION.p(95)`.
#[must_use = "compare it: `.below(..)`, `.at_most(..)`, `.above(..)` or `.at_least(..)`"]
#[derive(Debug, Clone)]
pub struct Measure<U> {
    selector: Selector,
    aggregation: Aggregation,
    unit: PhantomData<U>,
}

impl<U> Measure<U> {
    fn new(selector: Selector, aggregation: Aggregation) -> Self {
        Self { selector, aggregation, unit: PhantomData }
    }

    fn threshold(self, comparison: Comparison, bound: impl Bound<U>) -> Threshold {
        Threshold::new(self.selector, self.aggregation, comparison, bound.shown())
    }

    /// The number must be less than the bound.
    pub fn below(self, bound: impl Bound<U>) -> Threshold {
        self.threshold(Comparison::Below, bound)
    }

    /// The number must be the bound or less.
    pub fn at_most(self, bound: impl Bound<U>) -> Threshold {
        self.threshold(Comparison::AtMost, bound)
    }

    /// The number must be greater than the bound.
    pub fn above(self, bound: impl Bound<U>) -> Threshold {
        self.threshold(Comparison::Above, bound)
    }

    /// The number must be the bound or more.
    pub fn at_least(self, bound: impl Bound<U>) -> Threshold {
        self.threshold(Comparison::AtLeast, bound)
    }

    /// The number now. NaN without samples.
    pub(crate) fn observe(&self, aggregate: &Aggregate) -> f64 {
        self.aggregation.of(&aggregate.stats(&self.selector, &self.aggregation.percentile()))
    }
}

/// Writes the same methods for a handle and for the handle narrowed by tags.
macro_rules! measures {
    ($({$($generics:tt)*})? $handle:ty, $unit:ty, { $($(#[$doc:meta])* $name:ident => $aggregation:expr;)* }) => {
        impl $(<$($generics)*>)? $handle {
            $($(#[$doc])* pub fn $name(self) -> Measure<$unit> {
                Measure::new(self.select().selector, $aggregation)
            })*
        }

        impl $(<$($generics)*>)? Selected<$handle> {
            $($(#[$doc])* pub fn $name(self) -> Measure<$unit> {
                Measure::new(self.selector, $aggregation)
            })*
        }
    };
}

measures!({U: Unit} Trend<U>, U, {
    /// The mean.
    avg => Aggregation::Avg;
    /// The least value.
    min => Aggregation::Min;
    /// The median.
    med => Aggregation::Med;
    /// The greatest value.
    max => Aggregation::Max;
});
measures!(Rate, Ratio, {
    /// The share of samples that were true, between 0 and 1.
    rate => Aggregation::Rate;
});
measures!(Counter, Ratio, {
    /// The sum.
    count => Aggregation::Count;
    /// The sum per second of the test.
    rate => Aggregation::Rate;
});
measures!(Gauge, Ratio, {
    /// The latest value.
    value => Aggregation::Value;
});

impl<U: Unit> Trend<U> {
    /// A percentile, 0 to 100: `p(95)`, `p(99.9)`. Others are an error before the test starts.
    pub fn p(self, percentile: impl Number) -> Measure<U> {
        Measure::new(self.select().selector, Aggregation::P(percentile.into_f64()))
    }
}

impl<U: Unit> Selected<Trend<U>> {
    /// A percentile, 0 to 100: `p(95)`, `p(99.9)`. Others are an error before the test starts.
    pub fn p(self, percentile: impl Number) -> Measure<U> {
        Measure::new(self.selector, Aggregation::P(percentile.into_f64()))
    }
}

/// A condition on the test's numbers. If it does not hold at the end, the exit code is 99.
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
    /// A text that is not a threshold.
    #[error("threshold `{text}`: {problem}")]
    Text {
        /// As written.
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
    /// Whether it holds.
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
        Self { selector, aggregation, comparison, bound, allow_empty: false }
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
            _ if self.bound.is_nan() => Err(ThresholdError::Bound(self.to_string())),
            _ => Ok(()),
        }
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

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.selector, self.expression())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{
        CHECKS, DROPPED_ITERATIONS, Delta, ITERATION_DURATION, Metric, Registry, SeriesMemory, Value,
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
