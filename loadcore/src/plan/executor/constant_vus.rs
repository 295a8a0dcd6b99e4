//! A fixed number of VUs that loop for a fixed time.

use super::{Plan, PlanError, require_duration, require_vus, shared_options};
use crate::plan::number::counted;
use crate::plan::{Budget, ClosedSchedule, Schedule, Stage, VuStep, format_duration};
use std::time::Duration;

/// Made by [`constant_vus`].
#[derive(Debug, Clone)]
pub struct ConstantVus {
    vus: u64,
    duration: Duration,
}

/// `vus` VUs loop for `duration`: `constant_vus(10, secs(30))`, or `constant_vus(10, 30s)` in the attribute.
pub fn constant_vus(vus: u64, duration: Duration) -> ConstantVus {
    ConstantVus { vus, duration }
}

shared_options!(ConstantVus);

impl Plan for ConstantVus {
    fn name(&self) -> &'static str {
        "constant-vus"
    }

    fn describe(&self) -> String {
        format!("{} for {}", counted(self.vus, "looping VU"), format_duration(self.duration))
    }

    fn schedule(&self) -> Result<Schedule, PlanError> {
        require_vus(self.name(), self.vus)?;
        require_duration(self.name(), "duration", self.duration)?;
        Ok(Schedule::Closed(ClosedSchedule {
            steps: vec![VuStep { at: Duration::ZERO, vus: self.vus }],
            budget: Budget::Unlimited,
            end: self.duration,
            graceful_ramp_down: Duration::ZERO,
        }))
    }

    fn stages(&self) -> Vec<Stage> {
        Stage::constant_vus(self.vus, self.duration)
    }
}
