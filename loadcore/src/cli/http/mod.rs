//! What a run can be told of its HTTP client, by k6's names: over what the code says with `LoadTest::http`.
//!
//! ```text
//! args.rs environment.rs file.rs     flags, variables, keys of the options file: a HttpSaid each
//! values.rs                          reads the words of all three
//! ```

pub(super) mod args;
pub(super) mod environment;
pub(super) mod file;
mod values;

use super::options::{Options, Pairs, pairs_over};
use crate::load_test::LoadTest;
use crate::protocol::http::{Http, TlsVersion};

/// What one source says of HTTP. What it leaves out a lower one may say, and below them the code.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct HttpSaid {
    /// Only until [`Options::settled`].
    user_agent: Option<String>,
    max_redirects: Option<u32>,
    batch: Option<usize>,
    batch_per_host: Option<usize>,
    no_connection_reuse: Option<bool>,
    no_vu_connection_reuse: Option<bool>,
    no_cookies_reset: Option<bool>,
    discard_response_bodies: Option<bool>,
    insecure_skip_tls_verify: Option<bool>,
    tls_version: TlsVersions,
    /// The lowest first: each may name some of DNS's settings only.
    dns: Vec<String>,
    hosts: Pairs,
    /// Guards add up: what a lower source blocks stays blocked.
    block_hostnames: Vec<String>,
    blacklist_ips: Vec<String>,
    local_ips: Option<String>,
}

/// The ends of the range of versions, as far as they are said.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct TlsVersions {
    min: Option<TlsVersion>,
    max: Option<TlsVersion>,
}

impl HttpSaid {
    /// What is said here, and where that is nothing what a lower source says.
    pub(super) fn over(self, lower: Self) -> Self {
        Self {
            user_agent: self.user_agent.or(lower.user_agent),
            max_redirects: self.max_redirects.or(lower.max_redirects),
            batch: self.batch.or(lower.batch),
            batch_per_host: self.batch_per_host.or(lower.batch_per_host),
            no_connection_reuse: self.no_connection_reuse.or(lower.no_connection_reuse),
            no_vu_connection_reuse: self.no_vu_connection_reuse.or(lower.no_vu_connection_reuse),
            no_cookies_reset: self.no_cookies_reset.or(lower.no_cookies_reset),
            discard_response_bodies: self.discard_response_bodies.or(lower.discard_response_bodies),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify.or(lower.insecure_skip_tls_verify),
            tls_version: self.tls_version.over(lower.tls_version),
            dns: [lower.dns, self.dns].concat(),
            hosts: pairs_over(self.hosts, lower.hosts, str::eq_ignore_ascii_case),
            block_hostnames: [lower.block_hostnames, self.block_hostnames].concat(),
            blacklist_ips: [lower.blacklist_ips, self.blacklist_ips].concat(),
            local_ips: self.local_ips.or(lower.local_ips),
        }
    }

    /// The test with what is said here.
    ///
    /// # Errors
    /// None for what the sources have checked already.
    pub(super) fn apply(&self, mut test: LoadTest) -> Result<LoadTest, String> {
        if let Some(discard) = self.discard_response_bodies {
            test = test.discard_response_bodies(discard);
        }
        test.http = self.say_names(self.say_switches(test.http))?;
        Ok(test)
    }

    fn say_switches(&self, mut http: Http) -> Http {
        if let Some(most) = self.max_redirects {
            http = http.max_redirects(most);
        }
        if let Some(total) = self.batch {
            http = http.batch(total);
        }
        if let Some(most) = self.batch_per_host {
            http = http.batch_per_host(most);
        }
        if let Some(no_reuse) = self.no_connection_reuse {
            http = http.no_connection_reuse(no_reuse);
        }
        if let Some(no_reuse) = self.no_vu_connection_reuse {
            http = http.no_vu_connection_reuse(no_reuse);
        }
        if let Some(keep) = self.no_cookies_reset {
            http = http.keep_cookies(keep);
        }
        http.tls.insecure = self.insecure_skip_tls_verify.unwrap_or(http.tls.insecure);
        let of_code = TlsVersions { min: http.tls.min_version, max: http.tls.max_version };
        TlsVersions { min: http.tls.min_version, max: http.tls.max_version } = self.tls_version.over(of_code);
        http
    }

    fn say_names(&self, mut http: Http) -> Result<Http, String> {
        for text in &self.dns {
            let dns = http.names.dns.clone().with(text).map_err(|error| error.to_string())?;
            http = http.dns(dns);
        }
        // Of two for the same host the later one counts.
        http = self.hosts.iter().fold(http, |http, (from, to)| http.host(from, to));
        http = self.block_hostnames.iter().fold(http, |http, host| http.block_host(host));
        http = self.blacklist_ips.iter().fold(http, |http, range| http.block_addresses(range));
        if let Some(addresses) = &self.local_ips {
            http.addresses.local = Default::default();
            http = http.local_addresses(addresses);
        }
        Ok(http)
    }
}

impl TlsVersions {
    fn over(self, lower: Self) -> Self {
        Self { min: self.min.or(lower.min), max: self.max.or(lower.max) }
    }
}

impl Options {
    /// What one source says, with its user agent as the default header that it is: so that it goes before those of lower
    /// sources, however they say it.
    pub(super) fn settled(mut self) -> Self {
        if let Some(agent) = self.http.user_agent.take() {
            self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(USER_AGENT));
            self.headers.push((USER_AGENT.to_owned(), agent));
        }
        self
    }
}

const USER_AGENT: &str = "user-agent";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{args, environment, file};

    /// The same from each source: a flag as it is written, and the value of its variable and its key.
    fn sources(flag: &str, value: &str, toml: &str) -> [Options; 3] {
        let variable = format!("LOADCORE_{}", flag.replace('-', "_").to_uppercase());
        let read = [
            args::parse([format!("--{flag}={value}")]),
            environment::read([(variable, value.into())]),
            file::read("load.toml", toml),
        ];
        // An empty list is as good as none.
        read.map(|options| Options { thresholds: Vec::new(), ..options.unwrap() })
    }

    #[test]
    fn a_value_means_the_same_whoever_says_it_and_the_higher_source_wins() {
        for (flag, value, toml, lower) in [
            ("max-redirects", "3", "max_redirects = 3", "max_redirects = 4"),
            ("user-agent", "shop", "user_agent = \"shop\"", "user_agent = \"other\""),
            ("batch", "3", "batch = 3", "batch = 4"),
            ("batch-per-host", "3", "batch_per_host = 3", "batch_per_host = 4"),
            ("no-connection-reuse", "false", "no_connection_reuse = false", "no_connection_reuse = true"),
            (
                "no-vu-connection-reuse",
                "true",
                "no_vu_connection_reuse = true",
                "no_vu_connection_reuse = false",
            ),
            ("no-cookies-reset", "true", "no_cookies_reset = true", "no_cookies_reset = false"),
            (
                "discard-response-bodies",
                "false",
                "discard_response_bodies = false",
                "discard_response_bodies = true",
            ),
            (
                "insecure-skip-tls-verify",
                "false",
                "insecure_skip_tls_verify = false",
                "insecure_skip_tls_verify = true",
            ),
            ("tls-version", "tls1.2", "tls_version = \"tls1.2\"", "tls_version = { min = \"tls1.3\" }"),
            (
                "tls-version",
                "tls1.3",
                "tls_version = { min = \"tls1.3\", max = \"tls1.3\" }",
                "tls_version = \"tls1.2\"",
            ),
            (
                "local-ips",
                "127.0.0.1,127.0.0.2",
                "local_ips = [\"127.0.0.1\", \"127.0.0.2\"]",
                "local_ips = \"::1\"",
            ),
            (
                "hosts",
                "a.b=127.0.0.1:81",
                "hosts = { \"a.b\" = \"127.0.0.1:81\" }",
                "hosts = { \"A.b\" = \"::1\" }",
            ),
        ] {
            let [flags, variables, file] = sources(flag, value, toml);
            assert!(flags == variables && variables == file, "{flag}: {flags:?} {variables:?} {file:?}");
            assert_ne!(flags, Options::default(), "{flag} says nothing");
            let lower = file::read("load.toml", lower).unwrap();
            let lower = Options { thresholds: Vec::new(), ..lower };
            assert_ne!(flags, lower, "{flag}");
            assert_eq!(flags.clone().over(lower.clone()), flags, "{flag}");
            assert_eq!(Options::default().over(lower.clone()), lower, "{flag}");
        }
    }

    /// The client of a test of this code, with what an options file says.
    fn client(code: Http, toml: &str) -> Http {
        let said = file::read("load.toml", toml).unwrap().http;
        said.apply(LoadTest::new().http(code)).unwrap().http
    }

    #[test]
    fn only_what_is_said_replaces_what_the_code_says() {
        let code = || {
            let tls = crate::protocol::http::Tls::new().resume_sessions(true).max_version(TlsVersion::V1_2);
            let dns = "ttl=1m,select=first".parse().unwrap();
            Http::new().max_redirects(2).keep_cookies(true).batch(3).tls(tls).dns(dns)
        };
        let untouched = client(code(), "");
        assert_eq!(format!("{untouched:?}"), format!("{:?}", code()));
        let told = client(
            code(),
            "batch = 9\nno_cookies_reset = false\ndns = \"policy=onlyIPv6\"\ntls_version = { min = \"tls1.2\" }",
        );
        let same = code()
            .batch(9)
            .keep_cookies(false)
            .dns("ttl=1m,select=first,policy=onlyIPv6".parse().unwrap())
            .tls(code().tls.min_version(TlsVersion::V1_2));
        assert_eq!(format!("{told:?}"), format!("{same:?}"));
    }

    #[test]
    fn settings_of_dns_are_said_one_by_one() {
        let higher = args::parse(["--dns=select=random".to_owned()]).unwrap();
        let lower = file::read("f", "dns = \"select=first,ttl=0\"").unwrap();
        let dns = higher.over(lower).http.apply(LoadTest::new()).unwrap().http.names.dns;
        assert_eq!(dns.to_string(), "ttl=0,select=random,policy=preferIPv4");
    }

    #[test]
    fn guards_add_up_and_a_pool_of_addresses_is_one_thing() {
        let blocked = "block_hostnames = [\"a.test\", \"*.b.test\"]\nblacklist_ips = \"10.0.0.0/8,::1\"";
        let flags = ["--block-hostnames=c.test,d.test", "--blacklist-ip=192.0.2.1", "--local-ips=127.0.0.9"];
        let flags = args::parse(flags.map(str::to_owned)).unwrap();
        let code = Http::new().block_host("e.test").local_addresses("127.0.0.1-127.0.0.3");
        let said = flags.over(file::read("f", blocked).unwrap()).http;
        let told = said.apply(LoadTest::new().http(code)).unwrap().http;
        for host in ["a.test", "x.b.test", "c.test", "d.test", "e.test"] {
            assert!(told.names.blocked_by(host, 80).is_some(), "{host}");
        }
        for address in ["10.1.2.3", "::1", "192.0.2.1"] {
            assert!(told.addresses.blocked_by(address.parse().unwrap()).is_some(), "{address}");
        }
        assert_eq!(told.addresses.local.of_vu(2), Some("127.0.0.9".parse().unwrap()));
    }

    #[test]
    fn the_user_agent_is_a_default_header() {
        let headers =
            |flags: &[&str]| args::parse(flags.iter().map(|flag| (*flag).to_owned())).unwrap().headers;
        let shop = [(USER_AGENT.to_owned(), "shop".to_owned())];
        assert_eq!(headers(&["--user-agent=shop"]), shop);
        assert_eq!(headers(&["--header=User-Agent: other", "--user-agent=shop"]), shop);
        let lower = file::read("f", "headers = { user-agent = \"lower\" }").unwrap();
        assert_eq!(args::parse(["--user-agent=shop".to_owned()]).unwrap().over(lower).headers, shop);
    }
}
