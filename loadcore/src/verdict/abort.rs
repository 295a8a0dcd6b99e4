//! The threshold that ended a test before its time.

use super::Threshold;
use std::time::Duration;

/// Which threshold has stopped the test, by which number, and when.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Aborted {
    /// The threshold, one with [`abort_on_fail`](Threshold::abort_on_fail).
    pub threshold: Threshold,
    /// The number that broke it, in milliseconds for times.
    pub observed: f64,
    /// When, since the first scenario started.
    pub at: Duration,
}
