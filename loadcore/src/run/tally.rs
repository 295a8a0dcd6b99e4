//! How far a scenario is on each core, for whoever asks: reading sums over cores, counting touches the own core's alone.

use super::job::Job;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One scenario's numbers on one core, which alone writes them. On a cache line of its own, lest cores slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    vus: AtomicU64,
    active_vus: AtomicU64,
    iterations: AtomicU64,
    interrupted: AtomicU64,
}

/// The same, summed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// VUs that exist.
    pub(crate) vus: u64,
    pub(crate) active_vus: u64,
    /// Iterations that have ended, well or badly.
    pub(crate) iterations: u64,
    pub(crate) interrupted: u64,
}

impl Sum {
    pub(crate) fn of<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> Self {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        tallies.into_iter().fold(Self::default(), |sum, tally| Self {
            vus: sum.vus + read(&tally.vus),
            active_vus: sum.active_vus + read(&tally.active_vus),
            iterations: sum.iterations + read(&tally.iterations),
            interrupted: sum.interrupted + read(&tally.interrupted),
        })
    }
}

/// One writer needs no atomic addition.
fn write(number: &AtomicU64, change: impl FnOnce(u64) -> u64) {
    number.store(change(number.load(Ordering::Relaxed)), Ordering::Relaxed);
}

/// Where one core counts one scenario.
pub(crate) struct Counting {
    job: Arc<Job>,
    scenario: usize,
    core: usize,
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tally().fmt(f)
    }
}

impl Counting {
    pub(crate) fn new(job: &Arc<Job>, scenario: usize, core: usize) -> Self {
        Self { job: Arc::clone(job), scenario, core }
    }

    fn tally(&self) -> &Tally {
        &self.job.scenarios[self.scenario].shared.tallies[self.core]
    }

    pub(crate) fn active_vus(&self) -> u64 {
        self.tally().active_vus.load(Ordering::Relaxed)
    }

    pub(crate) fn vu_created(&self) {
        write(&self.tally().vus, |vus| vus + 1);
    }

    pub(crate) fn vu_ended(&self) {
        write(&self.tally().vus, |vus| vus - 1);
    }

    /// A VU has become active, or has ceased to be.
    pub(crate) fn vu_active(&self, active: bool) {
        write(&self.tally().active_vus, |vus| if active { vus + 1 } else { vus - 1 });
    }

    pub(crate) fn iteration_ended(&self) {
        write(&self.tally().iterations, |iterations| iterations + 1);
    }

    pub(crate) fn iteration_interrupted(&self) {
        write(&self.tally().interrupted, |iterations| iterations + 1);
    }
}
