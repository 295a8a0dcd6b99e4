//! Thresholds in code: a handle's number, compared with a bound of its unit.

use super::aggregation::{Aggregation, Comparison};
use super::threshold::Threshold;
use crate::metric::{
    Aggregate, Bytes, Counter, Gauge, Plain, Rate, Select, Selected, Selector, Time, Trend, Unit,
};
use crate::plan::Number;
use std::marker::PhantomData;
use std::time::Duration;

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

/// No unit has it: the bound of methods that a trend lacks, so that the compiler says what to write instead of them.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a trend has no rate, count or value",
    label = "not a number of a trend",
    note = "write `.p(95)`, `.avg()`, `.med()`, `.min()` or `.max()`; rates are of metrics such as `HTTP_REQ_FAILED` and `CHECKS`, counts of `HTTP_REQS` and `ITERATIONS`"
)]
pub trait NotOfTrends {}

/// No percentile has it: the same for what has no distribution.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "only a trend has percentiles",
    label = "no percentile",
    note = "write `.rate()` of a `Rate`, `.count()` or `.rate()` of a `Counter`, and `.value()` of a `Gauge`"
)]
pub trait NotOfOthers {}

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

/// Writes methods that can never be called. Without them the compiler would say that there is none, and no more.
macro_rules! lacking {
    ({$($generics:tt)*} $handle:ty, [$($name:ident),*]) => { lacking!(@ {$($generics)*} $handle, [$($name),*]); lacking!(@ {$($generics)*} Selected<$handle>, [$($name),*]); };
    (@ {$($generics:tt)*} $handle:ty, [$($name:ident),*]) => {
        #[allow(missing_docs, reason = "hidden: for the compiler's message alone")]
        impl<$($generics)*> $handle {
            $(#[doc(hidden)] pub fn $name(self) -> Measure<Ratio> where U: NotOfTrends {
                unreachable!("nothing is `NotOfTrends`")
            })*
        }
    };
    ($($handle:ty),*) => { $(
        #[allow(missing_docs, reason = "hidden: for the compiler's message alone")]
        impl $handle {
            #[doc(hidden)]
            pub fn p<N: Number + NotOfOthers>(self, _: N) -> Measure<Ratio> {
                unreachable!("nothing is `NotOfOthers`")
            }
        }
    )* };
}

lacking!({U: Unit} Trend<U>, [rate, count, value]);
lacking!(Rate, Counter, Gauge, Selected<Rate>, Selected<Counter>, Selected<Gauge>);
