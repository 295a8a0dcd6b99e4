//! Where a journey stands: in its scenario, and in the whole process.

use super::Vu;
use super::job::ScenarioJob;
use super::tally::Sum;
use crate::plan::Schedule;
use std::time::Duration;

/// Numbers of this process, over all its scenarios and cores, as they are just now. See [`Vu::instance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// VUs that exist at this time, idle ones included.
    pub vus: u64,
    /// VUs that the plan wants, and those that only finish their last iteration.
    pub active_vus: u64,
    /// Iterations that have ended, well or badly.
    pub iterations: u64,
    /// Iterations that were cut, or ended with their data.
    pub interrupted_iterations: u64,
}

impl Vu {
    /// The scenario's executor as k6 names it, such as `constant-vus`; empty in setup and teardown.
    pub fn executor(&self) -> &'static str {
        self.scenario_job().map_or("", |scenario| scenario.executor)
    }

    /// When the scenario started, since the test's start; 0 in setup and teardown.
    pub fn scenario_start(&self) -> Duration {
        let start = self.scenario_job().map_or(0, |_| {
            let core = &self.state.core;
            self.state.scope.start.get().saturating_sub(core.start())
        });
        Duration::from_nanos(start)
    }

    /// Time since the scenario's start; in setup and teardown since the test's, as [`elapsed`](Vu::elapsed).
    pub fn scenario_elapsed(&self) -> Duration {
        self.elapsed().saturating_sub(self.scenario_start())
    }

    /// How far the scenario has come, from 0 to 1: by the iterations that have ended in this process if their number is
    /// fixed, else by time. 0 in setup and teardown.
    ///
    /// Asking takes a look at each core's numbers: cheap, but not as cheap as [`iteration`](Vu::iteration).
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let page = if vu.progress() < 0.5 { "/v1/products" } else { "/v2/products" };
    /// vu.get(page).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn progress(&self) -> f64 {
        self.scenario_job().map_or(0.0, |scenario| scenario.progress(self.scenario_elapsed()))
    }

    /// How many VUs and iterations there are in this process. Other cores go on meanwhile, so that the numbers need not be
    /// of one instant.
    pub fn instance(&self) -> Instance {
        let scenarios = &self.state.core.job.scenarios;
        let sum = Sum::of(scenarios.iter().flat_map(|scenario| &scenario.shared.tallies));
        Instance {
            vus: sum.vus,
            active_vus: sum.active_vus,
            iterations: sum.iterations,
            interrupted_iterations: sum.interrupted,
        }
    }

    /// None in setup and teardown.
    pub(super) fn scenario_job(&self) -> Option<&ScenarioJob> {
        let name = self.scenario();
        self.state.core.job.scenarios.iter().find(|scenario| scenario.name == name)
    }
}

impl ScenarioJob {
    fn progress(&self, elapsed: Duration) -> f64 {
        let total = match &self.schedule {
            Schedule::Closed(plan) => plan.iterations(),
            Schedule::Open(_) => None,
        };
        let part = match total {
            Some(total) => {
                let sum = Sum::of(&self.shared.tallies);
                (sum.iterations + sum.interrupted) as f64 / total as f64
            }
            None => elapsed.as_secs_f64() / self.schedule.end().as_secs_f64(),
        };
        part.clamp(0.0, 1.0)
    }
}
