//! What the numbers mean: thresholds that decide the exit code, and whether the generator itself can be trusted.

mod generator;
mod threshold;

pub use generator::{Generator, Soundness};
pub(crate) use generator::{Observed, judge};
pub use threshold::{Aggregation, Bound, Measure, Ratio, Threshold, ThresholdError, ThresholdResult};
