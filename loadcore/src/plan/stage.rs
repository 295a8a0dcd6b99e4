//! The stages of an executor: what a person would say it does, one stretch of time after the other.

use std::time::Duration;

/// A stretch of a scenario's time over which the load is constant or changes linearly.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Stage {
    /// Its begin, since the start of the scenario.
    pub start: Duration,
    /// Its end, since the start of the scenario; the same as its begin where the load jumps.
    pub end: Duration,
    /// What happens in it.
    pub load: StageLoad,
}

/// The load of a [`Stage`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum StageLoad {
    /// A closed model: this many VUs loop.
    Vus {
        /// At its begin.
        from: u64,
        /// At its end.
        to: u64,
    },
    /// An open model: iterations start at this rate.
    Rate {
        /// Iterations per second at its begin.
        from: f64,
        /// Iterations per second at its end.
        to: f64,
        /// How many iterations start in it; on average, where arrivals are random.
        arrivals: u64,
    },
}

impl Stage {
    /// The same number of VUs from the start of the scenario to its end.
    pub(super) fn constant_vus(vus: u64, end: Duration) -> Vec<Self> {
        vec![Self { start: Duration::ZERO, end, load: StageLoad::Vus { from: vus, to: vus } }]
    }

    /// How many iterations start in it, if the load says so: on average, where arrivals are random.
    pub fn arrivals(&self) -> Option<u64> {
        match self.load {
            StageLoad::Vus { .. } => None,
            StageLoad::Rate { arrivals, .. } => Some(arrivals),
        }
    }
}
