//! Measuring any other client: `vu.measure("db.query", async |vu: &Vu| ..)`.

use crate::error::Result;
use crate::metric::{Metric, MetricDesc, Rate, Time, Trend};
use crate::run::Vu;

/// How long a measured part took. k6 has no such metric.
pub const MEASURE_DURATION: Trend<Time> = Trend::new("measure_duration").builtin();
/// The share of measured parts that returned an error. k6 has no such metric.
pub const MEASURE_FAILED: Rate = Rate::new("measure_failed").builtin();

/// Every metric of this file.
pub(super) fn all() -> [MetricDesc; 2] {
    [MEASURE_DURATION.desc(), MEASURE_FAILED.desc()]
}

impl Vu {
    /// Measures a part of the journey that uses another client, such as a database: its duration and whether it failed
    /// are counted under the name, as the tag `name`.
    ///
    /// The closure is written `async |vu: &Vu| Ok(..)`. Its handle has a span of its own, so that
    /// [`vu.trace()`](Vu::trace) can be passed on to that client.
    ///
    /// # Errors
    /// What the closure returns.
    pub async fn measure<T>(&self, name: &str, body: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        let core = &self.state.core;
        let tags = core.recorder.borrow_mut().tags.with(self.tags, "name", name);
        let started = self.now();
        let outcome = body(&self.child(self.tags)).await;
        let now = self.now();
        let mut recorder = core.recorder.borrow_mut();
        // Registered before the start.
        if let (Some(duration), Some(failed)) =
            (recorder.metric(&MEASURE_DURATION.desc()), recorder.metric(&MEASURE_FAILED.desc()))
        {
            recorder.time(duration, tags, now.saturating_sub(started));
            recorder.sample(failed, tags, f64::from(u8::from(outcome.is_err())), now);
        }
        outcome
    }
}
