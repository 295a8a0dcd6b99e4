//! Why a request failed: a readable kind, and k6's `error_code` for it.

mod classify;
mod detail;

pub(super) use detail::lack;

use super::h2_code::H2Code;
use crate::error::KindedError;
use http::Method;
use std::error::Error as StdError;
use std::fmt;

/// Makes the enum, its texts, codes and numbers, and the table in its documentation: each kind is written once.
macro_rules! kinds {
    (
        alone: { $($(#[doc = $doc:literal])* $kind:ident = $code:literal $text:literal,)* }
        with_code: {
            $($(#[doc = $h2_doc:literal])* $h2_kind:ident = $h2_code:literal $h2_text:literal $of_code:ident,)*
        }
    ) => {
        /// What went wrong, as the `error` tag says it, and k6's number for it in the `error_code` tag.
        ///
        /// | kind | `error` | `error_code` |
        /// |---|---|---|
        $(#[doc = concat!("| `", stringify!($kind), "` | ", $text, " | ", $code, " |")])*
        $(#[doc = concat!("| `", stringify!($h2_kind), "` | ", $h2_text, ": and the code's name | ", $h2_code,
            " + the code + 1, or ", $h2_code, " for an unknown one |")])*
        ///
        /// A response whose status is 400 or more is no error of this kind; its `error_code` is 1000 + the status. Of k6's
        /// other numbers 1010 is never given: it is for networks other than TCP, and a Unix socket's errors have the
        /// numbers of TCP's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])* $kind,)*
            $($(#[doc = $h2_doc])* $h2_kind(H2Code),)*
        }

        /// The kinds without a code of their own, in their order.
        #[derive(Clone, Copy)]
        enum Plain { $($kind,)* }

        /// The kinds with one.
        #[derive(Clone, Copy)]
        #[allow(clippy::enum_variant_names, reason = "they are the public enum's names")]
        enum Http2Kind { $($h2_kind,)* }

        const PLAIN: &[ErrorKind] = &[$(ErrorKind::$kind),*];
        const HTTP2: &[fn(H2Code) -> ErrorKind] = &[$(ErrorKind::$h2_kind),*];

        impl ErrorKind {
            /// The `error` tag's value.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)*
                    $(Self::$h2_kind(code) => code.$of_code(),)*
                }
            }

            /// k6's number for it, the `error_code` tag's value.
            pub fn code(self) -> u16 {
                match self {
                    $(Self::$kind => $code,)*
                    $(Self::$h2_kind(code) => $h2_code + code.offset(),)*
                }
            }

            /// A small number of its own for each kind, from 1 and without gaps: a part of the key under which a request is
            /// counted.
            pub(super) fn index(self) -> u8 {
                match self {
                    $(Self::$kind => 1 + Plain::$kind as u8,)*
                    $(Self::$h2_kind(code) => FIRST_CODE + Http2Kind::$h2_kind as u8 * H2Code::COUNT + code as u8,)*
                }
            }
        }
    };
}

/// The number of the first kind with a code.
const FIRST_CODE: u8 = 1 + PLAIN.len() as u8;
// The numbers are enough.
const _: () = assert!(1 + PLAIN.len() + HTTP2.len() * H2Code::COUNT as usize <= 256);

kinds! {
    alone: {
        /// The URL, a header or the body could not be built.
        InvalidRequest = 1020 "invalid request",
        /// A path without a base URL to resolve it against. Such a request is none: it is counted nowhere.
        NoBaseUrl = 1020 "no base URL",
        /// No answer within the request's timeout.
        Timeout = 1050 "request timeout",
        /// The head of the response took longer than the test allows.
        FirstByteTimeout = 1050 "first byte timeout",
        /// The name lookup failed: nobody could be asked, or the answer was none.
        Dns = 1100 "dns lookup failed",
        /// The name lookup took longer than the test allows.
        DnsTimeout = 1100 "dns timeout",
        /// Nobody has that name, or no address of the kind that the test wants.
        NoSuchHost = 1101 "no such host",
        /// The address is one that the test blocks.
        BlockedAddress = 1110 "blocked address",
        /// The host is one that the test blocks.
        BlockedHost = 1111 "blocked host",
        /// Reading from an open connection or writing to it failed, in no way that has a kind of its own.
        Network = 1200 "network error",
        /// The target had closed the connection when the request was written.
        BrokenPipe = 1201 "broken pipe",
        /// The system gave up an open connection, for a reason that has no kind of its own.
        Socket = 1202 "socket error",
        /// The connection could not be made for a reason that has no kind of its own.
        Connect = 1210 "connect failed",
        /// This process may open no further file descriptor: a limit of the load generator, not of its target.
        NoDescriptor = 1210 "no free file descriptor",
        /// This machine has no port left for another connection to that address, or no address to connect from: a limit of
        /// the load generator, not of its target.
        NoPort = 1210 "no free local port",
        /// No address accepted the connection in time.
        ConnectTimeout = 1211 "connect timeout",
        /// The target refused the connection.
        ConnectionRefused = 1212 "connection refused",
        /// The system does not let a connection to the target be made: there is no way to it, or it is forbidden.
        Unreachable = 1213 "target unreachable",
        /// The target reset the connection.
        ConnectionReset = 1220 "connection reset",
        /// The TLS handshake failed.
        Tls = 1300 "tls handshake failed",
        /// The TLS handshake took longer than the test allows.
        TlsTimeout = 1300 "tls handshake timeout",
        /// What came over an open connection is none of TLS, or was changed on its way.
        BrokenTls = 1300 "tls connection broken",
        /// The certificate is no longer valid, or not yet.
        ExpiredCertificate = 1300 "certificate out of date",
        /// The target wants a client certificate, and got none.
        ClientCertificateRequired = 1300 "client certificate required",
        /// The target does not accept the client certificate.
        ClientCertificateRefused = 1300 "client certificate refused",
        /// The target does not speak TLS.
        NotTls = 1301 "server speaks no tls",
        /// The certificate is not signed by a known authority.
        UnknownAuthority = 1310 "certificate of unknown authority",
        /// The certificate is for another host.
        WrongHost = 1311 "certificate for another host",
        /// HTTP/2 went wrong in a way that has no code.
        Http2 = 1600 "http2 error",
        /// The target closed the connection before the response was complete.
        ConnectionClosed = 1000 "connection closed before the response was complete",
        /// The response is not HTTP.
        InvalidResponse = 1000 "invalid http response",
        /// The response's head is larger than 256 KiB, or has more than 256 headers.
        HeadTooLarge = 1000 "response head too large",
        /// The target switched to another protocol (status 101), which the request had not asked for.
        SwitchedProtocols = 1000 "unexpected switch of protocols",
        /// The response's body is larger than the test allows.
        BodyTooLarge = 1000 "response body too large",
        /// The stream that gives the request's body failed, or did not keep its length.
        RequestBody = 1000 "request body failed",
        /// The response's body is not what its `content-encoding` says, or inflates to more than the test allows.
        Decompression = 1701 "decompression failed",
        /// The request's future was dropped.
        Cancelled = 1000 "cancelled",
        /// Anything else.
        Other = 1000 "other",
    }
    with_code: {
        /// The target closed the HTTP/2 connection with this code, and did not answer.
        Http2GoAway = 1610 "http2 goaway" of_goaway,
        /// The HTTP/2 stream was ended with this code, by the target or because of what it sent.
        Http2Stream = 1630 "http2 stream error" of_stream,
        /// What the target sent broke HTTP/2 in a way that ends the connection.
        Http2Connection = 1650 "http2 connection error" of_connection,
    }
}

impl ErrorKind {
    /// The target has ended the connection, in whatever way.
    pub(super) fn is_of_ended_connection(self) -> bool {
        matches!(self, Self::ConnectionClosed | Self::ConnectionReset | Self::BrokenPipe)
    }
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

    /// k6's number for what went wrong, as in the `error_code` tag.
    pub fn code(&self) -> u16 {
        self.inner.kind.code()
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
    use std::collections::HashSet;

    fn all() -> Vec<ErrorKind> {
        let of_http2 = HTTP2.iter().flat_map(|kind| H2Code::ALL.iter().map(|code| kind(*code)));
        PLAIN.iter().copied().chain(of_http2).collect()
    }

    #[test]
    fn each_kind_has_a_number_and_a_text_of_its_own() {
        let indices: Vec<_> = all().into_iter().map(|kind| usize::from(kind.index())).collect();
        assert_eq!(indices, (1..=indices.len()).collect::<Vec<_>>());
        let texts: HashSet<_> = all().into_iter().map(ErrorKind::text).collect();
        assert_eq!(texts.len(), indices.len());
        assert!(
            texts.iter().all(|text| !text.is_empty() && text.trim() == *text && text.len() < 60),
            "{texts:?}"
        );
    }

    /// The numbers that k6 2.2 documents for requests without an answer, but for 1010.
    #[test]
    fn each_code_of_k6_has_a_kind_and_no_other_code_is_given() {
        let mut known = vec![1000, 1020, 1050, 1100, 1101, 1110, 1111];
        known.extend([1200, 1201, 1202, 1210, 1211, 1212, 1213, 1220, 1300, 1301, 1310, 1311]);
        known.push(1600);
        known.extend([1610..=1624, 1630..=1644, 1650..=1664].into_iter().flatten());
        known.push(1701);
        let mut given: Vec<_> = all().into_iter().map(ErrorKind::code).collect();
        given.sort_unstable();
        given.dedup();
        assert_eq!(given, known);
    }

    #[test]
    fn an_error_tells_the_request_the_kind_and_the_detail() {
        let error =
            SendError::new(ErrorKind::Unreachable, &Method::GET, "http://h/", Some("no route".into()));
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unreachable, 1213));
        assert_eq!(error.to_string(), "GET http://h/: target unreachable: no route");
    }
}
