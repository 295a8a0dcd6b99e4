//! Redirects: which hop comes next, and what it may know.

use super::error::{Failure, SendError};
use super::head::{Head, Headers};
use super::target::{Target, Written};
use super::{ErrorKind, RequestBuilder};
use crate::plan::counted;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE,
    COOKIE, HOST, HeaderName, LOCATION, PROXY_AUTHORIZATION, REFERER, TRANSFER_ENCODING,
};
use http::{HeaderValue, Method, StatusCode};
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use url::{Position, Url};

/// As in k6.
pub(super) const MOST: u32 = 10;

/// What a body said of itself.
const OF_BODY: [HeaderName; 6] =
    [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, TRANSFER_ENCODING];
/// What another origin must not be told.
pub(super) const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// Redirects at a limit that nobody has set: a test may measure them without knowing. Of all cores, and rare enough for that.
#[derive(Debug, Default)]
pub(crate) struct Unfollowed {
    count: AtomicU64,
    /// Its name.
    first: OnceLock<Box<str>>,
}

impl Unfollowed {
    fn note(&self, name: impl FnOnce() -> Box<str>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.first.get_or_init(name);
    }

    /// What a reader of the results has to know.
    pub(crate) fn warning(&self) -> Option<String> {
        let (count, first) = (self.count.load(Ordering::Relaxed), self.first.get()?);
        let redirects = counted(count, "redirect");
        Some(format!(
            "not followed: {redirects} beyond the {MOST}th of a request (first: {first}); raise max_redirects, or set it \
             to {MOST} if that is meant"
        ))
    }
}

impl RequestBuilder {
    /// Follows at most this many redirects, instead of the test's
    /// [`Http::max_redirects`](super::Http::max_redirects). 0 hands out the redirect itself.
    pub fn redirects(mut self, most: u32) -> Self {
        self.extras().redirects = Some(most);
        self
    }

    /// If somebody has said it.
    fn most_redirects(&self) -> Option<u32> {
        let own = self.extras.as_ref().and_then(|extras| extras.redirects);
        own.or(self.http.core.options.http.max_redirects)
    }
}

/// Where the redirect leads, if the answer is one that shall be followed; the request becomes the next hop's.
pub(super) fn next(
    request: &mut RequestBuilder,
    from: &Rc<Target>,
    answer: &Head,
) -> Result<Option<Rc<Target>>, SendError> {
    let Some(location) = leads(request, answer.status, &answer.headers) else {
        note_unfollowed(request, from, answer.status, &answer.headers);
        return Ok(None);
    };
    let method = method_after(answer.status, &request.method);
    let failed = |failure: Failure| SendError::new(failure.kind, &method, &from.url(), failure.detail);
    let invalid = |error| Failure::new(ErrorKind::InvalidRequest, error);
    let asked = from.parsed().map_err(|error| failed(invalid(error)))?;
    let target = resolve(request, from, asked, location).map_err(failed)?;
    become_hop(request, method, from, asked, &target);
    Ok(Some(target))
}

/// Where an answer leads, if it is a redirect that shall be followed. One that wants a body again which is gone cannot be.
pub(super) fn leads<'a>(
    request: &RequestBuilder,
    status: StatusCode,
    headers: &'a Headers,
) -> Option<&'a HeaderValue> {
    if !redirects(status) || request.hops >= request.most_redirects().unwrap_or(MOST) {
        return None;
    }
    let wants_body = method_after(status, &request.method) == request.method;
    if wants_body && !request.is_repeatable() {
        return None;
    }
    headers.map().get(LOCATION)
}

/// Remembers an answer that is handed out, if it is a redirect at the limit.
#[inline]
pub(super) fn note_unfollowed(
    request: &RequestBuilder,
    from: &Target,
    status: StatusCode,
    headers: &Headers,
) {
    let is_at_limit = request.hops == MOST && request.most_redirects().is_none();
    if is_at_limit && redirects(status) && headers.marks.has_location {
        let core = &request.http.core;
        core.options.unfollowed.note(|| (*core.name(request.name_at(from))).into());
    }
}

/// 300 leaves the choice to the user, 304 is no redirect (RFC 9110, 15.4).
fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// As the Fetch standard (HTTP-redirect fetch, step 12), which all browsers follow, makes of RFC 9110's choices.
fn method_after(status: StatusCode, method: &Method) -> Method {
    match (status.as_u16(), method) {
        (301 | 302, &Method::POST) => Method::GET,
        (303, method) if !matches!(*method, Method::GET | Method::HEAD) => Method::GET,
        _ => method.clone(),
    }
}

fn resolve(
    request: &RequestBuilder,
    from: &Target,
    asked: &Url,
    location: &HeaderValue,
) -> Result<Rc<Target>, Failure> {
    let text = text(location);
    let invalid = |problem: &str| {
        Failure::new(ErrorKind::InvalidRequest, format_args!("redirected to `{}`: {problem}", shown(&text)))
    };
    let url = asked.join(&text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("neither http nor https"));
    }
    let target = Target::of_url(&request.http.core, &url);
    let mut target = target.map_err(|failure| invalid(failure.detail.as_deref().unwrap_or_default()))?;
    if target.auth.is_none() && target.origin.id == from.origin.id {
        target.auth.clone_from(&from.auth);
    }
    Ok(Rc::new(target))
}

/// Servers that write other bytes than UTF-8 mean these very bytes.
fn text(location: &HeaderValue) -> Cow<'_, str> {
    let bytes = location.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes
            .iter()
            .map(|byte| match byte {
                0..0x80 => char::from(*byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect::<String>()
            .into(),
    }
}

/// For messages: without secrets, and no longer than a person reads.
fn shown(location: &str) -> String {
    let bare = Written::of(location).name();
    match bare.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &bare[..end]),
        None => bare,
    }
}

fn become_hop(request: &mut RequestBuilder, method: Method, from: &Target, asked: &Url, to: &Target) {
    // A template names the whole journey of its request.
    if request.name.is_none() && from.from_template {
        request.name = Some(from.name(&request.http.core));
    }
    if method != request.method {
        request.method = method;
        request.drop_body();
        request.headers.retain(|(name, _)| !OF_BODY.contains(name));
    }
    let is_abroad = from.origin.id != to.origin.id;
    if is_abroad {
        request.headers.retain(|(name, _)| !CREDENTIALS.contains(name) && *name != HOST);
        let extras = request.extras();
        extras.is_abroad = true;
        extras.cookies.clear();
    }
    let is_downgrade = from.origin.tls && !to.origin.tls;
    request.headers.retain(|(name, _)| *name != REFERER);
    // Paths and queries may be secrets: another origin learns only where the request came from, as from browsers.
    let referer = if is_abroad { &asked[..Position::BeforePath] } else { asked.as_str() };
    let slash = if is_abroad { "/" } else { "" };
    if !is_downgrade && let Ok(referer) = HeaderValue::try_from(format!("{referer}{slash}")) {
        request.headers.push((REFERER, referer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_rewritten_as_browsers_do() {
        let after = |status, method| method_after(StatusCode::from_u16(status).unwrap(), &method);
        for status in [301, 302] {
            assert_eq!(after(status, Method::POST), Method::GET);
            assert_eq!(after(status, Method::PUT), Method::PUT);
            assert_eq!(after(status, Method::HEAD), Method::HEAD);
        }
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(after(303, method.clone()), Method::GET);
            assert_eq!(after(307, method.clone()), method);
            assert_eq!(after(308, method.clone()), method);
        }
        assert_eq!(after(303, Method::HEAD), Method::HEAD);
    }

    #[test]
    fn only_five_statuses_redirect() {
        let statuses = (100..600).filter_map(|status| StatusCode::from_u16(status).ok());
        let followed: Vec<u16> = statuses.filter(|s| redirects(*s)).map(|s| s.as_u16()).collect();
        assert_eq!(followed, [301, 302, 303, 307, 308]);
    }
}
