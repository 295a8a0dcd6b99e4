//! What the numbers mean: thresholds that decide the exit code, and whether the generator itself can be trusted.

mod generator;
mod text;
mod threshold;

pub use generator::{Generator, Soundness};
pub(crate) use generator::{Observed, judge};
pub(crate) use text::parse_threshold;
pub use threshold::{Aggregation, Bound, Measure, Ratio, Threshold, ThresholdError, ThresholdResult};
