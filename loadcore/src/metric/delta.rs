//! What a core hands over each second.

use super::{MetricId, TagList, TrendDelta, Value};
use std::sync::Arc;

/// Everything a core has seen since its last delta.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    /// Which core.
    pub(crate) core: usize,
    /// The begin of the interval, in nanoseconds of the test's clock.
    pub(crate) since: u64,
    /// The end of the interval, in nanoseconds of the test's clock.
    pub(crate) at: u64,
    /// Until when there was load: the end of the interval, or earlier if no iteration runs any more and none will. In
    /// nanoseconds of the test's clock; 0 if there was none.
    pub(crate) loaded_until: u64,
    /// Series whose dense ids are used here for the first time. Ids are dense and start at 0.
    pub(crate) announced: Vec<(MetricId, TagList)>,
    /// What each series gained, by its id.
    pub(crate) values: Vec<(u32, Value)>,
    /// Iterations that failed.
    pub(crate) errors: Vec<ErrorSample>,
    /// VUs that are active now, by scenario; empty if nothing is said of them.
    pub(crate) vus: Vec<u64>,
    /// How the core itself fares.
    pub(crate) health: CoreHealth,
    /// Samples refused because they were negative or not a number, or because their metric's name is another's.
    pub(crate) rejected: u64,
}

/// Failures of one kind at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ErrorSample {
    pub(crate) kind: Arc<str>,
    pub(crate) place: Arc<str>,
    pub(crate) count: u64,
    /// The first message seen.
    pub(crate) first: String,
}

/// How busy a core was, and how late its event loop ran.
#[derive(Debug, Clone, Default)]
pub(crate) struct CoreHealth {
    /// Time the core's thread spent working.
    pub(crate) busy_ns: u64,
    /// Time that passed.
    pub(crate) wall_ns: u64,
    /// How late a timer of the event loop fired, in nanoseconds.
    pub(crate) lag: TrendDelta,
}
