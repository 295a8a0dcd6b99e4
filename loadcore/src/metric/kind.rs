//! The four kinds of metric, and what their values mean.

/// How samples of a metric combine (k6's four types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A sum.
    Counter,
    /// The last value, with the least and greatest.
    Gauge,
    /// The share of samples that were true.
    Rate,
    /// A distribution.
    Trend,
}

/// What a metric's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Contains {
    /// Plain numbers, kept to 1/1000.
    Default,
    /// Durations, kept exactly in nanoseconds (percentiles in microseconds) and shown in milliseconds.
    Time,
    /// Bytes.
    Data,
}

impl Contains {
    /// How many of the smallest recorded units make one shown unit: a trend counts in ns, 1/1000 or bytes.
    pub(crate) fn fine_per_unit(self) -> f64 {
        match self {
            Self::Default => 1e3,
            Self::Time => 1e6,
            Self::Data => 1.0,
        }
    }

    /// How many of the smallest recorded units fall into one histogram unit.
    pub(crate) fn fine_per_bucket(self) -> u64 {
        match self {
            Self::Time => 1_000,
            Self::Default | Self::Data => 1,
        }
    }
}

/// A metric's identity: its name, kind and unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDesc {
    /// Letters, digits and underscores, as k6 asks.
    pub name: std::borrow::Cow<'static, str>,
    /// How samples combine.
    pub kind: Kind,
    /// What the values are.
    pub contains: Contains,
    /// One of loadcore's own.
    pub(crate) builtin: bool,
}

impl MetricDesc {
    /// Whether it is one of loadcore's own, and not the user's.
    pub fn is_builtin(&self) -> bool {
        self.builtin
    }
}
