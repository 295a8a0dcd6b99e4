//! A jar, and what may be asked of it.

use super::Store;
use crate::protocol::http::state::HttpVu;
use crate::protocol::http::target::{IntoUrl, Written};
use crate::run::Vu;
use cookie_store::{Cookie, CookieError as Refusal, CookieStore};
use std::fmt;
use std::rc::Rc;
use url::{Host, Url};

/// A jar of cookies, kept by the rules of RFC 6265: those of a VU ([`Vu::cookies`](crate::Vu::cookies)), or one of the
/// journey's own ([`Vu::new_cookie_jar`](crate::Vu::new_cookie_jar)). Clones are the same jar. URLs are paths of the base
/// URL or whole URLs, as in requests. A cookie that is `Secure` goes to `https` URLs, and to loopback addresses, which
/// browsers trust as well. There is no list of public suffixes (as in k6): `shop.co.uk` may set a cookie for all of `co.uk`.
#[derive(Clone)]
pub struct CookieJar {
    pub(super) of: Whose,
    pub(super) http: Rc<HttpVu>,
}

/// Whose cookies a jar has.
#[derive(Clone)]
pub(super) enum Whose {
    /// The running iteration's, also if the handle is an earlier one's.
    Vu(Vu),
    Journey(Store),
}

/// A cookie that a jar does not take, or a URL that none is for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cookie `{what}`: {problem}")]
pub struct CookieError {
    what: String,
    problem: String,
}

impl CookieError {
    fn new(what: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { what: what.into(), problem: problem.to_string() }
    }
}

impl CookieJar {
    /// Keeps a cookie as if this URL had sent it: `sid=1; Path=/; Secure`. One that is over (`sid=; Path=/; Max-Age=0`) is
    /// forgotten.
    ///
    /// # Errors
    /// If it is not a cookie, or may not come from there.
    pub fn set(&self, url: impl IntoUrl, cookie: &str) -> Result<(), CookieError> {
        let url = self.url(&url.written())?;
        // The rest may be a secret.
        let name = || cookie.split(['=', ';']).next().unwrap_or_default().escape_debug().to_string();
        if cookie.chars().any(char::is_control) {
            return Err(CookieError::new(name(), "it has a control character"));
        }
        let problem = match self.store().borrow_mut().parse(cookie, &url) {
            // There was none to forget.
            Ok(_) | Err(Refusal::Expired) => return Ok(()),
            Err(Refusal::Parse) => "this is no cookie; write for example sid=1; Path=/".to_owned(),
            Err(Refusal::DomainMismatch) => {
                format!("{} may not set it for that domain", url.host_str().unwrap_or_default())
            }
            Err(other) => other.to_string(),
        };
        Err(CookieError::new(name(), problem))
    }

    /// The value that a request to this URL would send for this name.
    ///
    /// # Errors
    /// If the URL is none.
    pub fn get(&self, url: impl IntoUrl, name: &str) -> Result<Option<String>, CookieError> {
        Ok(self.for_url(url)?.into_iter().find_map(|(known, value)| (known == name).then_some(value)))
    }

    /// Names and values that a request to this URL would send, those of longer paths first.
    ///
    /// # Errors
    /// If the URL is none.
    pub fn for_url(&self, url: impl IntoUrl) -> Result<Vec<(String, String)>, CookieError> {
        let url = self.url(&url.written())?;
        let store = self.store();
        let store = store.borrow();
        Ok(matching(&store, &url).map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
    }

    /// Forgets the cookies of this name that a request to this URL would send. Tells whether there was one.
    ///
    /// # Errors
    /// If the URL is none.
    pub fn remove(&self, url: impl IntoUrl, name: &str) -> Result<bool, CookieError> {
        let url = self.url(&url.written())?;
        let store = self.store();
        let mut store = store.borrow_mut();
        let places: Vec<_> = store
            .matches(&url)
            .into_iter()
            .filter(|cookie| cookie.name() == name)
            .map(|cookie| (cookie.domain.as_cow().map(|d| d.into_owned()), String::from(cookie.path.clone())))
            .collect();
        let mut removed = false;
        for (domain, path) in places {
            removed |= domain.is_some_and(|domain| store.remove(&domain, &path, name).is_some());
        }
        Ok(removed)
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.store().borrow_mut().clear();
    }

    pub(super) fn store(&self) -> Store {
        match &self.of {
            Whose::Vu(vu) => Rc::clone(self.http.cookies.make(vu, self.http.core.options.http.keep_cookies)),
            Whose::Journey(store) => Rc::clone(store),
        }
    }

    fn url(&self, written: &Written<'_>) -> Result<Url, CookieError> {
        let error = |problem: &dyn fmt::Display| CookieError::new(written.text(), problem);
        if !written.text().starts_with('/') {
            let url = Url::parse(written.text()).map_err(|problem| error(&problem))?;
            let is_web = matches!(url.scheme(), "http" | "https");
            return if is_web { Ok(url) } else { Err(error(&"neither http nor https")) };
        }
        let Some(base) = &self.http.core.base else {
            return Err(error(&"there is no base URL for this path"));
        };
        Url::parse(&[&base.root, &base.prefix, written.text()].concat()).map_err(|problem| error(&problem))
    }
}

/// The number of cookies alone: their values may be secrets.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookies = self.store().borrow().iter_unexpired().count();
        f.debug_struct("CookieJar").field("cookies", &cookies).finish_non_exhaustive()
    }
}

/// As [`matching`], for a path below an origin's root: no URL has to be made of them.
pub(super) fn matching_below<'a>(
    store: &'a CookieStore,
    root: &Url,
    path: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let is_secure = is_secure(root);
    let is_sent = |cookie: &&Cookie<'static>| {
        leads_to(&cookie.path, path)
            && cookie.domain.matches(root)
            && (is_secure || !cookie.secure().unwrap_or(false))
            && !cookie.is_expired()
    };
    let mut cookies: Vec<_> = store.iter_any().filter(is_sent).collect();
    cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
    cookies.into_iter().map(|cookie| cookie.name_value())
}

/// RFC 6265, 5.1.4.
fn leads_to(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// Whether cookies for secure origins go there: browsers trust loopback addresses as well.
fn is_secure(root: &Url) -> bool {
    root.scheme() == "https"
        || match root.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// RFC 6265, 5.4: longer paths first; else those of a domain in the order they came.
pub(super) fn matching<'a>(
    store: &'a CookieStore,
    url: &Url,
) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let mut cookies = store.matches(url);
    cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
    cookies.into_iter().map(|cookie| cookie.name_value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// With few names, so that they meet, and many values, so that they are told apart.
    fn cookie() -> impl Strategy<Value = String> {
        let attributes = prop_oneof![
            Just(""),
            Just("; Path=/"),
            Just("; Path=/a"),
            Just("; Path=/a/"),
            Just("; Path=/a/b"),
            Just("; Secure"),
            Just("; Path=/; HttpOnly"),
            Just("; Domain=shop.test"),
            Just("; Domain=shop.test; Path=/a"),
            Just("; Max-Age=0"),
            Just("; Max-Age=1000"),
        ];
        ("[abc]", 0..10_000, attributes)
            .prop_map(|(name, value, attributes)| format!("{name}={value}{attributes}"))
    }

    proptest! {
        #[test]
        fn the_short_way_sends_the_same_cookies(
            set in prop::collection::vec((0..5_usize, "(/[ab]{0,2}){1,3}", cookie()), 0..12),
            host in 0..5_usize,
            path in "(/[ab]{0,2}){1,3}",
        ) {
            let hosts = ["http://shop.test", "https://shop.test", "http://a.shop.test", "http://127.0.0.1:80", "https://other.test"];
            let url = |host: usize, path: &str| Url::parse(&format!("{}{path}", hosts[host])).unwrap();
            let mut store = CookieStore::default();
            for (host, path, cookie) in &set {
                // Some may not come from there.
                let _ = store.parse(cookie, &url(*host, path));
            }
            let expected: Vec<_> = matching(&store, &url(host, &path)).collect();
            let sent: Vec<_> = matching_below(&store, &url(host, "/"), &path).collect();
            prop_assert_eq!(sent, expected);
        }
    }
}
