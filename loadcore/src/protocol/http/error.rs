//! Why a request failed: a readable kind, and k6's `error_code` for it.

use crate::error::KindedError;
use http::Method;
use std::error::Error as StdError;
use std::fmt;
use std::io;

/// What went wrong, as the `error` tag says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ErrorKind {
    /// The URL, a header or the body could not be built.
    InvalidRequest = 1,
    /// No answer within the request's timeout.
    Timeout,
    /// The name lookup failed.
    Dns,
    /// No address accepted the connection in time.
    ConnectTimeout,
    /// The target refused the connection.
    ConnectionRefused,
    /// The connection could not be made for another reason.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The certificate is not signed by a known authority.
    UnknownAuthority,
    /// The certificate is for another host.
    WrongHost,
    /// The target reset the connection.
    ConnectionReset,
    /// The target closed the connection before the response was complete.
    ConnectionClosed,
    /// The response is not HTTP.
    InvalidResponse,
    /// The request's future was dropped.
    Cancelled,
    /// Anything else.
    Other,
    /// A path without a base URL to resolve it against. Such a request is none: it is counted nowhere.
    NoBaseUrl,
    /// This process may open no further file descriptor: a limit of the load generator, not of its target.
    NoDescriptor,
    /// This machine has no port left for another connection to that address, or no address to connect from: a limit of the
    /// load generator, not of its target.
    NoPort,
}

impl ErrorKind {
    /// The `error` tag's value.
    pub fn text(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid request",
            Self::Timeout => "request timeout",
            Self::Dns => "dns lookup failed",
            Self::ConnectTimeout => "connect timeout",
            Self::ConnectionRefused => "connection refused",
            Self::Connect => "connect failed",
            Self::Tls => "tls handshake failed",
            Self::UnknownAuthority => "certificate of unknown authority",
            Self::WrongHost => "certificate for another host",
            Self::ConnectionReset => "connection reset",
            Self::ConnectionClosed => "connection closed before the response was complete",
            Self::InvalidResponse => "invalid http response",
            Self::Cancelled => "cancelled",
            Self::Other => "other",
            Self::NoBaseUrl => "no base URL",
            Self::NoDescriptor => "no free file descriptor",
            Self::NoPort => "no free local port",
        }
    }

    /// k6's number for it, the `error_code` tag's value.
    pub fn code(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::NoBaseUrl => 1020,
            Self::Timeout => 1050,
            Self::Dns => 1101,
            Self::ConnectTimeout => 1211,
            Self::ConnectionRefused => 1212,
            Self::Connect | Self::NoDescriptor | Self::NoPort => 1210,
            Self::Tls => 1300,
            Self::UnknownAuthority => 1310,
            Self::WrongHost => 1311,
            Self::ConnectionReset => 1220,
            Self::ConnectionClosed | Self::InvalidResponse | Self::Cancelled | Self::Other => 1000,
        }
    }

    /// What an I/O error means that no connection came of.
    pub(super) fn of_connect(error: &io::Error) -> Self {
        // Of this process, and of the whole system: the same numbers on all systems that call themselves Unix.
        const TOO_MANY_OPEN: [i32; 2] = [24, 23];
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset => Self::ConnectionReset,
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            io::ErrorKind::AddrNotAvailable => Self::NoPort,
            _ if cfg!(unix) && error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN.contains(&code)) => {
                Self::NoDescriptor
            }
            _ => Self::Connect,
        }
    }

    /// What an I/O error on an open connection means.
    pub(super) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::ConnectionReset,
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Self::ConnectionClosed,
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Other,
        }
    }

    /// What hyper's error means.
    pub(super) fn of_hyper(error: &hyper::Error) -> Self {
        if let Some(io) = find::<io::Error>(error) {
            return Self::of_io(io);
        }
        if error.is_parse() || error.is_parse_status() {
            Self::InvalidResponse
        } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            Self::ConnectionClosed
        } else {
            Self::Other
        }
    }
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A request that got no complete answer.
///
/// It has been counted already, in `http_reqs` and `http_req_failed`, under its kind; `?` also ends the iteration. Only a
/// request that could go nowhere, for there is no base URL, is counted neither here nor there.
#[derive(Debug, Clone)]
pub struct SendError {
    inner: Box<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    /// Method and URL.
    request: String,
    detail: Option<String>,
    kinded: KindedError,
}

impl SendError {
    pub(super) fn new(kind: ErrorKind, method: &Method, url: &str, detail: Option<String>) -> Self {
        let request = format!("{method} {url}");
        Self { inner: Box::new(Inner { kind, request, detail, kinded: KindedError { kind: kind.text() } }) }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, request, detail, .. } = &*self.inner;
        match detail {
            Some(detail) => write!(f, "{request}: {}: {detail}", kind.text()),
            None => write!(f, "{request}: {}", kind.text()),
        }
    }
}

impl StdError for SendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.inner.kinded)
    }
}

/// A failure inside the transport, before it is known which request it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    pub(super) detail: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, detail: impl fmt::Display) -> Self {
        Self { kind, detail: Some(detail.to_string()) }
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, detail: None }
    }
}

/// A response body that is not what was asked for: not JSON of that shape, not text, or thrown away.
#[derive(Debug)]
pub struct BodyError {
    message: String,
    kinded: KindedError,
}

impl BodyError {
    pub(super) fn new(url: &str, problem: impl fmt::Display) -> Self {
        let kinded = KindedError { kind: "unexpected response body" };
        Self { message: format!("response body of {url} {problem}"), kinded }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for BodyError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.kinded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_generators_own_machine_lacks_is_no_fault_of_the_target() {
        for (error, want) in [
            (io::Error::from_raw_os_error(24), ErrorKind::NoDescriptor),
            (io::Error::from_raw_os_error(23), ErrorKind::NoDescriptor),
            (io::ErrorKind::AddrNotAvailable.into(), ErrorKind::NoPort),
            (io::ErrorKind::ConnectionRefused.into(), ErrorKind::ConnectionRefused),
            (io::ErrorKind::PermissionDenied.into(), ErrorKind::Connect),
        ] {
            assert_eq!(ErrorKind::of_connect(&error), want, "{error}");
        }
        assert!([ErrorKind::NoDescriptor, ErrorKind::NoPort].iter().all(|kind| kind.code() == 1210));
    }
}
