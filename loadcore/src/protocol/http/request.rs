//! Building a request: `vu.post("/x").bearer_auth(token).json(&body).send()`.

use super::body::{Encoding, More};
use super::cookies::Jar;
use super::error::{Failure, SendError};
use super::expect::Statuses;
use super::options::{HttpOptions, basic_auth};
use super::response::Response;
use super::send::send;
use super::state::{HttpCore, HttpVu};
use super::target::{IntoUrl, Target};
use super::{ErrorKind, metrics};
use crate::metric::TagSetId;
use crate::run::Vu;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A request in the making. It owns what it needs: its future borrows nothing, so that several can be joined.
///
/// A mistake in building it (such as an impossible header) is reported by [`send`](RequestBuilder::send).
#[must_use = "a request does nothing until `.send().await`"]
pub struct RequestBuilder {
    pub(super) vu: Vu,
    pub(super) http: Rc<HttpVu>,
    pub(super) method: Method,
    pub(super) target: Result<Rc<Target>, SendError>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) query: String,
    pub(super) body: Bytes,
    /// What the body is, unless a header says otherwise.
    pub(super) content_type: Option<&'static str>,
    pub(super) timeout: Duration,
    pub(super) tags: TagSetId,
    /// Instead of the target's own name.
    pub(super) name: Option<u32>,
    /// Redirects that were followed.
    pub(super) hops: u32,
    /// The jar's, for this hop.
    pub(super) cookie: Option<HeaderValue>,
    /// What few requests say, apart so that the others stay small.
    pub(super) extras: Option<Box<Extras>>,
}

/// What a request may say beside the usual.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) redirects: Option<u32>,
    /// A redirect has led to another origin: the test's credentials stay at home.
    pub(super) is_abroad: bool,
    pub(super) expected: Option<Statuses>,
    pub(super) jar: Jar,
    /// Beside the jar's.
    pub(super) cookies: Vec<(String, String)>,
    /// What of the body is not in one piece.
    pub(super) more: Option<More>,
    /// Of a body whose type is not always the same.
    pub(super) content_type: Option<HeaderValue>,
    pub(super) compress: Vec<Encoding>,
    /// Instead of what the test says.
    pub(super) discards_body: Option<bool>,
    /// It was built by reqwest, which sends it.
    #[cfg(feature = "reqwest")]
    pub(super) executed: Option<Box<super::reqwest::Executed>>,
}

impl Extras {
    /// Leaves nothing of a body.
    pub(super) fn drop_more(&mut self) {
        self.more = None;
        #[cfg(feature = "reqwest")]
        if let Some(executed) = &mut self.executed {
            executed.stream = None;
        }
    }
}

impl Vu {
    /// A `GET` request to a path of the base URL, or to a whole URL.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A `POST` request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A `PUT` request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A `PATCH` request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A `DELETE` request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A `HEAD` request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// An `OPTIONS` request.
    pub fn options(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::OPTIONS, url)
    }

    /// HTTP's state of this VU.
    pub(super) fn http(&self) -> Rc<HttpVu> {
        self.extension(|vu| HttpVu::new(vu.state.core.extension(HttpCore::new)))
    }

    /// A request of any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        let http = self.http();
        let written = url.written();
        let target = http
            .core
            .target(&written)
            .map_err(|failure| SendError::new(failure.kind, &method, &written.shown(), failure.detail));
        self.request_to(http, method, target)
    }

    pub(super) fn request_to(
        &self,
        http: Rc<HttpVu>,
        method: Method,
        target: Result<Rc<Target>, SendError>,
    ) -> RequestBuilder {
        let mut tags = self.tags;
        if metrics::method_index(&method).is_none() {
            tags = self.state.core.recorder.borrow_mut().tags.with(tags, "method", method.as_str());
        }
        RequestBuilder {
            vu: self.clone(),
            http,
            method,
            target,
            headers: Vec::new(),
            query: String::new(),
            body: Bytes::new(),
            content_type: None,
            timeout: HttpOptions::TIMEOUT,
            tags,
            name: None,
            hops: 0,
            cookie: None,
            extras: None,
        }
    }
}

impl RequestBuilder {
    pub(super) fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    pub(super) fn is_abroad(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.is_abroad)
    }

    pub(super) fn fail(mut self, problem: impl fmt::Display) -> Self {
        self.wrong(problem);
        self
    }

    /// It cannot be sent.
    pub(super) fn wrong(&mut self, problem: impl fmt::Display) {
        if let Ok(target) = &self.target {
            let failure = Failure::new(ErrorKind::InvalidRequest, problem);
            self.target = Err(SendError::new(failure.kind, &self.method, &target.url(), failure.detail));
        }
    }

    /// Adds a header; replaces the test's default of that name.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Display>,
        V: TryInto<HeaderValue, Error: fmt::Display>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => {
                self.headers.push((name, value));
                self
            }
            (Err(error), _) => self.fail(format_args!("header name: {error}")),
            (_, Err(error)) => self.fail(format_args!("header value: {error}")),
        }
    }

    /// Adds to the URL's query: pairs, a map, or a struct.
    pub fn query(mut self, query: &(impl Serialize + ?Sized)) -> Self {
        match serde_urlencoded::to_string(query) {
            Ok(text) => {
                if !self.query.is_empty() && !text.is_empty() {
                    self.query.push('&');
                }
                self.query.push_str(&text);
                self
            }
            Err(error) => self.fail(format_args!("query: {error}")),
        }
    }

    /// Sends this value as JSON, with its content type.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => {
                self.set_body(json.into());
                self.content_type = Some("application/json");
                self
            }
            Err(error) => self.fail(format_args!("JSON body: {error}")),
        }
    }

    /// Sends this value as a form (`application/x-www-form-urlencoded`): pairs, a map, or a struct.
    pub fn form(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_urlencoded::to_string(body) {
            Ok(form) => {
                self.set_body(form.into());
                self.content_type = Some("application/x-www-form-urlencoded");
                self
            }
            Err(error) => self.fail(format_args!("form body: {error}")),
        }
    }

    /// Sends these bytes as they are. Taken without a copy from `Bytes`, `Vec<u8>`, `String` and `&'static` text and bytes.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.set_body(body.into());
        self
    }

    /// Sends `authorization: Bearer TOKEN`.
    pub fn bearer_auth(mut self, token: impl fmt::Display) -> Self {
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.push((AUTHORIZATION, value));
                self
            }
            Err(_) => self.fail("bearer token: it has a line break or another control character"),
        }
    }

    /// Sends `authorization: Basic ..` with this user and password.
    pub fn basic_auth(mut self, user: impl AsRef<str>, password: Option<&str>) -> Self {
        match basic_auth(user.as_ref(), password) {
            Some(value) => {
                self.headers.push((AUTHORIZATION, value));
                self
            }
            None => self.fail("basic credentials: they have a control character"),
        }
    }

    /// Gives up after this long, connecting and redirects included. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Adds a tag to this request's samples.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags = self.vu.state.core.recorder.borrow_mut().tags.with(self.tags, key, value);
        self
    }

    /// Counts this request under another name than its path: one name for all URLs that mean the same.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(self.http.core.intern_name(name));
        self
    }

    /// Sends the request and waits for the whole response.
    ///
    /// # Errors
    /// If there is no complete answer: it is counted already, and `?` ends the iteration. A status such as 500 is an
    /// answer, and no error.
    pub fn send(self) -> impl Future<Output = Result<Response, SendError>> {
        send(self)
    }

    /// The `name` tag: the user's own, or else the target's.
    #[inline]
    pub(super) fn name_at(&self, target: &Target) -> u32 {
        self.name.unwrap_or_else(|| target.name(&self.http.core))
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.target.as_ref().map(|target| target.url());
        f.debug_struct("RequestBuilder")
            .field("method", &self.method)
            .field("url", &url)
            .finish_non_exhaustive()
    }
}
