//! HTTP: requests that a VU sends over connections of its own.
//!
//! ```text
//! request.rs   what the user builds        vu.post("/x").json(&body)
//! send.rs      one request, measured       pool -> connect -> exchange -> record
//! connection.rs, connect.rs, stream.rs     the transport: send one request, get one response with its marks
//! response.rs  what the user gets
//! ```

#[cfg(feature = "test-util")]
mod bench;
mod connect;
mod connection;
mod dns;
mod dump;
mod error;
mod metrics;
mod options;
mod rate_cap;
mod request;
mod response;
mod send;
mod state;
mod stream;
mod target;
mod tls;
mod upload;

#[cfg(feature = "test-util")]
#[doc(hidden)]
pub use bench::Recording;
pub use error::{BodyError, ErrorKind, SendError};
pub use metrics::*;
pub(crate) use options::HttpOptions;
pub use options::OptionsError;
pub use request::RequestBuilder;
pub use response::{Response, Timings};
pub(crate) use target::push_encoded;
pub use target::{IntoUrl, Path, Written};

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
