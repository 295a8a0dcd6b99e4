//! What a test says about requests that are sent together.

use super::{Http, OptionsError};

/// Each number is the user's, or the default.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) total: usize,
    pub(crate) per_host: usize,
}

/// As in k6.
impl Default for Batch {
    fn default() -> Self {
        Self { total: 20, per_host: 6 }
    }
}

impl Batch {
    pub(super) fn problem(&self) -> Option<OptionsError> {
        let limits = [("batch", self.total), ("batch per host", self.per_host)];
        let (option, _) = limits.into_iter().find(|(_, most)| *most == 0)?;
        let problem = "no request of a batch could ever be sent; give at least 1";
        Some(OptionsError::Unusable { option, given: "0".to_owned(), problem: problem.to_owned() })
    }
}

impl Http {
    /// How many requests of one [`Vu::batch`](crate::Vu::batch) are under way at a time. Default: 20, as in k6.
    pub fn batch(mut self, total: usize) -> Self {
        self.batch.total = total;
        self
    }

    /// How many of them to one host (of the same scheme and port). Default: 6, as in k6 and browsers.
    pub fn batch_per_host(mut self, most: usize) -> Self {
        self.batch.per_host = most;
        self
    }
}
