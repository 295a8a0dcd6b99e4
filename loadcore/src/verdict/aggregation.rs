//! Which number of a metric is judged, and how it is compared with its bound.

use crate::metric::Stats;
use std::fmt;

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
    pub(super) fn of(self, stats: &Stats) -> f64 {
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

    pub(super) fn percentile(self) -> Vec<f64> {
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
    pub(super) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            Self::Equal => value == bound,
            Self::NotEqual => value != bound,
        }
    }

    pub(super) fn symbol(self) -> &'static str {
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
