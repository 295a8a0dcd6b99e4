//! What the numbers mean: thresholds that decide the exit code, and whether the generator itself can be trusted.

mod abort;
mod aggregation;
mod generator;
mod measure;
mod text;
mod threshold;

pub use abort::Aborted;
pub use aggregation::Aggregation;
pub use generator::{Generator, Soundness};
pub(crate) use generator::{Observed, Starved, judge};
pub use measure::{Bound, Measure, Ratio};
pub(crate) use text::{check_scenario, nearest, parse_threshold};
pub use threshold::{Threshold, ThresholdError, ThresholdResult};
