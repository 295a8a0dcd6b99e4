//! Where names lead: overrides, blocked names, Unix sockets.

use super::told::Told;
use super::{Dns, Http, OptionsError};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Host;

/// What a test says about host names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) dns: Dns,
    overrides: Vec<(Pattern, Destination)>,
    blocked: Vec<(Pattern, String)>,
    /// For all hosts without an override.
    unix_socket: Option<Arc<Path>>,
    wrong: Option<OptionsError>,
}

/// Where a host's connections go instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// An address, and a port if it is another one.
    Address(IpAddr, Option<u16>),
    /// Another name, which is looked up.
    Name(String, Option<u16>),
    /// A socket of this machine.
    Unix(Arc<Path>),
}

/// Which hosts are meant: `shop.test`, `shop.test:8080`, `*.shop.test`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// Anything may stand before the name.
    is_wild: bool,
    name: String,
    port: Option<u16>,
}

impl Names {
    /// Where connections to this host go, if not to the host itself.
    pub(crate) fn destination(&self, host: &str, port: u16) -> Option<Destination> {
        let own = best(&self.overrides, host, port).cloned();
        own.or_else(|| self.unix_socket.clone().map(Destination::Unix))
    }

    /// The pattern by which this host is blocked.
    pub(crate) fn blocked_by(&self, host: &str, port: u16) -> Option<&str> {
        best(&self.blocked, host, port).map(String::as_str)
    }

    pub(super) fn problem(&self) -> Option<OptionsError> {
        self.wrong.clone()
    }

    /// An option that only connections of loadcore's own keep.
    #[cfg(feature = "reqwest")]
    pub(crate) fn own_only(&self) -> Option<&'static str> {
        let Dns { ttl, select, policy, resolver } = Dns::default();
        let looks_up = &self.dns;
        let has_dns = (looks_up.ttl, looks_up.select, looks_up.policy) != (ttl, select, policy)
            || looks_up.resolver.is_some() != resolver.is_some();
        let options = [
            ("dns", has_dns),
            ("host", !self.overrides.is_empty()),
            ("unix_socket", self.unix_socket.is_some()),
        ];
        options.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    }

    /// What a plan says of it.
    pub(super) fn tell(&self, told: &mut Told) {
        self.dns.tell(told);
        let lead = |(from, to): &(Pattern, Destination)| (from.to_string(), to.to_string().into());
        let hosts: serde_json::Map<_, _> = self.overrides.iter().map(lead).collect();
        told.some("hosts", (!hosts.is_empty()).then_some(hosts));
        told.some("unix_socket", self.unix_socket.as_ref().map(|path| path.display().to_string()));
        told.list("block_hostnames", self.blocked.iter().map(|(_, given)| given.clone()).collect());
    }

    /// The first problem is the one that is told.
    fn wrong(&mut self, option: &'static str, given: &str, problem: String) {
        let given = given.to_owned();
        self.wrong.get_or_insert(OptionsError::Unusable { option, given, problem });
    }
}

/// What the most telling pattern stands for: one with a port before one without, a whole name before the end of one, a
/// longer end before a shorter one. Of two that are the same the later one.
fn best<'a, T>(list: &'a [(Pattern, T)], host: &str, port: u16) -> Option<&'a T> {
    // `shop.test.` is the same host.
    let host = without_dot(host);
    let fitting = list.iter().filter(|(pattern, _)| pattern.fits(host, port));
    let best =
        fitting.max_by_key(|(pattern, _)| (pattern.port.is_some(), !pattern.is_wild, pattern.name.len()));
    best.map(|(_, value)| value)
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { is_wild: false, name: address.ip().to_string(), port: Some(address.port()) });
        }
        if let Some(ip) = address(text) {
            return Ok(Self { is_wild: false, name: ip.to_string(), port: None });
        }
        let (name, port) = split_port(text)?;
        let (is_wild, rest) = name.strip_prefix('*').map_or((false, name), |rest| (true, rest));
        let bare = rest.strip_prefix('.').filter(|_| is_wild).unwrap_or(rest);
        let dot = &rest[..rest.len() - bare.len()];
        let name =
            if is_wild && rest.is_empty() { String::new() } else { format!("{dot}{}", Self::name(bare)?) };
        let name = without_dot(&name).to_owned();
        Ok(Self { is_wild, name, port })
    }

    fn name(text: &str) -> Result<String, String> {
        const EXAMPLE: &str = "write for example shop.test, shop.test:8080 or *.shop.test";
        if text.contains('*') {
            return Err(format!("`*` stands for the beginning of a name; {EXAMPLE}"));
        }
        host_name(text, EXAMPLE)
    }

    /// `host` is in lower case and ASCII, as URLs have it.
    fn fits(&self, host: &str, port: u16) -> bool {
        let fits = if self.is_wild { host.ends_with(&self.name) } else { host == self.name };
        fits && self.port.is_none_or(|own| own == port)
    }

    fn is_address(&self) -> bool {
        self.name.parse::<IpAddr>().is_ok()
    }
}

/// As it can be written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_wild, name, port } = self;
        let star = if *is_wild { "*" } else { "" };
        write!(f, "{star}{}", with_port(name, *port))
    }
}

/// As it can be written.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip, port) => f.write_str(&with_port(&ip.to_string(), *port)),
            Self::Name(name, port) => f.write_str(&with_port(name, *port)),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn with_port(host: &str, port: Option<u16>) -> String {
    match port {
        Some(port) if host.contains(':') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

impl Destination {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket_path(Path::new(path)).map(Self::Unix);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::Address(address.ip(), Some(used_port(address.port())?)));
        }
        if let Some(ip) = address(text) {
            return Ok(Self::Address(ip, None));
        }
        let (name, port) = split_port(text)?;
        let example = "write for example 127.0.0.1:8081, app.internal or unix:/run/app.sock";
        Ok(Self::Name(host_name(name, example)?, port))
    }
}

/// Without the dot that may end a whole name.
fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// An IP address, with or without the brackets of IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok()
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    if text.contains("://") {
        return Err("leave out the scheme; write for example shop.test or shop.test:8080".to_owned());
    }
    let Some((name, port)) = text.rsplit_once(':') else { return Ok((text, None)) };
    let number = port.parse().map_err(|_| format!("`{port}` is no port: ports are 1 to 65535"))?;
    Ok((name, Some(used_port(number)?)))
}

fn used_port(port: u16) -> Result<u16, String> {
    if port == 0 { Err("0 is no port: ports are 1 to 65535".to_owned()) } else { Ok(port) }
}

/// A name as URLs have it: in lower case and ASCII.
fn host_name(text: &str, example: &str) -> Result<String, String> {
    // URLs take marks that no name has.
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match Host::parse(text) {
        Ok(Host::Domain(name)) if is_name(&name) => Ok(name),
        Ok(Host::Ipv4(ip)) => {
            Err(format!("`{text}` is neither a name nor a whole address; write {ip} or a name"))
        }
        Ok(Host::Ipv6(ip)) => Err(format!("`{text}` is an address; write {ip}")),
        Ok(Host::Domain(_)) | Err(_) => Err(format!("`{text}` is no host name; {example}")),
    }
}

#[cfg(unix)]
fn socket_path(path: &Path) -> Result<Arc<Path>, String> {
    if path.as_os_str().is_empty() {
        return Err("the path is missing; write for example /run/app.sock".to_owned());
    }
    let known = std::os::unix::net::SocketAddr::from_pathname(path);
    known.map_err(|_| {
        "the system takes paths of up to 107 bytes without NUL; give a shorter one".to_owned()
    })?;
    Ok(Arc::from(path))
}

#[cfg(not(unix))]
fn socket_path(_: &Path) -> Result<Arc<Path>, String> {
    Err("this system has no Unix sockets; leave it out".to_owned())
}

impl Http {
    /// How names become addresses. Default: [`Dns::new`].
    pub fn dns(mut self, dns: Dns) -> Self {
        self.names.dns = dns;
        self
    }

    /// Sends the connections to a host elsewhere, without a change to what the target sees: its name stays in the `host`
    /// header, in TLS and in the `name` tag.
    ///
    /// `from` is a name (`shop.test`), a name with a port (`shop.test:443`: that port only), or the end of names after a
    /// `*` (`*.shop.test`); one with a port goes before one without, a whole name before the end of one, a longer end before a
    /// shorter one. `to` is an address (`127.0.0.1:8081`, or `127.0.0.1` with the URL's port), another name, or
    /// `unix:/run/app.sock`. May be called for several hosts.
    ///
    /// ```
    /// # use loadcore::http::Http;
    /// let http = Http::new().host("shop.test", "127.0.0.1:8081").host("*.cdn.test", "[::1]");
    /// ```
    pub fn host(mut self, from: &str, to: &str) -> Self {
        match (Pattern::parse(from), Destination::parse(to)) {
            (Ok(pattern), Ok(destination)) => self.names.overrides.push((pattern, destination)),
            (Err(problem), _) => self.names.wrong("host override of", from, problem),
            (_, Err(problem)) => self.names.wrong("host override to", to, problem),
        }
        self
    }

    /// Sends nothing to these hosts: `ads.test`, or `*.ads.test` for the end of names. Such a request fails with
    /// [`ErrorKind::BlockedHost`](crate::http::ErrorKind::BlockedHost), k6's error code 1111. Names are compared as the URL
    /// (or a redirect, or an override) has them; for addresses there is [`block_addresses`](Self::block_addresses). May be
    /// called for several hosts.
    pub fn block_host(mut self, host: &str) -> Self {
        match Pattern::parse(host) {
            Ok(pattern) if pattern.is_address() => {
                let problem = "this is an address; write block_addresses for it".to_owned();
                self.names.wrong("blocked host", host, problem);
            }
            Ok(pattern) => self.names.blocked.push((pattern, host.to_owned())),
            Err(problem) => self.names.wrong("blocked host", host, problem),
        }
        self
    }

    /// Sends all connections over this Unix socket, whatever host and port the URL names, except to hosts with an override
    /// ([`host`](Self::host), which also takes `unix:/run/app.sock` for single hosts). The base URL still gives scheme and
    /// `host` header: `http://localhost`. Responses then have no
    /// [`remote_addr`](crate::http::Response::remote_addr).
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        match socket_path(&path) {
            Ok(path) => self.names.unix_socket = Some(path),
            Err(problem) => self.names.wrong("Unix socket", &path.to_string_lossy(), problem),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a host leads, as text; overrides are written `from>to`.
    fn leads(overrides: &[&str], host: &str, port: u16) -> String {
        let http = overrides.iter().fold(Http::new(), |http, text| {
            let (from, to) = text.split_once('>').unwrap();
            http.host(from, to)
        });
        assert_eq!(http.names.problem(), None);
        match http.names.destination(host, port) {
            None => "itself".to_owned(),
            Some(Destination::Address(ip, port)) => format!("{ip} {port:?}"),
            Some(Destination::Name(name, port)) => format!("{name} {port:?}"),
            Some(Destination::Unix(path)) => path.display().to_string(),
        }
    }

    #[test]
    fn the_most_telling_override_counts() {
        let by_port =
            ["example.com:80>3.4.5.6:80", "example.com:443>3.4.5.6:8443", "example.com>3.4.5.6:9090"];
        assert_eq!(leads(&by_port, "example.com", 80), "3.4.5.6 Some(80)");
        assert_eq!(leads(&by_port, "example.com", 443), "3.4.5.6 Some(8443)");
        assert_eq!(leads(&by_port, "example.com", 8080), "3.4.5.6 Some(9090)");
        assert_eq!(leads(&by_port, "www.example.com", 80), "itself");
        assert_eq!(leads(&by_port[..2], "example.com", 9999), "itself");

        let wild =
            ["*.wild.io>1.0.0.1", "specific.wild.io>1.0.0.2", "*.not.wild.io>1.0.0.3", "*wild-2.io>[::2]:8"];
        assert_eq!(leads(&wild, "foo.wild.io", 80), "1.0.0.1 None");
        assert_eq!(leads(&wild, "also.specific.wild.io", 80), "1.0.0.1 None");
        assert_eq!(leads(&wild, "specific.wild.io", 80), "1.0.0.2 None");
        assert_eq!(leads(&wild, "x.not.wild.io", 80), "1.0.0.3 None");
        assert_eq!(leads(&wild, "wild.io", 80), "itself");
        assert_eq!(leads(&wild, "wild-2.io", 80), "::2 Some(8)");
        assert_eq!(leads(&wild, "prefixwild-2.io", 80), "::2 Some(8)");
        assert_eq!(leads(&["*>app.internal", "a.b:81>unix:/x"], "a.b", 80), "app.internal None");
        assert_eq!(leads(&["*>app.internal", "a.b:81>unix:/x"], "a.b", 81), "/x");
        assert_eq!(leads(&["10.0.0.1>127.0.0.1", "[::1]:80>127.0.0.2"], "10.0.0.1", 80), "127.0.0.1 None");
        assert_eq!(leads(&["10.0.0.1>127.0.0.1", "[::1]:80>127.0.0.2"], "::1", 80), "127.0.0.2 None");
        assert_eq!(leads(&["a.b>1.1.1.1", "A.B>2.2.2.2"], "a.b", 80), "2.2.2.2 None");
        assert_eq!(leads(&["Bücher.test>1.1.1.1"], "xn--bcher-kva.test", 80), "1.1.1.1 None");
    }

    #[test]
    fn a_whole_test_over_one_socket_still_has_its_overrides() {
        let http = Http::new().unix_socket("/run/app.sock").host("cdn.test", "127.0.0.1");
        let other = http.names.destination("shop.test", 80).unwrap();
        assert_eq!(other, Destination::Unix(Arc::from(Path::new("/run/app.sock"))));
        let own = http.names.destination("cdn.test", 80).unwrap();
        assert_eq!(own, Destination::Address(IpAddr::from([127, 0, 0, 1]), None));
    }

    #[test]
    fn blocked_names_are_compared_by_their_ends() {
        let http =
            Http::new().block_host("test.k6.io").block_host("*valid.pattern").block_host("ADS.test:81");
        let blocked = |host, port| http.names.blocked_by(host, port);
        assert_eq!(blocked("sub.test.k6.io", 80), None);
        assert_eq!(blocked("test.k6.io", 80), Some("test.k6.io"));
        assert_eq!(blocked("www.sub.valid.pattern", 80), Some("*valid.pattern"));
        assert_eq!((blocked("ads.test", 80), blocked("ads.test", 81)), (None, Some("ADS.test:81")));
        assert_eq!(blocked("test.k6.io.", 80), Some("test.k6.io"));
        assert_eq!(blocked("www.valid.pattern.", 80), Some("*valid.pattern"));
        assert_eq!(Http::new().block_host("a.test.").names.blocked_by("a.test", 80), Some("a.test."));
    }
}
