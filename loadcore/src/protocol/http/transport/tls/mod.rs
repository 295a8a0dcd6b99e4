//! TLS: rustls with ring. What the options say is made into configurations once for a test; a connection takes one of them.

mod failure;
mod key_log;
mod pem;
mod suite;
mod system;
mod verify;

pub(crate) use failure::kind_of;
#[cfg(feature = "reqwest")]
pub(crate) use failure::of_tls;
pub(crate) use suite::Suite;

use super::stream::Counted;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{ClientCertificate, Tls, TlsError, TlsVersion};
use key_log::KeyLogFile;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, SupportedProtocolVersion, version};
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a VU remembers of servers where it resumes sessions: eight tickets for each of sixteen.
const TICKETS: usize = 8 * 16;

/// The TLS of a test: its options, read and checked.
#[derive(Debug)]
pub(crate) struct TlsClient {
    /// The last one is for all hosts.
    clients: Vec<Client>,
    /// Instead of the host's.
    server_name: Option<ServerName<'static>>,
    resumes: bool,
    key_log: Option<Arc<KeyLogFile>>,
}

/// A configuration, and the hosts it is for.
#[derive(Debug)]
struct Client {
    hosts: Hosts,
    config: Arc<ClientConfig>,
}

/// Where a client certificate is shown, the narrowest first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hosts {
    /// A whole name or address.
    Host(String),
    /// What follows the first label of a name, with its dot.
    Below(String),
    All,
}

/// The configurations of a VU that resumes its own sessions, by their places among the test's.
#[derive(Default)]
pub(crate) struct Sessions {
    configs: RefCell<Vec<(usize, Arc<ClientConfig>)>>,
}

impl TlsClient {
    /// Reads what is in files: it takes its time.
    pub(crate) fn new(tls: &Tls, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let (provider, versions) = suite::choose(tls)?;
        let provider = Arc::new(provider);
        let verifier = verify::verifier(tls, &provider)?;
        let server_name = tls
            .server_name
            .as_ref()
            .map(|name| ServerName::try_from(name.clone()).map_err(|_| TlsError::ServerName(name.clone())));
        let key_log = tls.key_log().map(KeyLogFile::check).transpose()?.map(Arc::new);
        let make = |certificate: Option<&ClientCertificate>| {
            let mut config = config(&provider, &versions, Arc::clone(&verifier), certificate)?;
            config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
            // Each VU stands for a user of its own: it must not resume another one's session.
            config.resumption = Resumption::disabled();
            if let Some(log) = &key_log {
                config.key_log = Arc::clone(log) as _;
            }
            Ok(Arc::new(config))
        };
        let mut clients = Vec::new();
        for certificate in &tls.client_certificates {
            let config = make(Some(certificate))?;
            let hosts = hosts(certificate)?.into_iter();
            clients.extend(hosts.map(|hosts| Client { hosts, config: Arc::clone(&config) }));
        }
        clients.sort_by(|one, other| one.hosts.cmp(&other.hosts));
        if let Some(twice) = clients.windows(2).find(|pair| pair[0].hosts == pair[1].hosts) {
            return Err(twice[0].hosts.twice());
        }
        if clients.last().is_none_or(|last| last.hosts != Hosts::All) {
            clients.push(Client { hosts: Hosts::All, config: make(None)? });
        }
        Ok(Self { clients, server_name: server_name.transpose()?, resumes: tls.resume_sessions, key_log })
    }

    /// Opens the file to which keys are logged; before that none is.
    pub(crate) fn open_files(&self) -> Result<(), TlsError> {
        self.key_log.as_ref().map_or(Ok(()), |log| log.open())
    }

    /// Makes a connection safe. The caller bounds the time.
    pub(in crate::protocol::http) async fn connect(
        &self,
        host: &str,
        sessions: &Sessions,
        socket: Counted,
    ) -> Result<TlsStream<Counted>, Failure> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| {
                Failure::new(ErrorKind::WrongHost, "the host is not a name that certificates know")
            })?,
        };
        let connector = TlsConnector::from(self.config(host, sessions));
        connector.connect(name, socket).await.map_err(|error| failure::of_handshake(&error))
    }

    pub(crate) fn config(&self, host: &str, sessions: &Sessions) -> Arc<ClientConfig> {
        let all = self.clients.len() - 1;
        let index = self.clients.iter().position(|client| client.hosts.include(host)).unwrap_or(all);
        let config = &self.clients[index].config;
        if self.resumes { sessions.own(index, config) } else { Arc::clone(config) }
    }
}

impl Sessions {
    /// The VU's own copy: the same in all, but for the sessions it remembers.
    fn own(&self, index: usize, config: &ClientConfig) -> Arc<ClientConfig> {
        let mut configs = self.configs.borrow_mut();
        if let Some((_, own)) = configs.iter().find(|(known, _)| *known == index) {
            return Arc::clone(own);
        }
        let mut own = config.clone();
        own.resumption = Resumption::in_memory_sessions(TICKETS);
        let own = Arc::new(own);
        configs.push((index, Arc::clone(&own)));
        own
    }
}

/// The version and cipher suite that a connection has come to.
pub(crate) fn negotiated(stream: &TlsStream<Counted>) -> Option<&'static Suite> {
    Suite::of(stream.get_ref().1.negotiated_cipher_suite()?.suite())
}

fn config(
    provider: &Arc<CryptoProvider>,
    versions: &[TlsVersion],
    verifier: Arc<dyn ServerCertVerifier>,
    certificate: Option<&ClientCertificate>,
) -> Result<ClientConfig, TlsError> {
    let versions: Vec<_> = versions.iter().map(|version| of_rustls(*version)).collect();
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider)).with_protocol_versions(&versions);
    // Each version has a suite, so rustls has nothing to complain of.
    let builder = builder.unwrap_or_else(|error| unreachable!("ring serves TLS 1.2 and 1.3: {error}"));
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let Some(certificate) = certificate else { return Ok(builder.with_no_client_auth()) };
    let (chain, key) = pem::client_certificate(certificate)?;
    builder.with_client_auth_cert(chain, key).map_err(|error| pem::mismatch(certificate, &error))
}

fn of_rustls(version: TlsVersion) -> &'static SupportedProtocolVersion {
    if version == TlsVersion::V1_3 { &version::TLS13 } else { &version::TLS12 }
}

fn hosts(certificate: &ClientCertificate) -> Result<Vec<Hosts>, TlsError> {
    let Some(domains) = &certificate.domains else { return Ok(vec![Hosts::All]) };
    if domains.is_empty() {
        let problem =
            "the list of domains is empty: fill it, or leave out for_domains to show it to all hosts";
        return Err(TlsError::ClientCertificate { path: certificate.chain.path(), problem: problem.into() });
    }
    domains.iter().map(|domain| Hosts::read(domain)).collect()
}

/// A host as URLs have it: in lower case and ASCII, an address in its shortest form.
fn as_in_urls(host: &str) -> Option<String> {
    let host = match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => url::Host::parse(host).ok()?.to_string(),
    };
    ServerName::try_from(&*host).is_ok().then_some(host)
}

impl Hosts {
    fn read(domain: &str) -> Result<Self, TlsError> {
        let error = |problem| TlsError::Domain { domain: domain.to_owned(), problem };
        if domain.contains("://") || domain.contains('/') {
            return Err(error("give the host alone, without scheme and path: shop.test"));
        }
        let (is_wildcard, name) = domain.strip_prefix("*.").map_or((false, domain), |rest| (true, rest));
        if name.contains('*') {
            return Err(error("a wildcard stands for the whole first label, and nowhere else: *.shop.test"));
        }
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        match as_in_urls(bare) {
            Some(name) if is_wildcard && name.parse::<IpAddr>().is_err() => {
                Ok(Self::Below(format!(".{name}")))
            }
            Some(host) if !is_wildcard => Ok(Self::Host(host)),
            None if bare.contains(':') => Err(error("it holds for all ports: give the host alone")),
            _ => Err(error("it is no host name: write for example shop.test or *.shop.test")),
        }
    }

    fn include(&self, host: &str) -> bool {
        match self {
            Self::Host(name) => name == host,
            Self::Below(suffix) => host.find('.').is_some_and(|dot| dot > 0 && host[dot..] == **suffix),
            Self::All => true,
        }
    }

    /// That two certificates are for it.
    fn twice(&self) -> TlsError {
        let domain = match self {
            Self::Host(name) => name.clone(),
            Self::Below(suffix) => format!("*{suffix}"),
            Self::All => {
                let problem =
                    "two are for all hosts: leave one out, or say which hosts it is for with for_domains";
                return TlsError::ClientCertificate { path: None, problem: problem.to_owned() };
            }
        };
        TlsError::Domain { domain, problem: "there are two: leave one out, or give it other domains" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_the_hosts_it_says() {
        let is_for = |domain: &str, host: &str| Hosts::read(domain).unwrap().include(host);
        assert!(is_for("shop.test", "shop.test") && is_for("Shop.Test", "shop.test"));
        assert!(!is_for("shop.test", "a.shop.test"));
        assert!(is_for("*.shop.test", "a.shop.test"));
        assert!(!is_for("*.shop.test", "shop.test") && !is_for("*.shop.test", "a.b.shop.test"));
        assert!(!is_for("*.shop.test", ".shop.test") && !is_for("*.shop.test", "a.myshop.test"));
        assert!(is_for("127.0.0.1", "127.0.0.1") && is_for("[::1]", "::1") && is_for("0:0::0:1", "::1"));
        assert!(is_for("*.bücher.test", "a.xn--bcher-kva.test"));
    }

    #[test]
    fn a_domain_that_no_url_can_have_is_explained() {
        for (domain, want) in [
            ("https://shop.test", "without scheme"),
            ("shop.test:443", "all ports"),
            ("a.*.test", "first label"),
            ("*", "first label"),
            ("*.127.0.0.1", "no host name"),
            ("", "no host name"),
            ("a b", "no host name"),
        ] {
            let error = Hosts::read(domain).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains(&format!("`{domain}`")), "{error}");
        }
    }
}
