//! A fixed number of iterations for each VU.

use super::{DEFAULT_MAX_DURATION, Plan, PlanError, require_duration, require_vus, shared_options};
use crate::plan::number::counted;
use crate::plan::{Budget, ClosedSchedule, Schedule, Stage, VuStep, format_duration};
use std::time::Duration;

/// Made by [`per_vu_iterations`].
#[derive(Debug, Clone)]
pub struct PerVuIterations {
    iterations: u64,
    vus: u64,
    max_duration: Duration,
}

/// `iterations` iterations for each VU; one VU unless [`vus`](PerVuIterations::vus) says more.
pub fn per_vu_iterations(iterations: u64) -> PerVuIterations {
    PerVuIterations { iterations, vus: 1, max_duration: DEFAULT_MAX_DURATION }
}

impl PerVuIterations {
    /// How many VUs there are. Default: 1.
    pub fn vus(mut self, vus: u64) -> Self {
        self.vus = vus;
        self
    }

    /// When to stop even if iterations are left; those count as `dropped_iterations`. Default: 10 minutes.
    pub fn max_duration(mut self, limit: Duration) -> Self {
        self.max_duration = limit;
        self
    }
}

shared_options!(PerVuIterations);

impl Plan for PerVuIterations {
    fn name(&self) -> &'static str {
        "per-vu-iterations"
    }

    fn describe(&self) -> String {
        let limit = format_duration(self.max_duration);
        format!(
            "{} for each of {}, at most {limit}",
            counted(self.iterations, "iteration"),
            counted(self.vus, "VU")
        )
    }

    fn schedule(&self) -> Result<Schedule, PlanError> {
        require_vus(self.name(), self.vus)?;
        require_duration(self.name(), "maximum duration", self.max_duration)?;
        if self.iterations == 0 {
            return Err(PlanError::new(self.name(), "0 iterations do nothing: give at least 1"));
        }
        Ok(Schedule::Closed(ClosedSchedule {
            steps: vec![VuStep { at: Duration::ZERO, vus: self.vus }],
            budget: Budget::PerVu(self.iterations),
            end: self.max_duration,
            graceful_ramp_down: Duration::ZERO,
        }))
    }

    fn stages(&self) -> Vec<Stage> {
        Stage::constant_vus(self.vus, self.max_duration)
    }
}
