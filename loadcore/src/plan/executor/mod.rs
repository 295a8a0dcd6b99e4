//! Executors: how a scenario's iterations are spread over VUs and time.
//!
//! Each lives in a file of its own and is made by the function of its name. All of them share
//! [`start_after`](Executor::start_after), [`after`](Executor::after), [`graceful_stop`](Executor::graceful_stop),
//! [`min_iteration_duration`](Executor::min_iteration_duration) and [`iteration_timeout`](Executor::iteration_timeout).
//! These turn a builder into an [`Executor`], so a builder's own options stand in front of them:
//!
//! ```
//! # use loadcore::prelude::*;
//! # let executor =
//! constant_arrival_rate(per_sec(40), mins(5)).poisson().max_vus(500).after("warmup").graceful_stop(secs(5))
//! # ;
//! # assert_eq!(executor.name(), "constant-arrival-rate");
//! ```
//!
//! A configuration that cannot be run is a [`PlanError`], found before the test starts.

mod constant_arrival_rate;
mod constant_vus;
mod open;
mod per_vu_iterations;
mod ramp;
mod ramping_arrival_rate;
mod ramping_vus;
mod shared_iterations;

use super::{Schedule, Stage, format_duration};
use std::sync::Arc;
use std::time::Duration;

pub use constant_arrival_rate::{ConstantArrivalRate, constant_arrival_rate};
pub use constant_vus::{ConstantVus, constant_vus};
pub use per_vu_iterations::{PerVuIterations, per_vu_iterations};
pub use ramping_arrival_rate::{RampingArrivalRate, ramping_arrival_rate};
pub use ramping_vus::{RampingVus, ramping_vus};
pub use shared_iterations::{SharedIterations, shared_iterations};

/// How long iterations may still run after their scenario's regular end, when nothing else is said (as in k6).
pub const DEFAULT_GRACEFUL_STOP: Duration = Duration::from_secs(30);
/// The longest an iteration-bound executor runs, when nothing else is said (as in k6).
pub const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(600);

/// The longest plan, since instants are counted in nanoseconds: 584 years.
const LONGEST: Duration = Duration::from_nanos(u64::MAX);

/// A configuration that cannot be run: what is wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{executor}: {problem}")]
pub struct PlanError {
    executor: &'static str,
    problem: String,
}

impl PlanError {
    pub(crate) fn new(executor: &'static str, problem: impl Into<String>) -> Self {
        Self { executor, problem: problem.into() }
    }

    /// What is wrong, without the executor: for whoever has not named one.
    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }
}

/// What each executor's file provides: a name, a description for the banner, and the checked schedule.
pub(crate) trait Plan: std::fmt::Debug + Send + Sync {
    /// As in k6: `constant-vus`.
    fn name(&self) -> &'static str;
    /// `10 looping VUs for 1m`.
    fn describe(&self) -> String;
    /// The schedule, or what is wrong with the configuration.
    fn schedule(&self) -> Result<Schedule, PlanError>;
    /// The same for people, stage by stage. Asked only of a configuration that has a schedule.
    fn stages(&self) -> Vec<Stage>;
}

/// Any executor, with the options all of them share.
#[derive(Debug, Clone)]
pub struct Executor {
    plan: Arc<dyn Plan>,
    pub(crate) start_after: Duration,
    /// The scenario that comes before.
    pub(crate) after: Option<String>,
    pub(crate) graceful_stop: Duration,
    pub(crate) min_iteration_duration: Duration,
    pub(crate) iteration_timeout: Option<Duration>,
}

impl Executor {
    pub(crate) fn of(plan: impl Plan + 'static) -> Self {
        Self {
            plan: Arc::new(plan),
            start_after: Duration::ZERO,
            after: None,
            graceful_stop: DEFAULT_GRACEFUL_STOP,
            min_iteration_duration: Duration::ZERO,
            iteration_timeout: None,
        }
    }

    /// Starts the scenario this long after the test's start, or after the end of the scenario that it comes
    /// [`after`](Executor::after). Default: 0.
    pub fn start_after(mut self, delay: Duration) -> Self {
        self.start_after = delay;
        self
    }

    /// Starts the scenario when the one of this name has ended: its plan is over and the last of its VUs is gone. In real
    /// time that is within a few milliseconds, and the same instant on all cores.
    ///
    /// That there is no such scenario, that it is the scenario itself, or that several wait for each other, is an error
    /// before the start. If `--scenario` leaves the earlier one out, nobody waits for it. Default: it waits for none.
    pub fn after(mut self, scenario: impl Into<String>) -> Self {
        self.after = Some(scenario.into());
        self
    }

    /// An iteration that took less is followed by a pause for the rest, before its VU takes the next one. The pause does
    /// not count in `iteration_duration`, and ends with the scenario's plan. Default: 0. See also
    /// [`Vu::pace`](crate::Vu::pace).
    pub fn min_iteration_duration(mut self, least: Duration) -> Self {
        self.min_iteration_duration = least;
        self
    }

    /// Cuts an iteration that takes longer: it has failed, with the kind `timeout` and the scenario's place, and its
    /// duration counts. A `#[vu_setup]` has the same time. Default: none. 0 is an error before the start.
    pub fn iteration_timeout(mut self, most: Duration) -> Self {
        self.iteration_timeout = Some(most);
        self
    }

    /// How long running iterations may go on after the regular end, before they are interrupted. Default: 30 s; 0 cuts
    /// them at once.
    pub fn graceful_stop(mut self, grace: Duration) -> Self {
        self.graceful_stop = grace;
        self
    }

    /// The executor's name as k6 spells it, such as `constant-vus`.
    pub fn name(&self) -> &'static str {
        self.plan.name()
    }

    /// One line for people: what it does, and the options that differ from nothing.
    pub fn describe(&self) -> String {
        let mut options = Vec::new();
        if let Some(before) = &self.after {
            options.push(format!("after {before}"));
        }
        if !self.start_after.is_zero() {
            options.push(format!("start after {}", format_duration(self.start_after)));
        }
        if !self.min_iteration_duration.is_zero() {
            options.push(format!("iterations of at least {}", format_duration(self.min_iteration_duration)));
        }
        if let Some(most) = self.iteration_timeout {
            options.push(format!("iteration timeout {}", format_duration(most)));
        }
        if !self.graceful_stop.is_zero() {
            options.push(format!("graceful stop {}", format_duration(self.graceful_stop)));
        }
        let suffix = if options.is_empty() { String::new() } else { format!(" ({})", options.join(", ")) };
        self.plan.describe() + &suffix
    }

    /// What the engine shall do, counted from the start of the scenario.
    ///
    /// # Errors
    /// If the configuration cannot be run, such as a duration of zero.
    pub fn schedule(&self) -> Result<Schedule, PlanError> {
        if self.iteration_timeout == Some(Duration::ZERO) {
            let problem = "an iteration timeout of 0s lets no iteration pass: give for example secs(5)";
            return Err(PlanError::new(self.name(), problem));
        }
        self.plan.schedule()
    }

    /// The same as [`schedule`](Executor::schedule) for people: its stages in order of time, each with its VUs, or with
    /// its rate and how many iterations start in it. Computed, not counted: of any length at once.
    ///
    /// # Errors
    /// As [`schedule`](Executor::schedule).
    pub fn stages(&self) -> Result<Vec<Stage>, PlanError> {
        self.plan.schedule()?;
        Ok(self.plan.stages())
    }
}

/// One VU and one iteration: what a scenario does when nobody chose an executor (as in k6).
impl Default for Executor {
    fn default() -> Self {
        per_vu_iterations(1).into()
    }
}

/// Gives an executor's builder the shared options and the way into [`Executor`].
macro_rules! shared_options {
    ($builder:ty) => {
        impl From<$builder> for $crate::plan::Executor {
            fn from(plan: $builder) -> Self {
                Self::of(plan)
            }
        }

        impl $builder {
            /// Starts the scenario this long after the test's start. Default: 0.
            pub fn start_after(self, delay: ::std::time::Duration) -> $crate::plan::Executor {
                $crate::plan::Executor::from(self).start_after(delay)
            }

            /// Starts the scenario when the one of this name has ended: see
            /// [`Executor::after`]($crate::plan::Executor::after).
            pub fn after(self, scenario: impl Into<String>) -> $crate::plan::Executor {
                $crate::plan::Executor::from(self).after(scenario)
            }

            /// The least time from the start of an iteration to that of its VU's next one. Default: 0. See
            /// [`Executor::min_iteration_duration`]($crate::plan::Executor::min_iteration_duration).
            pub fn min_iteration_duration(self, least: ::std::time::Duration) -> $crate::plan::Executor {
                $crate::plan::Executor::from(self).min_iteration_duration(least)
            }

            /// The most time an iteration may take before it is cut and has failed. Default: none. See
            /// [`Executor::iteration_timeout`]($crate::plan::Executor::iteration_timeout).
            pub fn iteration_timeout(self, most: ::std::time::Duration) -> $crate::plan::Executor {
                $crate::plan::Executor::from(self).iteration_timeout(most)
            }

            /// How long running iterations may go on after the regular end. Default: 30 s; 0 cuts them at once.
            pub fn graceful_stop(self, grace: ::std::time::Duration) -> $crate::plan::Executor {
                $crate::plan::Executor::from(self).graceful_stop(grace)
            }
        }
    };
}
pub(crate) use shared_options;

/// The checks that several executors share.
pub(crate) fn require_vus(executor: &'static str, vus: u64) -> Result<(), PlanError> {
    const MOST: u64 = 100_000_000;
    match vus {
        0 => Err(PlanError::new(executor, "0 VUs do nothing: give at least 1")),
        1..=MOST => Ok(()),
        _ => Err(PlanError::new(executor, format!("{vus} VUs are more than the {MOST} that are possible"))),
    }
}

/// What all stages take together.
fn total(lengths: impl Iterator<Item = Duration>) -> Duration {
    lengths.fold(Duration::ZERO, Duration::saturating_add)
}

fn require_total(executor: &'static str, total: Duration) -> Result<(), PlanError> {
    if total > LONGEST {
        let problem = "the stages take more than 584 years in all: give shorter ones, for example mins(5)";
        return Err(PlanError::new(executor, problem));
    }
    require_duration(executor, "total of all stages", total)
}

pub(crate) fn require_duration(executor: &'static str, what: &str, value: Duration) -> Result<(), PlanError> {
    if value.is_zero() {
        return Err(PlanError::new(
            executor,
            format!("a {what} of 0s does nothing: give for example secs(30)"),
        ));
    }
    Ok(())
}
