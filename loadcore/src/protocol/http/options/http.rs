//! What a test says about its HTTP client.

use super::addresses::Addresses;
use super::batch::Batch;
use super::bodies::Bodies;
use super::connections::Connections;
use super::names::Names;
use super::{Http2, HttpVersions, OptionsError, Tls};
use crate::protocol::http::Statuses;

/// Options of a test's HTTP client, for [`LoadTest::http`](crate::LoadTest::http). What is not said keeps its default.
///
/// ```
/// use loadcore::http::Http;
/// use loadcore::prelude::*;
///
/// let test = LoadTest::new().http(Http::new().max_redirects(3).keep_cookies(true));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Http {
    pub(crate) connections: Connections,
    pub(crate) names: Names,
    pub(crate) addresses: Addresses,
    pub(crate) bodies: Bodies,
    pub(crate) batch: Batch,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) keep_cookies: bool,
    pub(crate) expected: Option<Statuses>,
    pub(crate) versions: HttpVersions,
    pub(crate) http2: Http2,
    pub(crate) tls: Tls,
    #[cfg(feature = "test-util")]
    pub(crate) in_memory: Option<super::super::Answer>,
    #[cfg(feature = "reqwest")]
    pub(crate) via: crate::protocol::http::reqwest::Via,
}

impl Http {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows at most this many redirects for one request; then the redirect itself is handed out, as in k6. Each hop is a
    /// request of its own in all metrics, under its own path; where paths have numbers in them, give the request a
    /// [`name`](super::super::RequestBuilder::name) or a [`path!`](crate::path), which all its hops then have. Default: 10; 0
    /// follows none.
    pub fn max_redirects(mut self, most: u32) -> Self {
        self.max_redirects = Some(most);
        self
    }

    /// Lets each VU keep its cookies from one iteration to the next, for users that come back. Default: false, each iteration
    /// is a new user.
    pub fn keep_cookies(mut self, keep: bool) -> Self {
        self.keep_cookies = keep;
        self
    }

    /// Counts a response as failed in `http_req_failed` unless its status is one of these. Default: 200 to 399.
    ///
    /// ```
    /// # use loadcore::http::{Http, Statuses};
    /// let http = Http::new().expected_statuses(Statuses::from(200..=299).or([304, 404]));
    /// ```
    pub fn expected_statuses(mut self, statuses: impl Into<Statuses>) -> Self {
        self.expected = Some(statuses.into());
        self
    }

    /// Sends every request to this function instead of a server: for benches that count instructions, under
    /// [`run_virtual`](crate::LoadTest::run_virtual). Only plain HTTP/1.1.
    #[cfg(feature = "test-util")]
    #[doc(hidden)]
    pub fn in_memory(mut self, answer: super::super::Answer) -> Self {
        self.in_memory = Some(answer);
        self
    }

    /// What of it cannot be.
    pub(crate) fn problem(&self) -> Option<OptionsError> {
        let statuses = || self.expected.as_ref().and_then(Statuses::problem).map(OptionsError::Statuses);
        let own = || self.connections.problem().or_else(|| self.names.problem());
        let bodies = || self.bodies.problem().or_else(|| self.batch.problem());
        let all =
            statuses().or_else(|| self.http2.problem()).or_else(own).or_else(|| self.addresses.problem());
        all.or_else(bodies)
    }
}
