//! Scenarios that start when another one has ended.

use super::place;
use crate::run::{Scenario, ScenarioJob, nanos};

/// An [`after`](crate::plan::Executor::after) that no run could follow: always found before the start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SequenceError {
    /// There is no scenario of this name.
    #[error(
        "scenario `{scenario}` ({place}): it shall start after `{before}`, which is no scenario of this test; there are: \
         {known}"
    )]
    Unknown {
        /// The scenario that waits.
        scenario: String,
        /// Where it is declared.
        place: String,
        /// The name it gives.
        before: String,
        /// The names that exist.
        known: String,
    },
    /// The scenario waits for itself.
    #[error(
        "scenario `{scenario}` ({place}): it shall start after itself, and never would; name the one before it"
    )]
    Itself {
        /// The scenario.
        scenario: String,
        /// Where it is declared.
        place: String,
    },
    /// Several scenarios wait for each other.
    #[error("the scenarios wait for each other, and never would start: {circle}; take one `after` away")]
    Circle {
        /// `a` after `b` after `a`.
        circle: String,
    },
}

/// For each scenario the index of the one before it.
fn predecessors(scenarios: &[Scenario]) -> Result<Vec<Option<usize>>, SequenceError> {
    let predecessor = |(index, scenario): (usize, &Scenario)| {
        let Some(before) = scenario.executor.as_ref().and_then(|executor| executor.after.as_ref()) else {
            return Ok(None);
        };
        let (name, place) = (scenario.name().to_owned(), place(scenario.site));
        match scenarios.iter().position(|other| other.name() == before) {
            Some(found) if found == index => Err(SequenceError::Itself { scenario: name, place }),
            Some(found) => Ok(Some(found)),
            None => {
                let known: Vec<&str> = scenarios.iter().map(Scenario::name).collect();
                let (before, known) = (before.clone(), known.join(", "));
                Err(SequenceError::Unknown { scenario: name, place, before, known })
            }
        }
    };
    let predecessors = scenarios.iter().enumerate().map(predecessor).collect::<Result<Vec<_>, _>>()?;
    for index in 0..scenarios.len() {
        let mut path = vec![index];
        while let Some(before) = predecessors[path[path.len() - 1]] {
            path.push(before);
            if before == index {
                let names: Vec<_> = path.iter().map(|at| format!("`{}`", scenarios[*at].name())).collect();
                return Err(SequenceError::Circle { circle: names.join(" after ") });
            }
            if path.len() > scenarios.len() {
                // It waits for scenarios that wait for each other: they are told when it is their turn.
                break;
            }
        }
    }
    Ok(predecessors)
}

/// Tells each job which one comes before it, and when it starts at the latest.
pub(super) fn put_in_order(scenarios: &[Scenario], jobs: &mut [ScenarioJob]) -> Result<(), SequenceError> {
    let predecessors = predecessors(scenarios)?;
    for index in 0..jobs.len() {
        jobs[index].after = predecessors[index];
        let mut start = jobs[index].start_after;
        let mut at = index;
        while let Some(before) = predecessors[at] {
            let job = &jobs[before];
            let takes = nanos(job.schedule.end()).saturating_add(job.graceful_stop);
            start = start.saturating_add(takes).saturating_add(job.start_after);
            at = before;
        }
        jobs[index].latest_start = start;
    }
    Ok(())
}
