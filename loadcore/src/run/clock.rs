//! The seam between plans and time: real, or virtual for tests.

use std::time::{Duration, Instant};

/// Nanoseconds of the test's clock, which starts before the first VU does.
pub(crate) type Nanos = u64;

/// Not every system's clock reaches further; to those who wait for ever it is all the same.
const CENTURY: Nanos = 100 * 365 * 86_400 * 1_000_000_000;

/// Who acts first when several timers are due at the same instant. Only virtual time can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Drivers: what the plan says about this instant holds for everything that happens in it.
    Plan,
    /// Journeys.
    Vu,
    /// Deltas: an interval includes what happened at its last instant.
    Delta,
}

/// Tells and waits for the time.
#[derive(Debug, Clone)]
pub(crate) enum Clock {
    /// Monotonic time since this instant.
    Real(Instant),
    #[cfg(feature = "test-util")]
    Virtual(super::virtual_time::VirtualClock),
}

impl Clock {
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        match self {
            Self::Real(origin) => nanos(origin.elapsed()),
            #[cfg(feature = "test-util")]
            Self::Virtual(clock) => clock.now(),
        }
    }

    pub(crate) async fn sleep_until(&self, at: Nanos, turn: Turn) {
        match self {
            Self::Real(origin) => {
                let _ = turn;
                tokio::time::sleep_until((*origin + Duration::from_nanos(at.min(CENTURY))).into()).await;
            }
            #[cfg(feature = "test-util")]
            Self::Virtual(clock) => clock.sleep_until(at, turn).await,
        }
    }

    /// When it began, if it is real.
    pub(crate) fn origin(&self) -> Option<Instant> {
        match self {
            Self::Real(origin) => Some(*origin),
            #[cfg(feature = "test-util")]
            Self::Virtual(_) => None,
        }
    }

    /// Whether timers of the event loop can be late at all.
    pub(crate) fn is_real(&self) -> bool {
        matches!(self, Self::Real(_))
    }
}

/// A duration as nanoseconds; 584 years at most.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
