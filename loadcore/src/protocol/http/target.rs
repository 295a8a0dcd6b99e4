//! From what the user wrote to where a request goes, and under which name it is counted.

use super::ErrorKind;
use super::error::Failure;
use super::message::Lines;
use super::options::{Speaks, basic_auth};
use super::state::HttpCore;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fmt::{Display, Write};
use std::rc::Rc;
use url::Url;

/// A scheme, host and port.
#[derive(Debug)]
pub(super) struct Origin {
    /// One for each on its core: connections are found by it.
    pub(super) id: u32,
    pub(super) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port as the URL had them.
    pub(super) authority: String,
    /// Its root, without credentials.
    pub(super) root: Url,
    /// The headers that every request to it starts from.
    pub(super) headers: HeaderMap,
    /// The same as HTTP/1.1 writes them.
    pub(super) lines: Lines,
    /// Which version of HTTP, as its last connection has shown.
    pub(super) speaks: Cell<Speaks>,
}

/// The `name` tag of a target. Of a URL it stays text until a request is counted under it: most journeys with ever new URLs give
/// their requests another name, and what the core has interned stays for the whole run.
#[derive(Debug, Clone)]
enum Name {
    Interned(u32),
    Text(Rc<(String, OnceCell<u32>)>),
}

/// A resolved URL.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) origin: Rc<Origin>,
    pub(super) path: PathAndQuery,
    name: Name,
    /// From `user:password@` in the URL.
    pub(super) auth: Option<HeaderValue>,
    /// Written as a template.
    pub(super) from_template: bool,
    /// Made when somebody asks.
    parsed: OnceCell<Result<Url, url::ParseError>>,
}

/// The bytes of a path that nobody writes otherwise.
static PLAIN: [bool; 256] = {
    let (mut plain, marks, mut byte) = ([false; 256], b"/-._~!$&'()*+,;=:@", 0_u8);
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        plain[marks[mark] as usize] = true;
        mark += 1;
    }
    plain
};

impl Target {
    /// Where a URL leads that no journey has written: a redirect's, or that of a request built elsewhere. Counted as the user
    /// would have written it.
    pub(super) fn of_url(core: &HttpCore, url: &Url) -> Result<Self, Failure> {
        let target = from_url(core, url, Name::Interned(0))?;
        Ok(Self { name: Name::text(target.name_of_path(core, url)), ..target })
    }

    /// Where a client has come to that follows redirects itself. Counted as the one that it was asked for.
    #[cfg(feature = "reqwest")]
    pub(super) fn landed(&self, core: &HttpCore, url: &Url) -> Result<Self, Failure> {
        Ok(Self { from_template: self.from_template, ..from_url(core, url, self.name.clone())? })
    }

    /// The `name` tag, interned by the core.
    #[inline]
    pub(super) fn name(&self, core: &HttpCore) -> u32 {
        match &self.name {
            Name::Interned(id) => *id,
            Name::Text(name) => *name.1.get_or_init(|| core.intern_name(&name.0)),
        }
    }

    /// Below the base URL the path alone, elsewhere the URL without its secrets.
    fn name_of_path(&self, core: &HttpCore, url: &Url) -> String {
        let base = core.base.as_ref().filter(|base| base.origin.id == self.origin.id);
        let below = base.and_then(|base| url.path().strip_prefix(base.prefix.as_str()));
        match below.filter(|path| path.starts_with('/')) {
            Some(path) => path.to_owned(),
            None => Written::of(url.as_str()).name(),
        }
    }

    /// The same with what a request adds to the query.
    pub(super) fn with_query(&self, query: &str) -> Result<Self, Failure> {
        let separator = if self.path.query().is_some() { '&' } else { '?' };
        let path = PathAndQuery::try_from(format!("{}{separator}{query}", self.path));
        Ok(Self {
            origin: Rc::clone(&self.origin),
            path: path.map_err(|error| Failure::new(ErrorKind::InvalidRequest, error))?,
            name: self.name.clone(),
            auth: self.auth.clone(),
            from_template: self.from_template,
            parsed: OnceCell::new(),
        })
    }

    /// The path without its query, where the standard for URLs leaves it as it is.
    pub(super) fn plain_path(&self) -> Option<&str> {
        let path = self.path.path();
        (path.bytes().all(|byte| PLAIN[usize::from(byte)]) && !path.contains("/.")).then_some(path)
    }

    /// The URL without credentials, for cookies and redirects.
    pub(super) fn parsed(&self) -> Result<&Url, url::ParseError> {
        self.parsed.get_or_init(|| Url::parse(&self.url())).as_ref().map_err(|error| *error)
    }

    /// For messages: without credentials.
    pub(super) fn url(&self) -> String {
        let scheme = if self.origin.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.origin.authority, self.path)
    }
}

impl Name {
    fn text(name: String) -> Self {
        Self::Text(Rc::new((name, OnceCell::new())))
    }
}

/// A path with its template, made by [`path!`](crate::path): the requests of all values count under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    template: &'static str,
    path: String,
}

impl Path {
    /// What `path!` writes.
    #[doc(hidden)]
    pub fn new(template: &'static str, path: String) -> Self {
        Self { template, path }
    }

    /// The template, which becomes the `name` tag: `/users/{id}/profile`.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// The path with its values: `/users/7/profile`.
    pub fn as_str(&self) -> &str {
        &self.path
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

/// A URL as the user wrote it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Written<'a> {
    text: Cow<'a, str>,
    template: Option<&'static str>,
}

/// What `vu.get(..)` and its siblings take: a path that is resolved against the base URL, a whole `http://` or
/// `https://` URL, or a [`path!`](crate::path).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a URL",
    note = "write a `&str`, a `String`, or `path!(\"/users/{{id}}\")`"
)]
pub trait IntoUrl {
    /// The text, and its template if there is one.
    #[doc(hidden)]
    fn written(&self) -> Written<'_>;
}

impl<T: IntoUrl + ?Sized> IntoUrl for &T {
    fn written(&self) -> Written<'_> {
        (**self).written()
    }
}

impl IntoUrl for str {
    fn written(&self) -> Written<'_> {
        Written { text: Cow::Borrowed(self), template: None }
    }
}

impl IntoUrl for String {
    fn written(&self) -> Written<'_> {
        self.as_str().written()
    }
}

impl IntoUrl for Path {
    fn written(&self) -> Written<'_> {
        Written { text: Cow::Borrowed(&self.path), template: Some(self.template) }
    }
}

/// What to do about a path that leads nowhere.
const NO_BASE_URL: &str = "add --base-url URL, or LoadTest::base_url in the code, or write the whole URL";

fn without_credentials(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Cow::Borrowed(url) };
    let authority = &rest[..rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len())];
    match authority.rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://****@{}", &rest[at + 1..])),
        None => Cow::Borrowed(url),
    }
}

impl<'a> Written<'a> {
    /// Without a template.
    pub(super) fn of(text: &'a str) -> Self {
        Written { text: Cow::Borrowed(text), template: None }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_template(&self) -> bool {
        self.template.is_some()
    }

    /// Of templates there are few.
    fn name_in(&self, core: &HttpCore) -> Name {
        match self.template {
            Some(template) => Name::Interned(core.intern_name(template)),
            None => Name::text(self.name()),
        }
    }

    /// The `name` tag of what is no template: the text without query, fragment and credentials.
    pub(super) fn name(&self) -> String {
        without_credentials(self.text.split(['?', '#']).next().unwrap_or_default()).into_owned()
    }

    /// For messages, also about what is no URL.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        for char in without_credentials(&self.text).chars() {
            if char.is_control() { shown.extend(char.escape_default()) } else { shown.push(char) }
        }
        shown
    }

    /// Where the request goes.
    pub(super) fn resolve(&self, core: &HttpCore) -> Result<Target, Failure> {
        let invalid = |problem: &str| Failure::new(ErrorKind::InvalidRequest, problem);
        if self.text.bytes().any(|byte| byte.is_ascii_control()) {
            // The standard for URLs drops line breaks: another resource would be asked for than the one written.
            return Err(invalid(
                "a URL has no line breaks or other control characters: write %0A for one that is meant",
            ));
        }
        if self.text.starts_with('/') {
            let base = core.base.as_ref().ok_or_else(|| Failure::new(ErrorKind::NoBaseUrl, NO_BASE_URL))?;
            let name = self.name_in(core);
            let text = self.text.split('#').next().unwrap_or_default();
            let path = if base.prefix.is_empty() {
                PathAndQuery::try_from(text)
            } else {
                PathAndQuery::try_from(format!("{}{text}", base.prefix))
            };
            if let Ok(path) = path {
                let (origin, auth) = (Rc::clone(&base.origin), base.auth.clone());
                return Ok(Target {
                    origin,
                    path,
                    name,
                    auth,
                    from_template: self.is_template(),
                    parsed: OnceCell::new(),
                });
            }
            // Characters that must be percent-encoded first.
            let joined = format!("{}{}{text}", base.root, base.prefix);
            let url = Url::parse(&joined).map_err(|error| invalid(&error.to_string()))?;
            return Ok(Target { from_template: self.is_template(), ..from_url(core, &url, name)? });
        }
        if !self.text.starts_with("http://") && !self.text.starts_with("https://") {
            return Err(invalid("a URL starts with `/`, `http://` or `https://`"));
        }
        let url = Url::parse(&self.text).map_err(|error| invalid(&error.to_string()))?;
        let target = from_url(core, &url, self.name_in(core))?;
        Ok(Target { from_template: self.is_template(), ..target })
    }
}

fn from_url(core: &HttpCore, url: &Url, name: Name) -> Result<Target, Failure> {
    let path_and_query = match url.query() {
        Some(query) => PathAndQuery::try_from(format!("{}?{query}", url.path())),
        None => PathAndQuery::try_from(url.path()),
    };
    let path = path_and_query.map_err(|error| Failure::new(ErrorKind::InvalidRequest, error))?;
    let origin = core.intern_origin(url)?;
    Ok(Target { origin, path, name, auth: url_auth(url), from_template: false, parsed: OnceCell::new() })
}

pub(super) fn url_auth(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decode(text);
    basic_auth(&decode(url.username()), url.password().map(decode).as_deref())
}

fn percent_decode(text: &str) -> String {
    // form_urlencoded decodes percent signs; a plus in credentials stands for itself.
    let escaped = text.replace('+', "%2B");
    url::form_urlencoded::parse(escaped.as_bytes())
        .map(|(key, _)| key.into_owned())
        .next()
        .unwrap_or_default()
}

/// Writes a value as part of one path segment: everything but unreserved characters is percent-encoded (RFC 3986).
pub(crate) fn push_encoded(out: &mut String, value: &dyn Display) {
    struct Encoder<'a>(&'a mut String);
    impl Write for Encoder<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            for byte in text.bytes() {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        self.0.push(char::from(byte));
                    }
                    _ => write!(self.0, "%{byte:02X}")?,
                }
            }
            Ok(())
        }
    }
    // Writing into a string fails only if the value's own Display does; the rest of the path is still right.
    let _ = write!(Encoder(out), "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_was_written_without_query_and_secrets() {
        for (url, name) in [
            ("/v2/products?category=electronics", "/v2/products"),
            ("/a#b", "/a"),
            ("http://h:1/x?y=1", "http://h:1/x"),
            ("https://ann:secret@h/x", "https://****@h/x"),
            ("http://h/x@y", "http://h/x@y"),
        ] {
            assert_eq!(url.written().name(), name);
        }
    }

    #[test]
    fn values_cannot_break_out_of_their_segment() {
        let mut out = String::from("/users/");
        push_encoded(&mut out, &"a/b?c=ü d~1");
        assert_eq!(out, "/users/a%2Fb%3Fc%3D%C3%BC%20d~1");
    }

    #[test]
    fn credentials_in_urls_are_decoded() {
        let url = Url::parse("http://an%40n:a+b@h/").unwrap();
        assert_eq!(url_auth(&url), basic_auth("an@n", Some("a+b")));
    }

    #[test]
    fn messages_show_neither_secrets_nor_control_characters() {
        let shown = |text| Written::of(text).shown();
        assert_eq!(shown("https://ann:se@cret@h?q=a@b\u{1b}[2J\n"), "https://****@h?q=a@b\\u{1b}[2J\\n");
        assert_eq!(shown("/a/käse?b=c://d@e"), "/a/käse?b=c://****@e");
    }
}
