//! What a whole test says about its HTTP requests.

use super::rate_cap::RateCap;
use super::tls;
use base64::Engine as _;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
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
    /// The certificates cannot be read.
    #[error("root certificates: {0}")]
    Roots(String),
    /// The cap on requests is no rate.
    #[error("{0} requests per second are no cap: give a number above 0, or leave it out")]
    RateCap(f64),
}

pub(super) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const USER_AGENT_VALUE: &str = concat!("loadcore/", env!("CARGO_PKG_VERSION"));

/// Options of one test, shared by all cores.
#[derive(Debug, Default)]
pub(crate) struct HttpOptions {
    pub(crate) base_url: Option<Url>,
    pub(crate) headers: HeaderMap,
    pub(crate) discard_bodies: bool,
    /// PEM certificates to trust beside the system's and the built-in ones.
    pub(crate) roots_pem: Vec<Vec<u8>>,
    /// The most requests per second, on all cores together.
    pub(super) rate_cap: Option<RateCap>,
    tls: OnceCell<Arc<rustls::ClientConfig>>,
}

impl HttpOptions {
    /// As in k6: a request gives up after a minute.
    pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
    /// As in k6: a connection attempt gives up after half a minute.
    pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Whether requests get a `traceparent` of their own: unless the test says one for all.
    pub(super) fn traces(&self) -> bool {
        !self.headers.contains_key(&TRACEPARENT)
    }

    /// What every request to this host says, unless it says otherwise itself. Made once and cloned, which is far cheaper
    /// than putting the headers together for each request.
    pub(super) fn default_headers(&self, host: HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE));
        // Keeps the place: a header that is replaced needs no memory.
        headers.insert(&TRACEPARENT, HeaderValue::from_static(""));
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

    /// Reads the certificates now, so that a bad one is an error before the start.
    pub(crate) fn check_roots(&self) -> Result<(), OptionsError> {
        if self.roots_pem.is_empty() && self.base_url.as_ref().is_none_or(|url| url.scheme() != "https") {
            return Ok(());
        }
        let config = tls::client_config(&self.roots_pem).map_err(OptionsError::Roots)?;
        // A second call finds the same configuration.
        let _ = self.tls.set(config);
        Ok(())
    }

    /// The TLS configuration, made at the first `https` request if it was not before; reading the system's certificates
    /// must not hold up a core.
    pub(super) async fn tls(&self) -> Arc<rustls::ClientConfig> {
        // The user's own certificates were checked before the start, so only the built-in ones are left here.
        let read = || tls::client_config(&[]).unwrap_or_else(|_| tls::builtin_config());
        let make = async || tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| tls::builtin_config());
        Arc::clone(self.tls.get_or_init(make).await)
    }
}

/// `Basic` credentials, as a header value; `None` if they contain control characters.
pub(super) fn basic_auth(user: &str, password: Option<&str>) -> Option<HeaderValue> {
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
