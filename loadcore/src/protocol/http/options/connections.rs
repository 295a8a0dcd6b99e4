//! What a test says about its connections: how long they live, how many there may be, how long it may take to get one.

use super::{Http, OptionsError};
use std::fmt;
use std::time::Duration;

/// How long a connection is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As long as both ends keep it.
    Always,
    /// Until the iteration has ended.
    WithinIteration,
    /// Not at all: one request each.
    Never,
}

/// Each number is the user's, or the default.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    no_reuse: bool,
    no_vu_reuse: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) idle_timeout: Duration,
    pub(crate) per_host: Option<usize>,
    pub(crate) dns_timeout: Option<Duration>,
    pub(crate) connect_timeout: Duration,
    pub(crate) tls_timeout: Option<Duration>,
    pub(crate) first_byte_timeout: Option<Duration>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            no_reuse: false,
            no_vu_reuse: false,
            max_age: None,
            // Go's default, and so what servers are used to.
            idle_timeout: Duration::from_secs(90),
            per_host: None,
            dns_timeout: None,
            // As in k6.
            connect_timeout: Duration::from_secs(30),
            tls_timeout: None,
            first_byte_timeout: None,
        }
    }
}

impl Connections {
    pub(crate) fn reuse(&self) -> Reuse {
        match (self.no_reuse, self.no_vu_reuse) {
            (true, _) => Reuse::Never,
            (false, true) => Reuse::WithinIteration,
            (false, false) => Reuse::Always,
        }
    }

    pub(super) fn problem(&self) -> Option<OptionsError> {
        let unusable = |option, given: &dyn fmt::Display, problem: &str| {
            Some(OptionsError::Unusable { option, given: given.to_string(), problem: problem.to_owned() })
        };
        if self.per_host == Some(0) {
            let problem = "no request could ever be sent; give at least 1, or leave it out";
            return unusable("max connections per host", &0, problem);
        }
        let never_kept = "no connection would be used again; write no_connection_reuse(true) for that";
        let no_time = "nothing is done in no time; give for example secs(10)";
        let limits = [
            ("max connection age", self.max_age, never_kept),
            ("idle timeout", Some(self.idle_timeout), never_kept),
            ("DNS timeout", self.dns_timeout, no_time),
            ("connect timeout", Some(self.connect_timeout), no_time),
            ("TLS handshake timeout", self.tls_timeout, no_time),
            ("first byte timeout", self.first_byte_timeout, no_time),
        ];
        let (option, _, problem) = limits.into_iter().find(|(_, limit, _)| *limit == Some(Duration::ZERO))?;
        unusable(option, &"0s", problem)
    }
}

impl Http {
    /// Opens a connection for each request and closes it afterwards: `connection: close`. For a target that sees each client
    /// only once. Default: false, connections are kept for the VU's next request.
    pub fn no_connection_reuse(mut self, no_reuse: bool) -> Self {
        self.connections.no_reuse = no_reuse;
        self
    }

    /// Closes a VU's connections when its iteration ends, so that each iteration connects anew, as a new user does. Default:
    /// false, a VU keeps them from one iteration to the next.
    pub fn no_vu_connection_reuse(mut self, no_reuse: bool) -> Self {
        self.connections.no_vu_reuse = no_reuse;
        self
    }

    /// Uses no connection again that was opened this long ago: for targets behind a balancer that moves clients only when
    /// they connect. A request that is under way is not cut. Default: no limit.
    pub fn max_connection_age(mut self, most: Duration) -> Self {
        self.connections.max_age = Some(most);
        self
    }

    /// Uses no connection again that was idle for longer than this. Default: 90 s. A server may close it earlier, which
    /// is no error either.
    pub fn idle_timeout(mut self, most: Duration) -> Self {
        self.connections.idle_timeout = most;
        self
    }

    /// How many connections one VU may have to one host (of the same scheme and port), like a browser, which has 6. Further
    /// requests that are joined wait for one in the order they came, counted in `http_req_blocked`; a response whose body is
    /// not read to its end keeps its connection. Default: no limit.
    ///
    /// With HTTP/2 all requests to a host share one connection; how many there are is said by
    /// [`Http2::connections`](crate::http::Http2::connections).
    pub fn max_connections_per_host(mut self, most: usize) -> Self {
        self.connections.per_host = Some(most);
        self
    }

    /// How long the lookup of a host's name may take. It ends as `dns timeout`. Default: no limit but the request's own.
    pub fn dns_timeout(mut self, most: Duration) -> Self {
        self.connections.dns_timeout = Some(most);
        self
    }

    /// How long it may take until one of a host's addresses has accepted the connection, without name lookup and TLS. It
    /// ends as `connect timeout`. Default: 30 s.
    pub fn connect_timeout(mut self, most: Duration) -> Self {
        self.connections.connect_timeout = most;
        self
    }

    /// How long the TLS handshake of a new connection may take. It ends as `tls handshake timeout`. Default: no limit but
    /// the request's own.
    pub fn tls_handshake_timeout(mut self, most: Duration) -> Self {
        self.connections.tls_timeout = Some(most);
        self
    }

    /// How long the server may take from the last byte of the request to the head of its response. It ends as `first byte
    /// timeout`. Default: no limit but the request's own.
    pub fn first_byte_timeout(mut self, most: Duration) -> Self {
        self.connections.first_byte_timeout = Some(most);
        self
    }
}
