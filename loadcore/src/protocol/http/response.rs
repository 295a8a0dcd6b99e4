//! What the user gets.

use super::body::Received;
use super::head::Headers;
use super::metrics::{NO_DURATIONS, Trends, protocol};
use super::target::Target;
use super::transport::connect::ConnectTimes;
use super::transport::exchange::Instants;
use super::transport::tls::Suite;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode, Version};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long each phase of a request took; the durations of k6's `res.timings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timings {
    /// Until a connection was there: the next three, and waiting for them.
    pub blocked: Duration,
    /// The name lookup.
    pub looking_up: Duration,
    /// The TCP handshake; 0 on a reused connection.
    pub connecting: Duration,
    /// The TLS handshake; 0 on a reused connection and without TLS.
    pub tls_handshaking: Duration,
    /// Writing the request.
    pub sending: Duration,
    /// From the request's last byte to the response's first.
    pub waiting: Duration,
    /// From the response's first byte to its last.
    pub receiving: Duration,
}

impl Timings {
    /// Sending + waiting + receiving, as in k6: without the time until there was a connection.
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }

    pub(super) fn connected(connect: ConnectTimes) -> Self {
        Self {
            looking_up: connect.looking_up,
            connecting: connect.connecting,
            tls_handshaking: connect.tls_handshaking,
            ..Self::default()
        }
    }

    /// Splits the time between `begun` and `ended` by what the socket saw.
    pub(super) fn exchanged(mut self, begun: Instant, ended: Instant, seen: Instants) -> Self {
        let written = seen.last_write.unwrap_or(ended).min(ended);
        let answered = seen.first_read.unwrap_or(ended).min(ended);
        // A server may answer before it has read everything.
        let written = written.min(answered);
        self.sending = written.saturating_duration_since(begun);
        self.waiting = answered.saturating_duration_since(written);
        self.receiving = ended.saturating_duration_since(answered);
        self
    }

    /// In the order of the request's trends.
    #[inline]
    pub(super) fn samples(&self) -> Trends {
        [
            nanos(self.duration()),
            nanos(self.blocked),
            nanos(self.looking_up),
            nanos(self.connecting),
            nanos(self.tls_handshaking),
            nanos(self.sending),
            nanos(self.waiting),
            nanos(self.receiving),
        ]
    }

    /// Of a request that reqwest sent, which shows neither its connection nor when it was written.
    #[cfg(feature = "reqwest")]
    pub(super) fn samples_of_reqwest(&self) -> Trends {
        let mut trends = NO_DURATIONS;
        trends[0] = nanos(self.duration());
        trends[6] = nanos(self.waiting);
        trends[7] = nanos(self.receiving);
        trends
    }

    /// Of a request that got no connection.
    pub(super) fn samples_until_connected(&self) -> Trends {
        let mut trends = NO_DURATIONS;
        trends[1] = nanos(self.blocked);
        trends
    }
}

#[inline]
fn nanos(duration: Duration) -> Option<u64> {
    Some(duration.as_nanos() as u64)
}

/// A complete response.
pub struct Response {
    pub(super) method: Method,
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: Headers,
    /// `None` if it was thrown away.
    pub(super) body: Option<Received>,
    pub(super) timings: Timings,
    pub(super) remote: Option<SocketAddr>,
    pub(super) tls: Option<&'static Suite>,
    pub(super) target: Rc<Target>,
    pub(super) redirects: u32,
}

impl Response {
    /// The status; compares with numbers: `res.status() == 200`.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the status is one from 200 to 299.
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// What the standard calls the status: `Not Found`. Empty for one that it does not know.
    pub fn status_text(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("")
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The protocol, as the `proto` tag says it: `HTTP/1.1`, `HTTP/2.0`.
    pub fn protocol(&self) -> &'static str {
        protocol(self.version)
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.headers.map()
    }

    /// One header's first value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text(self.headers.first(name)?)
    }

    /// All values of one header that are text, such as those of `vary`.
    pub fn headers_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.map().get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// What the body is, as its header says: `application/json; charset=utf-8`.
    pub fn content_type(&self) -> Option<&str> {
        self.header(CONTENT_TYPE.as_str())
    }

    /// How many redirects led here. Each was a request of its own.
    pub fn redirects(&self) -> u32 {
        self.redirects
    }

    /// The URL that answered: after redirects the last one. Without credentials.
    pub fn url(&self) -> String {
        self.target.url()
    }

    /// How long each phase took.
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    /// The address that answered; `None` over a Unix socket.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The version of TLS, as the `tls_version` tag says it: `tls1.3`. `None` without TLS.
    pub fn tls_version(&self) -> Option<&str> {
        self.tls.map(|tls| tls.version_name)
    }

    /// The cipher suite of TLS by its IANA name: `TLS_AES_128_GCM_SHA256`. `None` without TLS.
    pub fn tls_cipher(&self) -> Option<&str> {
        self.tls.map(|tls| tls.name)
    }
}

/// What a header says, if it is visible ASCII.
fn text(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    if is_visible { std::str::from_utf8(value).ok() } else { None }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &self.url())
            .field("body_len", &self.slice().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_add_up_to_the_time_that_passed() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let seen = Instants { last_write: Some(at(1)), first_read: Some(at(11)), last_read: None };
        let timings = Timings::default().exchanged(begun, at(14), seen);
        let millis = [timings.sending, timings.waiting, timings.receiving].map(|d| d.as_millis());
        assert_eq!(millis, [1, 10, 3]);
        assert_eq!(timings.duration(), Duration::from_millis(14));
    }

    #[test]
    fn a_timeout_counts_as_waiting_and_an_early_answer_as_sent() {
        let begun = Instant::now();
        let at = |millis| begun + Duration::from_millis(millis);
        let silent = Instants { last_write: Some(at(1)), ..Instants::default() };
        assert_eq!(Timings::default().exchanged(begun, at(60), silent).waiting, Duration::from_millis(59));
        let early = Instants { last_write: Some(at(9)), first_read: Some(at(5)), last_read: None };
        let timings = Timings::default().exchanged(begun, at(10), early);
        assert_eq!((timings.sending, timings.waiting), (Duration::from_millis(5), Duration::ZERO));
    }
}
