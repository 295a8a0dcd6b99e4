//! A cookie that a response sets.

use crate::protocol::http::Response;
use cookie_store::RawCookie;
use http::header::{HeaderMap, SET_COOKIE};

pub(super) fn parsed(headers: &HeaderMap) -> impl Iterator<Item = RawCookie<'static>> {
    let texts =
        headers.get_all(SET_COOKIE).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    texts.filter_map(|text| RawCookie::parse(text.to_owned()).ok())
}

/// A cookie that a response sets.
#[derive(Debug, Clone)]
pub struct SetCookie(RawCookie<'static>);

impl SetCookie {
    /// Its name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Its value.
    pub fn value(&self) -> &str {
        self.0.value()
    }

    /// The `Domain` attribute.
    pub fn domain(&self) -> Option<&str> {
        self.0.domain()
    }

    /// The `Path` attribute.
    pub fn path(&self) -> Option<&str> {
        self.0.path()
    }

    /// Whether scripts in pages may not read it.
    pub fn http_only(&self) -> bool {
        self.0.http_only().unwrap_or(false)
    }

    /// Whether it is for HTTPS only.
    pub fn secure(&self) -> bool {
        self.0.secure().unwrap_or(false)
    }

    /// How long it lives, if it says so.
    pub fn max_age(&self) -> Option<std::time::Duration> {
        self.0.max_age().and_then(|age| age.try_into().ok())
    }

    /// Until when it lives, if it says so.
    pub fn expires(&self) -> Option<std::time::SystemTime> {
        self.0.expires_datetime().map(Into::into)
    }
}

impl Response {
    /// The cookies that this response sets; what cannot be read is left out. See [`Vu::cookies`](crate::Vu::cookies) for
    /// those that are kept.
    pub fn cookies(&self) -> impl Iterator<Item = SetCookie> {
        parsed(self.headers()).map(SetCookie)
    }

    /// The cookie of this name, if the response sets it.
    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        self.cookies().find(|cookie| cookie.name() == name)
    }
}
