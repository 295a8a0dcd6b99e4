//! A fixed number of iterations that all VUs take from together.

use super::{DEFAULT_MAX_DURATION, Plan, PlanError, require_duration, require_vus, shared_options};
use crate::plan::number::counted;
use crate::plan::{Budget, ClosedSchedule, Schedule, Stage, VuStep, format_duration};
use std::time::Duration;

/// Made by [`shared_iterations`].
#[derive(Debug, Clone)]
pub struct SharedIterations {
    iterations: u64,
    vus: u64,
    max_duration: Duration,
}

/// `iterations` iterations in all, by one VU unless [`vus`](SharedIterations::vus) says more: a fast VU does more of
/// them than a slow one.
pub fn shared_iterations(iterations: u64) -> SharedIterations {
    SharedIterations { iterations, vus: 1, max_duration: DEFAULT_MAX_DURATION }
}

impl SharedIterations {
    /// How many VUs share the iterations. Default: 1; at most the number of iterations.
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

shared_options!(SharedIterations);

impl Plan for SharedIterations {
    fn name(&self) -> &'static str {
        "shared-iterations"
    }

    fn describe(&self) -> String {
        let limit = format_duration(self.max_duration);
        format!(
            "{} shared among {}, at most {limit}",
            counted(self.iterations, "iteration"),
            counted(self.vus, "VU")
        )
    }

    fn schedule(&self) -> Result<Schedule, PlanError> {
        require_vus(self.name(), self.vus)?;
        require_duration(self.name(), "maximum duration", self.max_duration)?;
        if self.iterations < self.vus {
            let problem = format!(
                "{} iterations cannot occupy {} VUs: give at least as many iterations as VUs",
                self.iterations, self.vus
            );
            return Err(PlanError::new(self.name(), problem));
        }
        Ok(Schedule::Closed(ClosedSchedule {
            steps: vec![VuStep { at: Duration::ZERO, vus: self.vus }],
            budget: Budget::Shared(self.iterations),
            end: self.max_duration,
            graceful_ramp_down: Duration::ZERO,
        }))
    }

    fn stages(&self) -> Vec<Stage> {
        Stage::constant_vus(self.vus, self.max_duration)
    }
}
