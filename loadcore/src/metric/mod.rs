//! The narrow waist: what is measured, how it is recorded on a core, and how it merges.
//!
//! ```text
//! Recorder (one per core, no locks) --Delta, each second--> Aggregate (one) --> thresholds, summary, outputs
//! ```
//!
//! A `Delta` is also what a worker will send over the wire: identities are announced once, then only dense ids and
//! numbers travel.

mod aggregate;
pub(crate) mod builtin;
mod delta;
mod handle;
mod history;
mod kind;
mod memory;
mod recorder;
mod registry;
mod selector;
mod stats;
mod tags;
mod trend;

pub use aggregate::{Aggregate, ErrorGroup, SeriesView};
pub use builtin::*;
pub(crate) use delta::{CoreHealth, Delta};
pub use handle::{Bytes, Counter, Gauge, Metric, Plain, Rate, Time, Trend, Unit};
pub use history::HistoryPoint;
pub use kind::{Contains, Kind, MetricDesc};
pub(crate) use memory::SeriesMemory;
pub(crate) use recorder::{Recorder, RowKey, RowSample, RowSpec};
pub use registry::MetricError;
pub(crate) use registry::{MetricId, Registry};
pub use selector::{Group, GroupSelector, Select, Selected, Selector};
pub use stats::Stats;
pub(crate) use tags::{EMPTY, OVERFLOW, TagList, TagSetId, TagSets};
pub(crate) use trend::LiveTrend;
pub use trend::{TrendDelta, Value};
