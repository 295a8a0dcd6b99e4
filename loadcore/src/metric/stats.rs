//! The numbers that a report shows of a metric.

/// The numbers of one or several series of one metric, in shown units (milliseconds for times).
///
/// Rates and percentiles of nothing are NaN, so that no comparison with them holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Stats {
    /// A sum, and the sum per second of the test.
    Counter {
        /// The sum.
        count: f64,
        /// Per second of the test so far; 0 before its start.
        rate: f64,
        /// Whether anything was added at all, be it 0.
        touched: bool,
    },
    /// The share of true samples.
    Rate {
        /// True samples, of all, between 0 and 1.
        rate: f64,
        /// How many were true.
        trues: u64,
        /// How many there were.
        total: u64,
    },
    /// The last, least and greatest value.
    Gauge {
        /// The latest value.
        value: f64,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// A distribution, with the percentiles that were asked for, in that order.
    Trend {
        /// How many values.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// The percentiles that were asked for.
        percentiles: Vec<f64>,
    },
}

impl Stats {
    /// Whether there was no sample at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Counter { touched, .. } => !touched,
            Self::Rate { total, .. } => *total == 0,
            Self::Gauge { value, .. } => value.is_nan(),
            Self::Trend { count, .. } => *count == 0,
        }
    }
}
