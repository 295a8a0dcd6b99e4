//! The cookies of a request, and those that its response sets.

use super::jar::{matching, matching_below};
use super::set_cookie::parsed;
use super::{CookieJar, Store};
use crate::protocol::http::RequestBuilder;
use crate::protocol::http::head::Headers;
use crate::protocol::http::target::Target;
use http::HeaderValue;
use http::header::{COOKIE, HeaderMap};

impl RequestBuilder {
    /// Sends a cookie with this request, instead of one of that name in the jar. It is not kept.
    pub fn cookie(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && !b"=;,\"".contains(&b)) {
            return self.fail(format_args!(
                "cookie `{name}`: its name has other characters than letters, digits and marks"
            ));
        }
        if !value.bytes().all(|b| (b.is_ascii_graphic() || b == b' ') && b != b';') {
            return self
                .fail(format_args!("cookie `{name}`: its value has a `;` or characters that are not ASCII"));
        }
        self.extras().cookies.push((name, value));
        self
    }

    /// Takes cookies from this jar, and puts those of the response into it, instead of the VU's.
    pub fn jar(mut self, jar: &CookieJar) -> Self {
        self.extras().jar = Jar::Own(jar.store());
        self
    }

    /// Sends no cookies of the VU's jar, and keeps none of the response's.
    pub fn without_cookies(mut self) -> Self {
        self.extras().jar = Jar::None;
        self
    }

    fn known_jar(&self) -> Option<&Store> {
        match self.extras.as_ref().map(|extras| &extras.jar) {
            Some(Jar::Own(store)) => Some(store),
            Some(Jar::None) => None,
            Some(Jar::OfVu) | None => {
                self.http.cookies.known(&self.vu, self.http.core.options.http.keep_cookies)
            }
        }
    }
}

/// Where a request's cookies come from.
#[derive(Default)]
pub(in crate::protocol::http) enum Jar {
    #[default]
    OfVu,
    Own(Store),
    None,
}

/// The `cookie` header of a hop, if it has one beside what the test's and the request's own headers say.
#[inline]
pub(in crate::protocol::http) fn header(request: &RequestBuilder, target: &Target) -> Option<HeaderValue> {
    let store = request.known_jar();
    let own = request.extras.as_ref().map_or(&[][..], |extras| &extras.cookies);
    if store.is_none() && own.is_empty() {
        return None;
    }
    written(request, target, store, own)
}

fn written(
    request: &RequestBuilder,
    target: &Target,
    store: Option<&Store>,
    own: &[(String, String)],
) -> Option<HeaderValue> {
    let mut text = said(request, target);
    let mut push = |name: &str, value: &str| {
        if !text.is_empty() {
            text.extend_from_slice(b"; ");
        }
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value.as_bytes());
    };
    own.iter().for_each(|(name, value)| push(name, value));
    let mut push_new = |(name, value): (&str, &str)| {
        if !own.iter().any(|(known, _)| known == name) {
            push(name, value);
        }
    };
    if let Some(store) = store {
        let store = store.borrow();
        match target.plain_path() {
            Some(path) => matching_below(&store, &target.origin.root, path).for_each(push_new),
            None => target.parsed().iter().flat_map(|url| matching(&store, url)).for_each(&mut push_new),
        }
    }
    if text.is_empty() {
        return None;
    }
    let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a header of the user's own says already: as in k6, cookies are added to it.
fn said(request: &RequestBuilder, target: &Target) -> Vec<u8> {
    if !request.headers.iter().any(|(name, _)| *name == COOKIE) && !target.origin.lines.have(&COOKIE) {
        // For most cookies.
        return Vec::with_capacity(128);
    }
    let own = request.headers.iter().filter(|(name, _)| *name == COOKIE);
    let own: Vec<_> = own.map(|(_, value)| value.as_bytes()).collect();
    if own.is_empty() && !request.is_abroad() {
        let of_test = target.origin.headers.get_all(COOKIE).into_iter();
        return of_test.map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b"; "[..]);
    }
    own.join(&b"; "[..])
}

/// Keeps what a response sets.
#[inline]
pub(in crate::protocol::http) fn keep(request: &RequestBuilder, target: &Target, headers: &Headers) {
    if headers.marks.has_set_cookie {
        keep_all(request, target, headers.map());
    }
}

fn keep_all(request: &RequestBuilder, target: &Target, headers: &HeaderMap) {
    let store = match request.extras.as_ref().map(|extras| &extras.jar) {
        Some(Jar::Own(store)) => store,
        Some(Jar::None) => return,
        Some(Jar::OfVu) | None => {
            request.http.cookies.make(&request.vu, request.http.core.options.http.keep_cookies)
        }
    };
    let Ok(url) = target.parsed() else { return };
    let mut store = store.borrow_mut();
    for cookie in parsed(headers) {
        // One that may not come from there is ignored, as the standard says.
        let _ = store.insert_raw(&cookie, url);
    }
}
