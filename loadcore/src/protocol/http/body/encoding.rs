//! The encodings of bodies: what a client accepts, what it sends, and what a response says it has.

use crate::protocol::http::RequestBuilder;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};
use std::fmt;

/// How a body is compressed: a `content-encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `gzip`
    Gzip,
    /// `deflate`: in the zlib format, as the standard says. Responses in the raw format are read as well, as browsers do.
    Deflate,
    /// `br`
    Brotli,
    /// `zstd`, with a window of at most 8 MiB, as the standard says (RFC 9659).
    Zstd,
}

impl Encoding {
    /// All that loadcore can read, in the order in which browsers name them.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd];

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    fn of(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.name()))
    }
}

/// Its name in headers.
impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `gzip, br`. Whoever accepts none says so.
pub(in crate::protocol::http) fn header_of(encodings: impl IntoIterator<Item = Encoding>) -> HeaderValue {
    let names: Vec<_> = encodings.into_iter().map(Encoding::name).collect();
    let text = if names.is_empty() { "identity".to_owned() } else { names.join(", ") };
    // Letters, commas and blanks are always a valid header.
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("identity"))
}

/// What must be undone to read a body, the outermost first: up to an encoding that is not known, which nobody can undo.
pub(super) fn to_undo(headers: &HeaderMap) -> Vec<Encoding> {
    let values: Vec<_> = headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::to_str).collect();
    let names = values.iter().rev().flat_map(|value| value.as_deref().unwrap_or("?").rsplit(','));
    let names =
        names.map(str::trim).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
    names.map_while(Encoding::of).collect()
}

impl RequestBuilder {
    /// Asks for a compressed response: `accept-encoding: gzip, br`, instead of the test's
    /// ([`Http::accept_encoding`](crate::http::Http::accept_encoding)). None at all asks for one that is not compressed.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # use loadcore::http::Encoding;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let page = vu.get("/").accept_encoding(Encoding::ALL).send().await?;
    /// println!("{:?}: {}", page.header("content-encoding"), page.text()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept_encoding(mut self, encodings: impl IntoIterator<Item = Encoding>) -> Self {
        self.headers.retain(|(name, _)| *name != ACCEPT_ENCODING);
        self.headers.push((ACCEPT_ENCODING, header_of(encodings)));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn undoes(values: &[&'static str], want: &[Encoding]) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        assert_eq!(to_undo(&headers), want, "{values:?}");
    }

    #[test]
    fn what_was_done_last_is_undone_first() {
        use Encoding::{Brotli, Deflate, Gzip, Zstd};
        undoes(&[], &[]);
        undoes(&["gzip"], &[Gzip]);
        undoes(&["GZIP, br"], &[Brotli, Gzip]);
        undoes(&["x-gzip,identity ,, deflate", "zstd"], &[Zstd, Deflate, Gzip]);
        undoes(&["identity"], &[]);
        // What is under an unknown one cannot be reached.
        undoes(&["gzip, aes128gcm"], &[]);
        undoes(&["aes128gcm, gzip"], &[Gzip]);
    }

    #[test]
    fn a_header_names_them_all_or_says_that_there_are_none() {
        assert_eq!(header_of(Encoding::ALL), "gzip, deflate, br, zstd");
        assert_eq!(header_of([Encoding::Zstd]), "zstd");
        assert_eq!(header_of([]), "identity");
    }
}
