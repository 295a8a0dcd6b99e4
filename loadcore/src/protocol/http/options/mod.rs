//! What a whole test says about its HTTP requests.

mod addresses;
mod batch;
mod bodies;
mod connections;
mod dns;
mod http;
mod http2;
mod names;
mod tls;
mod tls_environment;
mod told;

pub(crate) use self::batch::Batch;
#[cfg(feature = "reqwest")]
pub(crate) use self::connections::Connections;
pub(crate) use self::connections::Reuse;
pub use self::dns::{Dns, DnsPolicy, DnsSelect};
pub use self::http::Http;
pub(crate) use self::http2::Speaks;
pub use self::http2::{Http2, HttpVersions};
pub(crate) use self::tls::Pem;
pub use self::tls::{ClientCertificate, Tls, TlsError, TlsVersion};
pub(crate) use self::tls_environment::TlsEnvironment;

pub(crate) use self::names::Destination;
use crate::protocol::http::follow::Unfollowed;
use crate::protocol::http::rate_cap::RateCap;
use crate::protocol::http::transport::dns::Lookups;
use crate::protocol::http::transport::tls::TlsClient;
use ::http::header::{ACCEPT_ENCODING, CONNECTION, HOST, USER_AGENT};
use ::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

/// A test-wide HTTP option that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The base URL is not one.
    #[error("base URL `{url}`: {problem}; write for example http://127.0.0.1:8080")]
    BaseUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A default header has an impossible name or value.
    #[error("default header `{name}`: {problem}")]
    Header {
        /// The header's name as given.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An option of TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The cap on requests is no rate.
    #[error("{0} requests per second are no cap: give a number above 0, or leave it out")]
    RateCap(f64),
    /// HTTP/2 has no such setting.
    #[error("HTTP/2 option {0}")]
    Http2(String),
    /// An option has a value that it cannot have.
    #[error("{option} `{given}`: {problem}")]
    Unusable {
        /// What it is about.
        option: &'static str,
        /// As given.
        given: String,
        /// What is wrong with it, and what to write instead.
        problem: String,
    },
    /// The expected statuses are none.
    #[error("expected statuses: {0}")]
    Statuses(String),
}

pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const USER_AGENT_VALUE: &str = concat!("loadcore/", env!("CARGO_PKG_VERSION"));

/// Options of one test, shared by all cores.
#[derive(Debug, Default)]
pub(crate) struct HttpOptions {
    pub(crate) base_url: Option<Url>,
    pub(crate) headers: HeaderMap,
    pub(crate) discard_bodies: bool,
    /// PEM certificates to trust beside the system's and the built-in ones.
    pub(crate) roots_pem: Vec<Vec<u8>>,
    /// The most requests per second, on all cores together.
    pub(crate) rate_cap: Option<RateCap>,
    pub(crate) lookups: Lookups,
    pub(crate) unfollowed: Unfollowed,
    /// As the test gave them.
    pub(crate) http: Http,
    tls: OnceCell<TlsClient>,
}

impl HttpOptions {
    /// As in k6: a request gives up after a minute.
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

    /// Whether requests get a `traceparent` of their own: unless the test says one for all.
    pub(crate) fn traces(&self) -> bool {
        !self.headers.contains_key(&TRACEPARENT)
    }

    /// What every request to this host says, unless it says otherwise itself. Made once and cloned, which is far cheaper
    /// than putting the headers together for each request.
    pub(crate) fn default_headers(&self, host: HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE));
        // Keeps the place: a header that is replaced needs no memory.
        headers.insert(&TRACEPARENT, HeaderValue::from_static(""));
        if self.http.connections.reuse() == Reuse::Never {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(accept) = &self.http.bodies.accept {
            headers.insert(ACCEPT_ENCODING, accept.clone());
        }
        headers.extend(self.headers.clone());
        headers
    }

    pub(crate) fn set_base_url(&mut self, text: &str) -> Result<(), OptionsError> {
        let error = |problem: String| OptionsError::BaseUrl { url: text.to_owned(), problem };
        let url = Url::parse(text).map_err(|parse| match parse {
            url::ParseError::RelativeUrlWithoutBase => {
                error("it does not begin with http:// or https://".to_owned())
            }
            other => error(other.to_string()),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(error(format!("`{}` is not http or https", url.scheme())));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(error("it must not have a query or fragment".to_owned()));
        }
        self.base_url = Some(url);
        Ok(())
    }

    pub(crate) fn set_http(&mut self, http: &Http) -> Result<(), OptionsError> {
        self.http = http.clone();
        http.problem().map_or(Ok(()), Err)
    }

    pub(crate) fn add_header(&mut self, name: &str, value: &str) -> Result<(), OptionsError> {
        let error = |problem| OptionsError::Header { name: name.to_owned(), problem };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| error("a header's name is made of letters, digits and dashes"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| error("its value has a line break or another control character"))?;
        self.headers.append(key, value);
        Ok(())
    }

    pub(crate) fn cap_rate(&mut self, per_second: f64) -> Result<(), OptionsError> {
        self.rate_cap = Some(RateCap::per_second(per_second).ok_or(OptionsError::RateCap(per_second))?);
        Ok(())
    }
}

/// `Basic` credentials, as a header value; `None` if they contain control characters.
pub(crate) fn basic_auth(user: &str, password: Option<&str>) -> Option<HeaderValue> {
    let text = format!("{user}:{}", password.unwrap_or(""));
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_base_url_is_explained() {
        for (url, want) in [
            ("127.0.0.1:8080", "does not begin with http://"),
            ("localhost:8080", "`localhost` is not http"),
            ("ftp://h", "`ftp` is not http"),
            ("http://h/?q=1", "query"),
            ("http://", "empty host"),
        ] {
            let error = HttpOptions::default().set_base_url(url).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("http://127.0.0.1:8080"), "{url}: {error}");
        }
        assert!(HttpOptions::default().set_base_url("https://shop.test/api").is_ok());
    }

    #[test]
    fn credentials_are_encoded_as_rfc_7617_says() {
        assert_eq!(basic_auth("Aladdin", Some("open sesame")).unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
