//! Arrival rates: how many iterations start per unit of time.

use std::time::Duration;

/// A whole or fractional count, as in `per_sec(200)` or `per_sec(0.5)`.
pub use super::duration::Seconds as Count;

/// How many iterations shall start in each period: `count` per `unit`.
///
/// Made by [`per_sec`], [`per_min`] and [`per`]. Kept as the two numbers, not as their quotient, so that arrival `i` of
/// `30 per minute` is due at exactly `i * 60 s / 30`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArrivalRate {
    pub(crate) count: f64,
    pub(crate) unit: Duration,
}

impl ArrivalRate {
    /// Iterations per second.
    pub fn per_second(self) -> f64 {
        self.count / self.unit.as_secs_f64()
    }
}

impl std::fmt::Display for ArrivalRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} iterations/s", self.per_second())
    }
}

/// `n` iterations each second.
pub fn per_sec(n: impl Count) -> ArrivalRate {
    per(n, Duration::from_secs(1))
}

/// `n` iterations each minute.
pub fn per_min(n: impl Count) -> ArrivalRate {
    per(n, Duration::from_secs(60))
}

/// `n` iterations in each period of `unit`.
pub fn per(n: impl Count, unit: Duration) -> ArrivalRate {
    ArrivalRate { count: n.units(), unit }
}
