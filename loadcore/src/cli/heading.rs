//! What banner and plan tell of the test as a whole, above its scenarios.

use crate::load_test::{LoadTest, Prepared};
use std::fmt::Write as _;

/// What banner and plan say in the place of a base URL.
const NO_BASE_URL: &str = "(no base URL: only whole URLs can be requested)";

/// What a test was told, which is used up when it is prepared.
pub(super) struct Heading {
    pub(super) base_url: Option<String>,
    /// None: a new one each time.
    pub(super) seed: Option<u64>,
    /// None: no cap.
    pub(super) rps: Option<f64>,
}

impl Heading {
    pub(super) fn of(test: &LoadTest) -> Self {
        Self { base_url: test.base_url.clone(), seed: test.seed, rps: test.max_requests_per_second }
    }

    /// A line for each fact.
    pub(super) fn text(&self, prepared: &Prepared, seed: &str) -> String {
        let target = self.base_url.as_deref().unwrap_or(NO_BASE_URL);
        let cores = prepared.job.cores;
        let mut text = format!("  target   {target}\n  cores    {cores}\n  seed     {seed}\n");
        if let Some(rps) = self.rps {
            let _ = writeln!(text, "  requests at most {rps}/s");
        }
        // Without an arrival there is nothing to spin for.
        if prepared.job.spin_arrivals && prepared.scenarios.iter().any(|scenario| scenario.is_open) {
            text.push_str("  arrivals by spinning, at the price of whole cores\n");
        }
        text
    }
}
