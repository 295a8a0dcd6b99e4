//! HTTP: requests that a VU sends over connections of its own.
#![doc = include_str!("../../docs/http.md")]

// options/     what a whole test says      Http::new().max_redirects(5)
// request.rs   what the user builds        vu.post("/x").json(&body)
// send.rs      one request                 cap -> hops -> response
// hop.rs       one hop of it, measured     pool -> connect -> exchange -> record
// transport/   connections                 send one request, get one response with its marks
// response.rs  what the user gets

mod batch;
#[cfg(feature = "test-util")]
mod bench;
mod body;
mod cookies;
mod count;
mod dump;
mod error;
mod expect;
mod follow;
mod h2_code;
mod head;
mod hop;
mod message;
mod metrics;
mod options;
mod origins;
mod rate_cap;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod response;
mod send;
mod state;
mod streamed;
mod target;
mod transport;
mod unexpected;

#[cfg(feature = "test-util")]
#[doc(hidden)]
pub use bench::{Exchanged, Http1, Recording};
pub use body::{Encoding, Form};
pub use cookies::{CookieError, CookieJar, SetCookie};
pub use error::{BodyError, ErrorKind, SendError};
pub use expect::Statuses;
pub use h2_code::H2Code;
pub use metrics::*;
pub use options::{
    ClientCertificate, Dns, DnsPolicy, DnsSelect, Http, Http2, HttpVersions, OptionsError, Tls, TlsError,
    TlsVersion,
};
pub(crate) use options::{HttpOptions, TlsEnvironment};
pub use request::RequestBuilder;
#[cfg(feature = "reqwest")]
pub use reqwest::{Executable, reqwest_builder};
pub use response::{Response, Timings};
pub use streamed::StreamedResponse;
pub(crate) use target::push_encoded;
pub use target::{IntoUrl, Path, Written};
#[cfg(feature = "test-util")]
#[doc(hidden)]
pub use transport::memory::Answer;
pub use unexpected::UnexpectedStatus;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
