//! How names become addresses: for how long an answer holds, and which of its addresses are tried first.

use super::OptionsError;
use crate::plan::{format_duration, parse_duration};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Looks a name up.
pub(crate) type Resolver = Arc<dyn Fn(String) -> Lookup + Send + Sync>;
/// The lookup under way.
pub(crate) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>>;

/// How names become addresses, for [`Http::dns`](super::Http::dns). Addresses in URLs are not looked up.
///
/// Connections that fail are tried with the name's other addresses, so that what is selected here comes first and not alone.
///
/// ```
/// use loadcore::http::{Dns, DnsPolicy, DnsSelect, Http};
/// use loadcore::prelude::*;
///
/// let dns = Dns::new().ttl(mins(1)).select(DnsSelect::Random).policy(DnsPolicy::OnlyIpv4);
/// let test = LoadTest::new().http(Http::new().dns(dns));
/// // The same, as k6 writes it:
/// let dns: Dns = "ttl=1m,select=random,policy=onlyIPv4".parse()?;
/// # Ok::<(), loadcore::http::OptionsError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Dns {
    pub(crate) ttl: Duration,
    pub(crate) select: DnsSelect,
    pub(crate) policy: DnsPolicy,
    pub(crate) resolver: Option<Resolver>,
}

/// Which of a name's addresses a new connection tries first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DnsSelect {
    /// The first one of the answer.
    First,
    /// Any, drawn from the test's seed; k6's default. What the journey itself draws stays the same.
    Random,
    /// Each in turn, over all VUs of the process: the most even spread, and the default.
    #[default]
    RoundRobin,
}

/// Which kind of address is used, if a name has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DnsPolicy {
    /// IPv4 first: the default, since that is where most test targets listen.
    #[default]
    PreferIpv4,
    /// IPv6 first.
    PreferIpv6,
    /// IPv4 and nothing else.
    OnlyIpv4,
    /// IPv6 and nothing else.
    OnlyIpv6,
    /// Whichever is selected.
    Any,
}

/// "For ever", as in k6.
const INFINITE: Duration = Duration::from_secs(365 * 24 * 3600);

impl Default for Dns {
    fn default() -> Self {
        // As in k6.
        let ttl = Duration::from_secs(300);
        Self { ttl, select: DnsSelect::default(), policy: DnsPolicy::default(), resolver: None }
    }
}

impl Dns {
    /// All defaults: 5 minutes, round robin, IPv4 first, the system's resolver.
    pub fn new() -> Self {
        Self::default()
    }

    /// For how long an answer holds, whatever its own time to live: each process asks for a name once in that time. 0: each
    /// new connection asks. Default: 5 minutes. That there is no such name holds for a second at most.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Which address a new connection tries first. Default: [`DnsSelect::RoundRobin`].
    pub fn select(mut self, select: DnsSelect) -> Self {
        self.select = select;
        self
    }

    /// Which kind of address it tries. Default: [`DnsPolicy::PreferIpv4`].
    pub fn policy(mut self, policy: DnsPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Looks names up with this instead of the system's resolver: a service registry, a DNS client of the test's own. It
    /// gets the name in lower case and as ASCII, and runs on the core of the VU that connects. An error of the kind
    /// `NotFound` means that there is no such host (k6's error code 1101), any other that the lookup failed (1100).
    ///
    /// ```
    /// # use loadcore::http::Dns;
    /// # use std::net::IpAddr;
    /// let dns = Dns::new().resolver(async |name: &str| {
    ///     Ok(vec![if name == "shop.test" { IpAddr::from([127, 0, 0, 1]) } else { IpAddr::from([127, 0, 0, 2]) }])
    /// });
    /// ```
    pub fn resolver<F>(mut self, resolver: F) -> Self
    where
        F: AsyncFn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    {
        let resolver = Arc::new(resolver);
        self.resolver = Some(Arc::new(move |name| {
            let resolver = Arc::clone(&resolver);
            Box::pin(async move { resolver(&name).await })
        }));
        self
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ttl, select, policy, resolver } = self;
        f.debug_struct("Dns")
            .field("ttl", ttl)
            .field("select", select)
            .field("policy", policy)
            .field("has_own_resolver", &resolver.is_some())
            .finish()
    }
}

/// Reads k6's form: `ttl=5m,select=random,policy=preferIPv4`, each part at most once. What is not said keeps its default.
/// `ttl` is a duration, `0` or `inf`; `select` is `first`, `random` or `roundRobin`; `policy` is `preferIPv4`,
/// `preferIPv6`, `onlyIPv4`, `onlyIPv6` or `any`.
impl FromStr for Dns {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        Self::default().with(text)
    }
}

impl Dns {
    /// With what the text says, and otherwise as it is.
    pub(crate) fn with(mut self, text: &str) -> Result<Self, OptionsError> {
        let unusable = |problem| OptionsError::Unusable { option: "DNS", given: text.to_owned(), problem };
        let mut known: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                unusable(format!(
                    "`{part}` is no setting; write for example ttl=5m,select=random,policy=preferIPv4"
                ))
            })?;
            let (key, value) = (key.trim(), value.trim());
            if known.contains(&key) {
                return Err(unusable(format!("`{key}` is given twice")));
            }
            known.push(key);
            match key {
                "ttl" => self.ttl = ttl(value).map_err(unusable)?,
                "select" => self.select = one_of(key, value, &SELECTS).map_err(unusable)?,
                "policy" => self.policy = one_of(key, value, &POLICIES).map_err(unusable)?,
                _ => {
                    return Err(unusable(format!("`{key}` is none of its settings: ttl, select and policy")));
                }
            }
        }
        Ok(self)
    }
}

/// In k6's form, with all settings but a resolver: `ttl=5m,select=roundRobin,policy=preferIPv4`.
impl fmt::Display for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ttl = match self.ttl {
            INFINITE => "inf".to_owned(),
            Duration::ZERO => "0".to_owned(),
            ttl => format_duration(ttl),
        };
        let (select, policy) = (name_of(&self.select, &SELECTS), name_of(&self.policy, &POLICIES));
        write!(f, "ttl={ttl},select={select},policy={policy}")
    }
}

fn name_of<T: PartialEq>(choice: &T, choices: &[(&'static str, T)]) -> &'static str {
    choices.iter().find_map(|(name, known)| (known == choice).then_some(*name)).unwrap_or_default()
}

const SELECTS: [(&str, DnsSelect); 3] =
    [("first", DnsSelect::First), ("random", DnsSelect::Random), ("roundRobin", DnsSelect::RoundRobin)];
const POLICIES: [(&str, DnsPolicy); 5] = [
    ("preferIPv4", DnsPolicy::PreferIpv4),
    ("preferIPv6", DnsPolicy::PreferIpv6),
    ("onlyIPv4", DnsPolicy::OnlyIpv4),
    ("onlyIPv6", DnsPolicy::OnlyIpv6),
    ("any", DnsPolicy::Any),
];

fn ttl(value: &str) -> Result<Duration, String> {
    match value {
        "inf" => Ok(INFINITE),
        "0" => Ok(Duration::ZERO),
        _ => parse_duration(value).map_err(|error| format!("{error}; or `0` or `inf`")),
    }
}

/// Upper and lower case are the same, as in k6.
fn one_of<T: Copy>(key: &str, value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("`{value}` is no {key}; write one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_k6s() {
        let dns: Dns = "ttl=1m30s, select=first ,policy=ANY".parse().unwrap();
        assert_eq!((dns.ttl.as_secs(), dns.select, dns.policy), (90, DnsSelect::First, DnsPolicy::Any));
        let dns: Dns = "ttl=0".parse().unwrap();
        assert_eq!(
            (dns.ttl.as_secs(), dns.select, dns.policy),
            (0, DnsSelect::RoundRobin, DnsPolicy::PreferIpv4)
        );
        assert_eq!("ttl=inf".parse::<Dns>().unwrap().ttl.as_secs(), 31_536_000);
        for (name, policy) in POLICIES {
            assert_eq!(format!("policy={name}").parse::<Dns>().unwrap().policy, policy);
        }
        for text in ["ttl=1m30s,select=first,policy=any", "ttl=inf,select=random,policy=onlyIPv6"] {
            assert_eq!(text.parse::<Dns>().unwrap().to_string(), text);
        }
        assert_eq!(Dns::new().ttl(Duration::ZERO).to_string(), "ttl=0,select=roundRobin,policy=preferIPv4");
    }

    #[test]
    fn a_wrong_text_is_told_what_to_write_instead() {
        for (text, want) in [
            ("", "`` is no setting; write for example ttl=5m,select=random,policy=preferIPv4"),
            ("5m", "DNS `5m`: `5m` is no setting; write for example ttl=5m,select=random,policy=preferIPv4"),
            ("ttl=5", "`5` is not a duration: a unit is missing"),
            ("select=last", "`last` is no select; write one of first, random, roundRobin"),
            (
                "policy=ipv4",
                "`ipv4` is no policy; write one of preferIPv4, preferIPv6, onlyIPv4, onlyIPv6, any",
            ),
            ("server=1.1.1.1", "`server` is none of its settings: ttl, select and policy"),
            ("ttl=1s,ttl=2s", "`ttl` is given twice"),
        ] {
            let error = text.parse::<Dns>().unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
