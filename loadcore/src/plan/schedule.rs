//! What an executor asks of the engine, as data that one of two drivers follows.

use std::fmt;
use std::time::Duration;

/// The whole of what an executor wants to happen, counted from the start of its scenario.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// A closed model: VUs loop, each starting its next iteration when the last one ended.
    Closed(ClosedSchedule),
    /// An open model: iterations start at given instants, whatever became of the earlier ones.
    Open(OpenSchedule),
}

/// VU counts over time, and how many iterations there are to share.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedSchedule {
    /// How many VUs are active from each instant on, in order of time. Lower VU numbers live longest.
    pub steps: Vec<VuStep>,
    /// What limits the number of iterations.
    pub budget: Budget,
    /// When no further iteration may start.
    pub end: Duration,
    /// How long a VU that the plan takes away may go on with its iteration before it is cut.
    pub graceful_ramp_down: Duration,
}

/// From `at` on, `vus` VUs are active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VuStep {
    /// Since the start of the scenario.
    pub at: Duration,
    /// The number of active VUs.
    pub vus: u64,
}

/// How many iterations a closed model may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// As many as fit into the time.
    Unlimited,
    /// This many, which all VUs take from together.
    Shared(u64),
    /// This many for each VU.
    PerVu(u64),
}

/// Instants at which iterations are due, and the most VUs that may serve them.
#[derive(Debug, Clone)]
pub struct OpenSchedule {
    /// When each iteration is due.
    pub arrivals: Arrivals,
    /// The most iterations that may be in flight at once. `None`: the engine decides from the rate and the machine.
    pub max_vus: Option<u64>,
    /// Peak rate per second, from which a missing `max_vus` is derived.
    pub peak_rate: f64,
    /// When no further iteration may start.
    pub end: Duration,
}

/// The due instants of an open model, in order. Each call of [`Arrivals::iter`] starts from the first one.
#[derive(Clone)]
pub struct Arrivals(std::sync::Arc<dyn Fn() -> ArrivalIter + Send + Sync>);

type ArrivalIter = Box<dyn Iterator<Item = Duration>>;

impl Arrivals {
    /// Arrivals from a function that makes the iterator.
    pub fn new<I>(make: impl Fn() -> I + Send + Sync + 'static) -> Self
    where
        I: Iterator<Item = Duration> + 'static,
    {
        Self(std::sync::Arc::new(move || Box::new(make())))
    }

    /// The instants, since the start of the scenario.
    pub fn iter(&self) -> impl Iterator<Item = Duration> + use<> {
        (self.0)()
    }
}

impl fmt::Debug for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().take(4)).finish_non_exhaustive()
    }
}

impl ClosedSchedule {
    /// The most VUs that are ever active.
    pub fn max_vus(&self) -> u64 {
        self.steps.iter().map(|step| step.vus).max().unwrap_or(0)
    }

    /// How many iterations there are in all, if that is fixed.
    pub fn iterations(&self) -> Option<u64> {
        match self.budget {
            Budget::Unlimited => None,
            Budget::Shared(iterations) => Some(iterations),
            Budget::PerVu(each) => Some(each * self.max_vus()),
        }
    }
}

impl OpenSchedule {
    /// How many VUs the arrivals of ten seconds take, if each holds one for as long.
    pub(crate) fn vus_of_ten_seconds(&self) -> u64 {
        (self.peak_rate * 10.0).ceil().max(1.0) as u64
    }
}

impl Schedule {
    /// When no further iteration may start, since the start of the scenario.
    pub fn end(&self) -> Duration {
        match self {
            Self::Closed(closed) => closed.end,
            Self::Open(open) => open.end,
        }
    }
}
