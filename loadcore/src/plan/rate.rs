//! Arrival rates: how many iterations start per unit of time.

use super::Number;
use std::time::Duration;

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
pub fn per_sec(n: impl Number) -> ArrivalRate {
    per(n, Duration::from_secs(1))
}

/// `n` iterations each minute.
pub fn per_min(n: impl Number) -> ArrivalRate {
    per(n, Duration::from_secs(60))
}

/// `n` iterations in each period of `unit`.
pub fn per(n: impl Number, unit: Duration) -> ArrivalRate {
    ArrivalRate { count: n.into_f64(), unit }
}
