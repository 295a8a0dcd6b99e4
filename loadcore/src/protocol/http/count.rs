//! Counting a request under what became of it.

use super::ErrorKind;
use super::error::SendError;
use super::head::Head;
use super::metrics::{RequestTags, Trends, method_index};
use super::request::RequestBuilder;
use super::response::Timings;
use super::target::Target;
use super::transport::connection::Connection;
use crate::metric::MetricId;
use http::{StatusCode, Version};
use std::time::Duration;

/// What a sample's tags say of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) status: Option<StatusCode>,
    pub(super) version: Option<Version>,
    pub(super) tls: Option<&'static str>,
    pub(super) error: Option<ErrorKind>,
}

impl Seen {
    pub(super) fn answered(head: &Head, connection: &Connection) -> Self {
        let (status, version) = (Some(head.status), Some(head.version));
        Self { status, version, tls: connection.tls_version(), error: None }
    }

    /// Without a complete answer there is no status, as in k6, even if the response's head had come.
    pub(super) fn broken(kind: ErrorKind, connection: &Connection) -> Self {
        Self { tls: connection.tls_version(), ..Self::unanswered(kind) }
    }

    /// The same where no connection is known.
    pub(super) fn unanswered(kind: ErrorKind) -> Self {
        Self { status: None, version: None, tls: None, error: Some(kind) }
    }
}

/// Counts a request that cannot be sent, since it was built wrongly.
pub(super) fn refuse(request: &RequestBuilder, error: &SendError) {
    if let Some(dump) = &request.http.core.dump {
        dump.failure(None, error, &Timings::default());
    }
    // Without a base URL there is nobody whom it could have reached: it says nothing of any target.
    if error.kind() != ErrorKind::NoBaseUrl {
        count_unsent(request, None, error.kind(), Duration::ZERO);
    }
}

pub(super) fn count(request: &RequestBuilder, target: &Target, seen: Seen, timings: &Timings) {
    record(request, request.name_at(target), seen, timings.samples());
}

/// Counts a request that never got a connection: all that is known is how long it tried.
pub(super) fn count_unsent(
    request: &RequestBuilder,
    target: Option<&Target>,
    kind: ErrorKind,
    blocked: Duration,
) {
    let name = match target {
        Some(target) => request.name_at(target),
        None => request.name.unwrap_or_else(|| request.http.core.intern_name("(invalid)")),
    };
    let trends = Timings { blocked, ..Timings::default() }.samples_until_connected();
    #[cfg(feature = "reqwest")]
    let trends = if super::reqwest::carries(request) { super::metrics::NO_DURATIONS } else { trends };
    record(request, name, Seen::unanswered(kind), trends);
}

pub(super) fn count_one(request: &RequestBuilder, metric: MetricId) {
    let core = &request.vu.state.core;
    let now = core.clock.now();
    core.recorder.borrow_mut().sample(metric, request.tags, 1.0, now);
}

pub(super) fn record(request: &RequestBuilder, name: u32, seen: Seen, trends: Trends) {
    let http = &request.http.core;
    let tags = RequestTags {
        base: request.tags,
        name,
        method: method_index(&request.method).unwrap_or(u8::MAX),
        status: seen.status,
        version: seen.version,
        tls: seen.tls,
        error: seen.error,
        expected: seen.status.is_some_and(|status| request.expects(status)),
    };
    let mut recorder = request.vu.state.core.recorder.borrow_mut();
    tags.record(&mut recorder, &http.row, trends, || http.name(name));
}
