//! Building a request: `vu.post("/x").bearer_auth(token).json(&body).send()`.

use super::error::{Failure, SendError};
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
use http::uri::PathAndQuery;
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

    /// A request of any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        let http = self.extension(|vu| HttpVu::new(vu.state.core.extension(HttpCore::new)));
        let written = url.written();
        let target = http
            .core
            .target(&written)
            .map_err(|failure| SendError::new(failure.kind, &method, written.text(), failure.detail));
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
        }
    }
}

impl RequestBuilder {
    fn fail(mut self, problem: impl fmt::Display) -> Self {
        if let Ok(target) = &self.target {
            let failure = Failure::new(ErrorKind::InvalidRequest, problem);
            self.target = Err(SendError::new(failure.kind, &self.method, &target.url(), failure.detail));
        }
        self
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
                self.body = json.into();
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
                self.body = form.into();
                self.content_type = Some("application/x-www-form-urlencoded");
                self
            }
            Err(error) => self.fail(format_args!("form body: {error}")),
        }
    }

    /// Sends these bytes as they are. Taken without a copy from `Bytes`, `Vec<u8>`, `String` and `&'static` text and bytes.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
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

    /// Gives up after this long, connecting included. Default: 60 s.
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
    pub(super) fn name_or(&self, name: u32) -> u32 {
        self.name.unwrap_or(name)
    }

    /// The path to ask for, with what [`query`](Self::query) has added.
    pub(super) fn path(&self, target: &Target) -> Result<PathAndQuery, Failure> {
        if self.query.is_empty() {
            return Ok(target.path.clone());
        }
        let separator = if target.path.query().is_some() { '&' } else { '?' };
        let path = format!("{}{separator}{}", target.path, self.query);
        PathAndQuery::try_from(path).map_err(|error| Failure::new(ErrorKind::InvalidRequest, error))
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
