//! HTTP's metrics, under k6's names, and how a request falls into their series.

use super::ErrorKind;
use crate::metric::{
    Counter, Metric, MetricDesc, MetricId, Rate, Recorder, Registry, RowKey, RowSample, RowSpec, TagSetId,
    TagSets, Time, Trend,
};
use http::{Method, StatusCode, Version};
use std::rc::Rc;

/// Requests that were sent.
pub const HTTP_REQS: Counter = Counter::new("http_reqs").builtin();
/// The share of requests that failed: no answer, or a status that was not expected (by default one outside 200 to 399).
pub const HTTP_REQ_FAILED: Rate = Rate::new("http_req_failed").builtin();
/// From the first byte sent to the last one received: sending + waiting + receiving, without connecting.
pub const HTTP_REQ_DURATION: Trend<Time> = Trend::new("http_req_duration").builtin();
/// Until a connection was there: name lookup, connecting and TLS if it was a new one.
pub const HTTP_REQ_BLOCKED: Trend<Time> = Trend::new("http_req_blocked").builtin();
/// The name lookup alone. k6 has no such metric.
pub const HTTP_REQ_LOOKING_UP: Trend<Time> = Trend::new("http_req_looking_up").builtin();
/// The TCP handshake alone; 0 on a reused connection.
pub const HTTP_REQ_CONNECTING: Trend<Time> = Trend::new("http_req_connecting").builtin();
/// The TLS handshake alone; 0 on a reused connection and without TLS.
pub const HTTP_REQ_TLS_HANDSHAKING: Trend<Time> = Trend::new("http_req_tls_handshaking").builtin();
/// Writing the request.
pub const HTTP_REQ_SENDING: Trend<Time> = Trend::new("http_req_sending").builtin();
/// From the request's last byte to the response's first.
pub const HTTP_REQ_WAITING: Trend<Time> = Trend::new("http_req_waiting").builtin();
/// From the response's first byte to its last.
pub const HTTP_REQ_RECEIVING: Trend<Time> = Trend::new("http_req_receiving").builtin();
/// Requests sent a second time, because the server had closed the idle connection, or had refused them unseen (HTTP/2's
/// `GOAWAY` and `REFUSED_STREAM`). k6 does not count them.
pub const HTTP_REQ_RETRIES: Counter = Counter::new("http_req_retries").builtin();

/// Requests given up before a byte of them was sent, such as while connecting: the target never saw them, so they are not
/// among `http_reqs`. k6 does not count them.
pub const HTTP_REQ_ABANDONED: Counter = Counter::new("http_req_abandoned").builtin();

/// Every metric of HTTP.
pub(crate) fn all() -> Vec<MetricDesc> {
    let mut all =
        vec![HTTP_REQS.desc(), HTTP_REQ_FAILED.desc(), HTTP_REQ_RETRIES.desc(), HTTP_REQ_ABANDONED.desc()];
    all.extend(TRENDS.map(|trend| trend.desc()));
    all
}

/// The trends of a request, in the order of [`Timings::samples`](super::Timings).
const TRENDS: [Trend<Time>; 8] = [
    HTTP_REQ_DURATION,
    HTTP_REQ_BLOCKED,
    HTTP_REQ_LOOKING_UP,
    HTTP_REQ_CONNECTING,
    HTTP_REQ_TLS_HANDSHAKING,
    HTTP_REQ_SENDING,
    HTTP_REQ_WAITING,
    HTTP_REQ_RECEIVING,
];

/// How many trends a request feeds.
pub(super) const TREND_COUNT: usize = TRENDS.len();

/// A request's durations in nanoseconds, in that order; `None` for no sample.
pub(super) type Trends = [Option<u64>; TREND_COUNT];

pub(super) const NO_DURATIONS: Trends = [None; TREND_COUNT];

pub(super) fn row_spec(registry: &Registry) -> RowSpec<TREND_COUNT> {
    // All of them are registered before a core starts.
    let id = |desc: &MetricDesc| registry.register(desc).unwrap_or(MetricId(0));
    RowSpec {
        count: id(&HTTP_REQS.desc()),
        failed: id(&HTTP_REQ_FAILED.desc()),
        trends: TRENDS.map(|trend| id(&trend.desc())),
    }
}

/// The `proto` tag.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        _ => "HTTP/2.0",
    }
}

/// What one request's samples differ in from another's.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestTags {
    /// Scenario, group, and the user's own tags.
    pub(super) base: TagSetId,
    /// The `name` tag, interned by the core.
    pub(super) name: u32,
    pub(super) method: u8,
    /// `None` without an answer.
    pub(super) status: Option<StatusCode>,
    pub(super) version: Option<Version>,
    pub(super) tls: Option<&'static str>,
    pub(super) error: Option<ErrorKind>,
    /// The status is a success.
    pub(super) expected: bool,
}

const METHODS: [Method; 9] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::HEAD,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

/// A method as a small number; `None` for one that no standard knows.
#[inline]
pub(super) fn method_index(method: &Method) -> Option<u8> {
    METHODS.iter().position(|known| known == method).map(|index| index as u8)
}

impl RequestTags {
    /// All of it in one number.
    #[inline]
    fn key(&self) -> RowKey {
        let tls = match self.tls {
            None => 0,
            Some("tls1.2") => 1,
            Some(_) => 2,
        };
        let version = match self.version {
            None => 0,
            Some(Version::HTTP_10) => 1,
            Some(Version::HTTP_11) => 2,
            Some(_) => 3,
        };
        let small = u64::from(self.status.map_or(0, |status| status.as_u16()))
            | u64::from(self.method) << 16
            | u64::from(self.error.map_or(0, ErrorKind::index)) << 24
            | version << 32
            | tls << 36
            | u64::from(self.expected) << 40;
        RowKey::from(self.base.0) | RowKey::from(self.name) << 32 | RowKey::from(small) << 64
    }

    fn is_expected(&self) -> bool {
        self.error.is_none() && self.expected
    }

    /// Counts the request in all its series. `name` is asked only for a new row.
    #[inline]
    pub(super) fn record(
        &self,
        recorder: &mut Recorder,
        row: &RowSpec<TREND_COUNT>,
        trends: Trends,
        name: impl FnOnce() -> Rc<str>,
    ) {
        let sample = RowSample { failed: !self.is_expected(), trends };
        recorder.row(row, self.key(), self.base, &sample, |sets| self.resolve(&name(), sets));
    }

    /// The tags of a new row.
    fn resolve(&self, name: &str, base: &mut TagSets) -> TagSetId {
        let status = self.status.map_or_else(|| "0".to_owned(), |status| status.as_str().to_owned());
        let code = match (self.error, self.status) {
            (Some(kind), _) => kind.code().to_string(),
            (None, Some(status)) if status.as_u16() >= 400 => (1000 + status.as_u16()).to_string(),
            _ => String::new(),
        };
        let expected = match self.error {
            Some(_) => "",
            None if self.is_expected() => "true",
            None => "false",
        };
        let proto = self.version.map_or("", protocol);
        let mut tags = vec![
            ("name", name),
            ("url", name),
            ("status", &status),
            ("proto", proto),
            ("tls_version", self.tls.unwrap_or("")),
            ("error", self.error.map_or("", ErrorKind::text)),
            ("error_code", &code),
            ("expected_response", expected),
        ];
        // A method that no standard knows is among the base tags already.
        if let Some(method) = METHODS.get(usize::from(self.method)) {
            tags.push(("method", method.as_str()));
        }
        base.with_all(self.base, &tags)
    }
}
