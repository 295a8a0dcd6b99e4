//! Which versions of HTTP a test speaks, and how it speaks HTTP/2.

use super::{Http, OptionsError};
use std::time::Duration;

/// Which versions of HTTP the requests of a test use, for [`Http::versions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HttpVersions {
    /// With `https` both are offered and the server chooses (by ALPN); `http` is HTTP/1.1. As in k6.
    #[default]
    Negotiated,
    /// HTTP/1.1 everywhere.
    Http1,
    /// HTTP/2 everywhere: with `https` it is all that is offered, with `http` the server is known to speak it ("prior
    /// knowledge", h2c).
    Http2,
}

/// What is known of the version that an origin speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
    /// It has not been asked yet.
    Unknown,
}

/// How a test speaks HTTP/2, for [`Http::http2`]. What is not said keeps its default.
///
/// Each VU has its own connection to an origin, and all its concurrent requests (`tokio::join!`, `batch`) are streams on
/// that one, up to the server's limit; further ones wait, which counts as `blocked`.
///
/// ```
/// use loadcore::http::{Http, Http2};
/// use loadcore::prelude::*;
///
/// let http2 = Http2::new().stream_window(256 << 10).max_streams(10).ping_every(secs(30));
/// let test = LoadTest::new().http(Http::new().http2(http2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Http2 {
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    pub(crate) adaptive_window: bool,
    pub(crate) max_frame_size: u32,
    pub(crate) max_header_list_size: u32,
    pub(crate) max_streams: usize,
    pub(crate) initial_streams: usize,
    pub(crate) connections: usize,
    pub(crate) ping_every: Option<Duration>,
    pub(crate) ping_timeout: Duration,
    pub(crate) ping_when_idle: bool,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            stream_window: 2 << 20,
            connection_window: 5 << 20,
            adaptive_window: false,
            max_frame_size: SMALLEST_FRAME,
            max_header_list_size: 64 << 10,
            max_streams: usize::MAX,
            initial_streams: 100,
            connections: 1,
            ping_every: None,
            ping_timeout: Duration::from_secs(20),
            ping_when_idle: false,
        }
    }
}

/// What every connection begins with (RFC 9113 section 6.9.2).
const FIRST_WINDOW: u32 = 65_535;
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
const SMALLEST_FRAME: u32 = 16_384;
const LARGEST_FRAME: u32 = (1 << 24) - 1;

impl Http2 {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes of one response the server may send before they are read. Default: 2 MiB. From 1 to 2147483647.
    pub fn stream_window(mut self, bytes: u32) -> Self {
        self.stream_window = bytes;
        self
    }

    /// The same for all responses of a connection together. Default: 5 MiB. From 65535, where the standard begins, to
    /// 2147483647.
    pub fn connection_window(mut self, bytes: u32) -> Self {
        self.connection_window = bytes;
        self
    }

    /// Lets both windows begin small and grow with the measured throughput, instead of having fixed sizes. It sends pings
    /// of its own. Default: false.
    pub fn adaptive_window(mut self, adapts: bool) -> Self {
        self.adaptive_window = adapts;
        self
    }

    /// How large a frame the server may send. Default: 16384 bytes, the least there is; at most 16777215.
    pub fn max_frame_size(mut self, bytes: u32) -> Self {
        self.max_frame_size = bytes;
        self
    }

    /// How large the headers of a response may be, uncompressed; larger ones end their stream. Default: 64 KiB.
    pub fn max_header_list_size(mut self, bytes: u32) -> Self {
        self.max_header_list_size = bytes;
        self
    }

    /// The most requests on one connection at a time, where the server allows more. Default: as many as it allows.
    pub fn max_streams(mut self, most: usize) -> Self {
        self.max_streams = most;
        self
    }

    /// The most requests on a new connection until the server has said how many it allows; what it then refuses is sent
    /// again. Default: 100, as browsers and k6 do.
    pub fn initial_streams(mut self, most: usize) -> Self {
        self.initial_streams = most;
        self
    }

    /// The most connections of one VU to one origin: another one is opened when those it has are at their limit of
    /// requests. Default: 1, a browser's way; then requests wait.
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most;
        self
    }

    /// Asks the server for a sign of life in this interval while a request is under way. A connection that gives none within
    /// [`ping_timeout`](Self::ping_timeout) is closed. Default: never.
    pub fn ping_every(mut self, interval: Duration) -> Self {
        self.ping_every = Some(interval);
        self
    }

    /// How long a ping's answer may take. Default: 20 s.
    pub fn ping_timeout(mut self, timeout: Duration) -> Self {
        self.ping_timeout = timeout;
        self
    }

    /// Pings also while no request is under way. Default: false.
    pub fn ping_when_idle(mut self, pings: bool) -> Self {
        self.ping_when_idle = pings;
        self
    }

    /// What of it cannot be.
    pub(super) fn problem(&self) -> Option<OptionsError> {
        let ranges = [
            ("stream_window", self.stream_window, 1, LARGEST_WINDOW),
            ("connection_window", self.connection_window, FIRST_WINDOW, LARGEST_WINDOW),
            ("max_frame_size", self.max_frame_size, SMALLEST_FRAME, LARGEST_FRAME),
        ];
        let outside = ranges.into_iter().find(|(_, given, least, most)| !(least..=most).contains(&given));
        if let Some((option, given, least, most)) = outside {
            let problem = format!("{option}({given}): give a number of bytes from {least} to {most}");
            return Some(OptionsError::Http2(problem));
        }
        let counts = [
            ("max_streams", self.max_streams),
            ("initial_streams", self.initial_streams),
            ("connections", self.connections),
        ];
        if let Some((option, _)) = counts.into_iter().find(|(_, given)| *given == 0) {
            return Some(OptionsError::Http2(format!("{option}(0): nothing could be sent; give at least 1")));
        }
        let times = [("ping_every", self.ping_every), ("ping_timeout", Some(self.ping_timeout))];
        let (option, _) = times.into_iter().find(|(_, given)| *given == Some(Duration::ZERO))?;
        Some(OptionsError::Http2(format!("{option}(0s): give a duration above 0, or leave it out")))
    }
}

impl HttpVersions {
    /// What an origin speaks as far as one can say before it is asked.
    pub(crate) fn spoken(self, tls: bool) -> Speaks {
        match self {
            Self::Http1 => Speaks::Http1,
            Self::Http2 => Speaks::Http2,
            Self::Negotiated if tls => Speaks::Unknown,
            Self::Negotiated => Speaks::Http1,
        }
    }

    /// What TLS offers the server to choose from.
    /// What TLS offers the server to choose from.
    pub(crate) fn alpn(self) -> &'static [&'static [u8]] {
        match self {
            Self::Negotiated => &[b"h2", b"http/1.1"],
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[b"h2"],
        }
    }
}

impl Http {
    /// Which versions of HTTP to speak. Default: with `https` the server chooses between HTTP/2 and HTTP/1.1, `http` is
    /// HTTP/1.1.
    pub fn versions(mut self, versions: HttpVersions) -> Self {
        self.versions = versions;
        self
    }

    /// How to speak HTTP/2, where it is spoken.
    pub fn http2(mut self, http2: Http2) -> Self {
        self.http2 = http2;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_http2_cannot_do_is_said_with_what_to_write_instead() {
        let problem = |http2: Http2| http2.problem().map(|problem| problem.to_string());
        let explained = |http2: Http2| problem(http2).unwrap_or_default();
        assert_eq!(problem(Http2::new()), None);
        assert_eq!(problem(Http2::new().stream_window(1).connection_window(65_535)), None);
        assert_eq!(
            explained(Http2::new().stream_window(0)),
            "HTTP/2 option stream_window(0): give a number of bytes from 1 to 2147483647"
        );
        assert!(explained(Http2::new().connection_window(1000)).contains("from 65535 to"));
        assert!(explained(Http2::new().max_frame_size(1 << 24)).contains("from 16384 to 16777215"));
        assert_eq!(
            explained(Http2::new().connections(0)),
            "HTTP/2 option connections(0): nothing could be sent; give at least 1"
        );
        assert_eq!(
            explained(Http2::new().ping_every(Duration::ZERO)),
            "HTTP/2 option ping_every(0s): give a duration above 0, or leave it out"
        );
    }
}
