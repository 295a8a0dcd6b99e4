//! What comes before a response's body: a status, a version, and headers that are kept as they came until somebody asks for all.

use super::transport::http1::{Lent, Marks, lookup};
use http::header::{CONTENT_ENCODING, LOCATION, SET_COOKIE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use std::cell::OnceCell;

/// The head of a response.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) headers: Headers,
}

impl From<Parts> for Head {
    fn from(parts: Parts) -> Self {
        Self { status: parts.status, version: parts.version, headers: parts.headers.into() }
    }
}

/// The headers of a response.
#[derive(Debug)]
pub(super) struct Headers {
    /// As they came; a small body may follow them.
    raw: Option<Lent>,
    /// What every request asks for.
    pub(super) marks: Marks,
    /// Boxed: few requests ask for it, and the others would carry its size along.
    map: OnceCell<Box<HeaderMap>>,
}

impl Headers {
    /// In the buffer that they came in.
    #[inline]
    pub(super) fn raw(buffer: Lent, marks: Marks) -> Self {
        Self { raw: Some(buffer), marks, map: OnceCell::new() }
    }

    /// All of them.
    pub(super) fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            Box::new(self.raw.as_ref().map_or_else(HeaderMap::new, |raw| lookup::to_map(raw)))
        })
    }

    /// The first value of this name that a header has.
    pub(super) fn first(&self, name: &str) -> Option<&[u8]> {
        match (&self.raw, self.map.get()) {
            (Some(raw), None) => lookup::first(raw, name),
            _ => self.map().get(name).map(HeaderValue::as_bytes),
        }
    }

    /// What they came in, and a small body behind them.
    #[inline]
    pub(super) fn buffer(&self) -> Option<&[u8]> {
        self.raw.as_ref().map(|raw| raw.filled())
    }

    pub(super) fn buffer_mut(&mut self) -> Option<&mut Lent> {
        self.raw.as_mut()
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        // Cheaper than to look each of them up.
        let has = |name: HeaderName| map.keys().any(|key| *key == name);
        let marks = Marks {
            has_content_encoding: has(CONTENT_ENCODING),
            has_set_cookie: has(SET_COOKIE),
            has_location: has(LOCATION),
        };
        Self { raw: None, marks, map: OnceCell::from(Box::new(map)) }
    }
}
