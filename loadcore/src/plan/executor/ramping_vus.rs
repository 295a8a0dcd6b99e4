//! VU numbers that ramp linearly from stage to stage.

use super::{Plan, PlanError, require_total, require_vus, shared_options};
use crate::plan::number::counted;
use crate::plan::{Budget, ClosedSchedule, Schedule, Stage, StageLoad, VuStep, format_duration};
use std::time::Duration;

/// Made by [`ramping_vus`].
#[derive(Debug, Clone)]
pub struct RampingVus {
    start_vus: u64,
    stages: Vec<(Duration, u64)>,
    graceful_ramp_down: Duration,
}

/// VUs ramp to each stage's target over its duration: `ramping_vus([(mins(1), 100), (mins(3), 100), (mins(1), 0)])`.
///
/// Starts from 1 VU unless [`start_vus`](RampingVus::start_vus) says otherwise (as in k6). A stage of 0 s jumps; a stage
/// whose target is the number of VUs already there holds.
pub fn ramping_vus(stages: impl IntoIterator<Item = (Duration, u64)>) -> RampingVus {
    RampingVus {
        start_vus: 1,
        stages: stages.into_iter().collect(),
        graceful_ramp_down: super::DEFAULT_GRACEFUL_STOP,
    }
}

impl RampingVus {
    /// How many VUs there are at the start. Default: 1.
    pub fn start_vus(mut self, vus: u64) -> Self {
        self.start_vus = vus;
        self
    }

    /// How long a VU that is ramped down may go on with its iteration before it is interrupted. Default: 30 s; 0 cuts it
    /// at once.
    pub fn graceful_ramp_down(mut self, grace: Duration) -> Self {
        self.graceful_ramp_down = grace;
        self
    }

    fn peak(&self) -> u64 {
        self.stages.iter().map(|(_, target)| *target).max().unwrap_or(0).max(self.start_vus)
    }

    fn total(&self) -> Duration {
        super::total(self.stages.iter().map(|(duration, _)| *duration))
    }
}

shared_options!(RampingVus);

/// The exact instant of each change by one VU.
///
/// Rule (k6's, `reference` values in the tests): within a stage of length `d` from `a` to `b` VUs the k-th change of
/// `n = |b - a|` happens `d * k / n` after the stage's start, in whole nanoseconds. On a way down a VU leaves when the
/// next lower count begins.
pub(crate) fn ramp_steps(start_vus: u64, stages: &[(Duration, u64)]) -> Vec<VuStep> {
    let mut steps = vec![VuStep { at: Duration::ZERO, vus: start_vus }];
    let (mut vus, mut stage_end) = (start_vus, Duration::ZERO);
    for (duration, target) in stages {
        stage_end += *duration;
        let changes = vus.abs_diff(*target);
        if duration.is_zero() && changes > 0 {
            vus = *target;
            steps.push(VuStep { at: stage_end, vus });
            continue;
        }
        for change in 1..=changes {
            vus = if *target > vus { vus + 1 } else { vus - 1 };
            // Counted back from the stage's end, as k6 does: the last change falls on the end exactly.
            let before_end = duration.as_nanos() * u128::from(changes - change) / u128::from(changes);
            let before_end = Duration::from_nanos(u64::try_from(before_end).unwrap_or(u64::MAX));
            steps.push(VuStep { at: stage_end - before_end, vus });
        }
    }
    steps
}

impl Plan for RampingVus {
    fn name(&self) -> &'static str {
        "ramping-vus"
    }

    fn describe(&self) -> String {
        let (peak, total, stages) =
            (self.peak(), format_duration(self.total()), counted(self.stages.len() as u64, "stage"));
        format!("up to {} for {total} over {stages}", counted(peak, "looping VU"))
    }

    fn schedule(&self) -> Result<Schedule, PlanError> {
        if self.stages.is_empty() {
            return Err(PlanError::new(
                self.name(),
                "there is no stage: give at least one (duration, VUs) pair",
            ));
        }
        require_vus(self.name(), self.peak())?;
        require_total(self.name(), self.total())?;
        Ok(Schedule::Closed(ClosedSchedule {
            steps: ramp_steps(self.start_vus, &self.stages),
            budget: Budget::Unlimited,
            end: self.total(),
            graceful_ramp_down: self.graceful_ramp_down,
        }))
    }

    fn stages(&self) -> Vec<Stage> {
        let (mut start, mut from) = (Duration::ZERO, self.start_vus);
        let stage = |(duration, to): &(Duration, u64)| {
            let stage = Stage { start, end: start + *duration, load: StageLoad::Vus { from, to: *to } };
            (start, from) = (stage.end, *to);
            stage
        };
        self.stages.iter().map(stage).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stages as (seconds, target), steps as `seconds:VUs`.
    fn steps(start: u64, stages: &[(u64, u64)]) -> String {
        let stages: Vec<_> = stages.iter().map(|(s, vus)| (Duration::from_secs(*s), *vus)).collect();
        let steps = ramp_steps(start, &stages);
        steps
            .iter()
            .map(|step| format!("{}:{}", step.at.as_secs_f64(), step.vus))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Expected values from k6 2.2's behaviour for the same stages.
    #[test]
    fn ramps_equal_the_golden_tables() {
        assert_eq!(
            steps(4, &[(2, 6), (5, 1), (4, 5), (4, 1), (3, 4), (2, 4), (0, 1), (3, 1)]),
            "0:4 1:5 2:6 3:5 4:4 5:3 6:2 7:1 8:2 9:3 10:4 11:5 12:4 13:3 14:2 15:1 16:2 17:3 18:4 20:1"
        );
        assert_eq!(steps(2, &[(0, 5), (3, 2)]), "0:2 0:5 1:4 2:3 3:2");
        assert_eq!(steps(3, &[(2, 5)]), "0:3 1:4 2:5");
        assert_eq!(steps(0, &[(2, 2), (2, 0), (2, 2), (2, 0)]), "0:0 1:1 2:2 3:1 4:0 5:1 6:2 7:1 8:0");
        assert_eq!(steps(0, &[(5, 5), (5, 0)]), "0:0 1:1 2:2 3:3 4:4 5:5 6:4 7:3 8:2 9:1 10:0");
    }

    #[test]
    fn impossible_ramps_are_refused() {
        let error = |plan: RampingVus| plan.schedule().unwrap_err().to_string();
        assert!(error(ramping_vus([])).contains("no stage"));
        assert!(error(ramping_vus([(Duration::from_secs(1), 0)]).start_vus(0)).contains("0 VUs"));
        assert!(ramping_vus([(Duration::from_secs(1), 0)]).schedule().is_ok());
        let ages = ramping_vus([(Duration::MAX, 5), (Duration::from_secs(1), 1)]);
        assert!(ages.describe().contains("over 2 stages"), "{}", ages.describe());
        assert!(error(ages).contains("more than 584 years"));
    }
}
