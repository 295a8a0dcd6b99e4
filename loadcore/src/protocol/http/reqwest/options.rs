//! Which client sends a test's requests, and which of the test's options it keeps.

use super::client;
use crate::protocol::http::Http;
use crate::protocol::http::options::{Connections, Http2, HttpOptions, HttpVersions, OptionsError, Reuse};
use ::reqwest::{Client, ClientBuilder, Proxy};
use std::fmt;
use std::sync::Arc;

/// Who sends a test's requests.
#[derive(Clone, Default)]
pub(crate) enum Via {
    /// Connections of loadcore's own.
    #[default]
    Own,
    /// One client for all VUs.
    Client(Client),
    /// A client for each VU.
    PerVu(Arc<Make>),
    /// Two options that both say it, the later one last.
    Twice([&'static str; 2]),
}

/// What a test adds to the clients of its VUs.
pub(crate) struct Make {
    add: Box<dyn Fn(ClientBuilder) -> ::reqwest::Result<ClientBuilder> + Send + Sync>,
    /// Of which option of [`Http`], and of which value.
    option: &'static str,
    given: String,
}

impl Via {
    #[inline]
    pub(crate) fn is_reqwest(&self) -> bool {
        !matches!(self, Self::Own)
    }

    /// The option of [`Http`] that says it.
    fn option(&self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Client(_) => Some("reqwest"),
            Self::PerVu(make) if make.option == PROXY => Some(PROXY),
            Self::PerVu(_) => Some(PER_VU),
            Self::Twice([_, last]) => Some(last),
        }
    }

    /// The same option said once more counts; another one cannot be kept beside it.
    fn set(&mut self, via: Self) {
        *self = match (self.option(), via.option()) {
            (Some(first), Some(last)) if first != last => Self::Twice([first, last]),
            _ => via,
        };
    }

    /// What a plan says of it.
    pub(crate) fn told(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Own | Self::Twice(_) => None,
            Self::PerVu(make) if make.option == PROXY => Some((PROXY, make.given.clone())),
            Self::Client(_) | Self::PerVu(_) => Some(("transport", "reqwest".to_owned())),
        }
    }
}

impl Make {
    pub(super) fn add(&self, builder: ClientBuilder) -> ::reqwest::Result<ClientBuilder> {
        (self.add)(builder)
    }
}

impl fmt::Debug for Via {
    /// A proxy's URL may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("Own"),
            Self::Client(_) => f.write_str("Client"),
            Self::PerVu(make) => f.debug_tuple("PerVu").field(&make.option).finish(),
            Self::Twice(options) => f.debug_tuple("Twice").field(options).finish(),
        }
    }
}

/// Proxies that reqwest speaks to.
const PROXIES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
const PROXY: &str = "proxy";
const PER_VU: &str = "reqwest_per_vu";
const EXAMPLE: &str = "; write for example http://127.0.0.1:3128 or socks5://127.0.0.1:1080";

impl Http {
    /// Sends all requests of the test with this reqwest client, instead of connections of loadcore's own: with a client that
    /// you have already, for what it is set up for. Needs the feature `reqwest`.
    ///
    /// The journeys stay the same: redirects, cookies, expected statuses, tags, `traceparent`, timeouts and errors work as
    /// without it. What reqwest does not show is absent from the metrics, and the summary says so: `http_req_blocked` and
    /// its parts, `http_req_sending`, `data_sent`, `data_received`, the tag `tls_version` (in
    /// [`Response::timings`](crate::http::Response::timings) those times are 0). `http_req_waiting` and `http_req_duration`
    /// begin when reqwest gets the request, so that connecting is a part of them; a request that is dropped counts as
    /// cancelled from that moment on. Bodies that are streamed, either way, need connections of loadcore's own.
    ///
    /// All VUs share the client's connections, each driven by the core that has opened it; for some of its own for each VU
    /// there is [`reqwest_per_vu`]. Build it with `redirect(Policy::none())`, so that each hop is a request in the metrics: hops
    /// that the client follows are one. Leave its cookie store off, for all VUs would be one user, and add `no_proxy()`, for
    /// reqwest reads `HTTP_PROXY` and its like. [`reqwest_builder`](crate::http::reqwest_builder) begins with all of that.
    /// Options of connections, names and TLS are the client's own: said here, too, they are an error before the start. Of
    /// default headers that both have, the test's are sent.
    ///
    /// ```
    /// use loadcore::http::{Http, reqwest_builder};
    /// use loadcore::prelude::*;
    ///
    /// let client = reqwest_builder().user_agent("shop").build()?;
    /// let test = LoadTest::new().http(Http::new().reqwest(client));
    /// # Ok::<(), loadcore::reqwest::Error>(())
    /// ```
    ///
    /// [`reqwest_per_vu`]: Http::reqwest_per_vu
    pub fn reqwest(mut self, client: Client) -> Self {
        self.via.set(Via::Client(client));
        self
    }

    /// Sends all requests of the test with reqwest, where each VU has a client of its own, made with its first request. `add`
    /// gets a builder with the test's options (TLS with ring and built-in roots, timeouts, versions), without redirects,
    /// retries, and proxies of the environment, and adds what the test needs. Otherwise as [`reqwest`](Http::reqwest). reqwest
    /// takes [`connect_timeout`](Http::connect_timeout) for all until there is a connection: lookup, proxy and TLS as well.
    ///
    /// It is called once before the start, where its error is one of the test's options. TLS is said in [`Http::tls`]: what
    /// the builder says of it has no effect.
    ///
    /// ```
    /// use loadcore::http::Http;
    /// use loadcore::reqwest::Proxy;
    ///
    /// let http = Http::new().reqwest_per_vu(|builder| {
    ///     Ok(builder.proxy(Proxy::http("http://127.0.0.1:3128")?).tcp_nodelay(false))
    /// });
    /// ```
    pub fn reqwest_per_vu(
        mut self,
        add: impl Fn(ClientBuilder) -> ::reqwest::Result<ClientBuilder> + Send + Sync + 'static,
    ) -> Self {
        let make = Make { add: Box::new(add), option: "reqwest client", given: PER_VU.to_owned() };
        self.via.set(Via::PerVu(Arc::new(make)));
        self
    }

    /// Sends all requests of the test through this proxy: `http://`, `https://`, `socks5://` (names are looked up here),
    /// `socks5h://` (the proxy looks them up), `socks4://` or `socks4a://`, with `user:password@` where it asks for them. Needs the
    /// feature `reqwest`, for reqwest sends them: see [`reqwest`](Http::reqwest) for what is then not measured. Each VU has
    /// connections of its own; a proxy that closes them without a word, such as tinyproxy, wants
    /// [`no_connection_reuse`](Http::no_connection_reuse). `HTTP_PROXY` and its like are not read.
    ///
    /// ```
    /// # use loadcore::http::Http;
    /// let http = Http::new().proxy("socks5h://127.0.0.1:1080");
    /// ```
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        let given = without_password(&url);
        let add = move |builder: ClientBuilder| Ok(builder.proxy(Proxy::all(&url)?));
        self.via.set(Via::PerVu(Arc::new(Make { add: Box::new(add), option: PROXY, given })));
        self
    }
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://****{}", &url[..scheme], &url[at..]),
        (None, Some(at)) => format!("****{}", &url[at..]),
        _ => url.to_owned(),
    }
}

impl HttpOptions {
    /// Says what reqwest cannot do, before the start.
    pub(crate) fn check_reqwest(&self) -> Result<(), OptionsError> {
        match &self.http.via {
            Via::Own => Ok(()),
            Via::Twice([first, last]) => Err(not_kept(
                last,
                &format!(
                    "{first} says already who sends the requests: write one of them; a client is given its proxy with \
                     builder.proxy(Proxy::all(url)?)"
                ),
            )),
            Via::Client(_) => match self.own_only().or_else(|| self.of_builder()) {
                Some(option) => {
                    Err(not_kept(option, "the reqwest client's own options decide: say it there"))
                }
                None => Ok(()),
            },
            Via::PerVu(make) => {
                if let Some(option) = self.own_only() {
                    let problem = "only connections of loadcore's own keep it, and reqwest makes this test's: leave it out";
                    return Err(not_kept(option, problem));
                }
                make.check(self)
            }
        }
    }

    /// An option that only connections of loadcore's own keep.
    pub(super) fn own_only(&self) -> Option<&'static str> {
        let Http { connections, names, addresses, http2, tls, .. } = &self.http;
        let default = Http2::default();
        let Connections { max_age, per_host, dns_timeout, tls_timeout, first_byte_timeout, .. } = connections;
        let options = [
            ("max_connection_age", max_age.is_some()),
            ("max_connections_per_host", per_host.is_some()),
            ("dns_timeout", dns_timeout.is_some()),
            ("tls_handshake_timeout", tls_timeout.is_some()),
            ("first_byte_timeout", first_byte_timeout.is_some()),
            ("Tls::server_name", tls.server_name.is_some()),
            ("Http2::max_streams", http2.max_streams != default.max_streams),
            ("Http2::initial_streams", http2.initial_streams != default.initial_streams),
            ("Http2::connections", http2.connections != default.connections),
        ];
        let of_connections = options.into_iter().find_map(|(name, is_set)| is_set.then_some(name));
        of_connections.or_else(|| names.own_only()).or_else(|| addresses.own_only())
    }

    /// An option that a client of the user's own has as well.
    fn of_builder(&self) -> Option<&'static str> {
        let Http { connections, versions, http2, tls, .. } = &self.http;
        let defaults = Connections::default();
        let options = [
            ("connect_timeout", connections.connect_timeout != defaults.connect_timeout),
            ("idle_timeout", connections.idle_timeout != defaults.idle_timeout),
            ("no_connection_reuse", connections.reuse() == Reuse::Never),
            ("no_vu_connection_reuse", connections.reuse() == Reuse::WithinIteration),
            ("versions", *versions != HttpVersions::default()),
            ("http2", *http2 != Http2::default()),
            ("tls", !tls.is_default() || tls.insecure || tls.resume_sessions),
            ("root_certificates", !self.roots_pem.is_empty()),
        ];
        options.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    }
}

fn not_kept(option: &str, problem: &str) -> OptionsError {
    OptionsError::Unusable { option: "HTTP option", given: option.to_owned(), problem: problem.to_owned() }
}

impl Make {
    /// Makes a client and throws it away.
    fn check(&self, options: &HttpOptions) -> Result<(), OptionsError> {
        let problem = if self.option == PROXY && !self.is_known_proxy() {
            format!("its scheme is none of {}", PROXIES.join(", "))
        } else {
            match client::build(options, &client::trusting_nobody(), Some(self)) {
                Ok(_) => return Ok(()),
                Err(error) => super::failure::chain(&error.without_url()),
            }
        };
        let example = if self.option == PROXY { EXAMPLE } else { "" };
        let (option, given) = (self.option, self.given.clone());
        Err(OptionsError::Unusable { option, given, problem: problem + example })
    }

    fn is_known_proxy(&self) -> bool {
        self.given.split_once("://").is_some_and(|(scheme, _)| PROXIES.contains(&scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_told() {
        for (url, told) in [
            ("http://ann:secret@h:1", "http://****@h:1"),
            ("socks5://h:1", "socks5://h:1"),
            ("ann:secret@h:1", "****@h:1"),
            ("http://ann:p@ss@h:1", "http://****@h:1"),
        ] {
            assert_eq!(without_password(url), told);
            let shown = format!("{:?}", Http::new().proxy(url));
            assert!(!shown.contains("secret") && !shown.contains("p@ss"), "{shown}");
        }
    }
}
