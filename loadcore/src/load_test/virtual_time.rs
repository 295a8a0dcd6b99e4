//! A test under virtual time.

use super::{LoadTest, RunError};
use crate::report::Report;
use crate::run::engine::{Stop, Unobserved};

impl LoadTest {
    /// Runs the test under virtual time, on this thread, as if on `shards` cores: exact to the nanosecond, and done as
    /// soon as everything is computed. For journeys that only wait with [`Vu::sleep`](crate::Vu::sleep): real I/O and
    /// Tokio's own timers do not mix with it. Call it outside of any runtime.
    ///
    /// # Errors
    /// As [`run`](LoadTest::run).
    pub fn run_virtual(self, shards: usize) -> Result<Report, RunError> {
        let prepared = self.cores(shards).prepare()?;
        prepared.run_watched(Stop::new(), &mut Unobserved, |prepared, stop, observer| {
            crate::run::virtual_time::run(&prepared.job, stop, observer).map_err(|error| error.to_string())
        })
    }
}
