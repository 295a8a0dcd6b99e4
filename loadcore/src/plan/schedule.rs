//! What an executor asks of the engine, as data that one of two drivers follows.

use std::fmt;
use std::sync::Arc;
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
    /// Whether arrivals wait for a VU, in order, when `max_vus` of them are busy. Otherwise those are dropped.
    pub queue: bool,
    /// Peak rate per second, from which a missing `max_vus` is derived.
    pub peak_rate: f64,
    /// When no further iteration may start.
    pub end: Duration,
}

/// The due instants of an open model, in order. Each call of [`Arrivals::iter`] starts from the first one.
#[derive(Clone)]
pub struct Arrivals {
    make: Arc<dyn Fn(u64) -> ArrivalIter + Send + Sync>,
    seed: u64,
    random: bool,
}

type ArrivalIter = Box<dyn Iterator<Item = Duration>>;

impl Arrivals {
    /// Arrivals from a function that makes the iterator.
    pub fn new<I>(make: impl Fn() -> I + Send + Sync + 'static) -> Self
    where
        I: Iterator<Item = Duration> + 'static,
    {
        Self { make: Arc::new(move |_| Box::new(make())), seed: 0, random: false }
    }

    /// Random arrivals: from a function that makes the same iterator whenever it is given the same seed.
    pub fn random<I>(make: impl Fn(u64) -> I + Send + Sync + 'static) -> Self
    where
        I: Iterator<Item = Duration> + 'static,
    {
        Self { make: Arc::new(move |seed| Box::new(make(seed))), seed: 0, random: true }
    }

    /// The instants, since the start of the scenario.
    pub fn iter(&self) -> impl Iterator<Item = Duration> + use<> {
        (self.make)(self.seed)
    }

    /// Whether another seed would give other instants.
    pub fn is_random(&self) -> bool {
        self.random
    }

    /// The arrivals of these indices only, which must rise.
    pub(crate) fn only<I>(&self, indices: impl Fn() -> I + Send + Sync + 'static) -> Self
    where
        I: Iterator<Item = u64> + 'static,
    {
        let whole = Arc::clone(&self.make);
        let make = move |seed| {
            let mut wanted = indices().peekable();
            let all = whole(seed).zip(0..);
            Box::new(all.filter_map(move |(due, index)| wanted.next_if_eq(&index).map(|_| due)))
                as ArrivalIter
        };
        Self { make: Arc::new(make), ..self.clone() }
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

    /// How many iterations there are in all, if that is fixed; at most `u64::MAX`.
    pub fn iterations(&self) -> Option<u64> {
        match self.budget {
            Budget::Unlimited => None,
            Budget::Shared(iterations) => Some(iterations),
            Budget::PerVu(each) => Some(each.saturating_mul(self.max_vus())),
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
    /// The same with the instants that this seed gives, where they are random. Without it the seed is 0.
    pub fn seeded(self, seed: u64) -> Self {
        match self {
            Self::Open(open) => {
                Self::Open(OpenSchedule { arrivals: Arrivals { seed, ..open.arrivals }, ..open })
            }
            closed @ Self::Closed(_) => closed,
        }
    }

    /// When no further iteration may start, since the start of the scenario.
    pub fn end(&self) -> Duration {
        match self {
            Self::Closed(closed) => closed.end,
            Self::Open(open) => open.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(schedule: Schedule) -> Vec<Duration> {
        let Schedule::Open(open) = schedule else { panic!("not open") };
        open.arrivals.iter().collect()
    }

    #[test]
    fn a_part_of_random_arrivals_is_a_part_of_the_same_ones_whenever_they_are_seeded() {
        let random = |seed| (1..50).map(move |i| Duration::from_nanos(i * (seed + 10)));
        let arrivals = Arrivals::random(random);
        let thirds = arrivals.only(|| (1..).step_by(3));
        assert!(thirds.is_random() && !Arrivals::new(move || random(0)).is_random());
        let schedule = |arrivals| {
            Schedule::Open(OpenSchedule {
                arrivals,
                max_vus: None,
                queue: false,
                peak_rate: 1.0,
                end: Duration::MAX,
            })
        };
        let of_whole: Vec<_> = open(schedule(arrivals).seeded(7)).into_iter().skip(1).step_by(3).collect();
        assert_eq!(open(schedule(thirds).seeded(7)), of_whole);
        assert_eq!(of_whole[0], Duration::from_nanos(2 * 17));
    }
}
