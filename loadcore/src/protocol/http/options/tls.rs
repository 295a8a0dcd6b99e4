//! What a test says about TLS.

use super::{Http, HttpOptions, OptionsError, TlsEnvironment};
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::transport::tls::TlsClient;
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// TLS options of a test's HTTP client, for [`Http::tls`]. What is not said keeps its default.
///
/// ```
/// use loadcore::http::{ClientCertificate, Http, Tls, TlsVersion};
///
/// let tls = Tls::new()
///     .min_version(TlsVersion::V1_3)
///     .root_certificates_file("certs/authority.pem")
///     .client_certificate(ClientCertificate::pem_files("certs/me.pem", "certs/me.key").for_domains(["*.shop.test"]));
/// let http = Http::new().tls(tls);
/// ```
///
/// Mistakes in it, such as a file that cannot be read, are errors of [`LoadTest::run`](crate::LoadTest::run), before the
/// start: [`TlsError`]. Relative paths are taken from the working directory.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Tls {
    pub(crate) min_version: Option<TlsVersion>,
    pub(crate) max_version: Option<TlsVersion>,
    pub(crate) cipher_suites: Option<Vec<String>>,
    pub(crate) roots: Vec<Pem>,
    pub(crate) only_these_roots: bool,
    pub(crate) client_certificates: Vec<ClientCertificate>,
    pub(crate) insecure: bool,
    pub(crate) server_name: Option<String>,
    pub(crate) resume_sessions: bool,
    pub(crate) key_log_file: Option<PathBuf>,
    pub(crate) environment: TlsEnvironment,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.0, which cannot be used: rustls has no such old version.
    V1_0,
    /// TLS 1.1, which cannot be used: rustls has no such old version.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl fmt::Display for TlsVersion {
    /// As the `tls_version` tag says it: `tls1.3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_0 => "tls1.0",
            Self::V1_1 => "tls1.1",
            Self::V1_2 => "tls1.2",
            Self::V1_3 => "tls1.3",
        })
    }
}

/// A TLS option that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A version that is too old.
    #[error(
        "{0} cannot be spoken: rustls, which does TLS here, has only tls1.2 and tls1.3; leave it out, or put a proxy that \
         speaks it in front of the server"
    )]
    Version(TlsVersion),
    /// The range of versions is empty.
    #[error("min_version {min} is later than max_version {max}: swap them, or leave one out")]
    Versions {
        /// The least version as given.
        min: TlsVersion,
        /// The highest version as given.
        max: TlsVersion,
    },
    /// There is no cipher suite of this name.
    #[error("cipher suite `{name}`: there is none of this name; there are {known}")]
    CipherSuite {
        /// As given.
        name: String,
        /// All that there are.
        known: String,
    },
    /// No cipher suite that was given belongs to a version that may be used.
    #[error(
        "cipher suites: none of those given is one of {versions}: add one, or allow their version; there are {known}"
    )]
    CipherSuites {
        /// The versions that may be used.
        versions: String,
        /// All suites of these versions.
        known: String,
    },
    /// A file cannot be read or written.
    #[error("{what} `{}`: {problem}", path.display())]
    File {
        /// What it is for.
        what: &'static str,
        /// As given.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The certificates of authorities cannot be used.
    #[error("root certificates{}: {problem}", place(path.as_ref()))]
    Roots {
        /// Their file, if they come from one.
        path: Option<PathBuf>,
        /// What is wrong.
        problem: String,
    },
    /// A client certificate or its key cannot be used.
    #[error("client certificate{}: {problem}", place(path.as_ref()))]
    ClientCertificate {
        /// The file, if it comes from one.
        path: Option<PathBuf>,
        /// What is wrong.
        problem: String,
    },
    /// A client certificate cannot be for this domain.
    #[error("client certificate for `{domain}`: {problem}")]
    Domain {
        /// As given.
        domain: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The server's name is none.
    #[error(
        "server_name `{0}`: it is no host name or IP address; write for example shop.test, without scheme and port"
    )]
    ServerName(String),
}

fn place(path: Option<&PathBuf>) -> String {
    path.map_or_else(String::new, |path| format!(" `{}`", path.display()))
}

impl Tls {
    /// All defaults: TLS 1.2 and 1.3, with the system's and the built-in authorities. Instead of the system's,
    /// [`LoadTest::main`](crate::LoadTest::main) takes those of the variables `SSL_CERT_FILE` and `SSL_CERT_DIR`, as other
    /// programs do; [`run`](crate::LoadTest::run) does not read them.
    pub fn new() -> Self {
        Self::default()
    }

    /// The least version to offer. Default: [`TlsVersion::V1_2`], the oldest that there is.
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = Some(version);
        self
    }

    /// The highest version to offer. Default: [`TlsVersion::V1_3`].
    pub fn max_version(mut self, version: TlsVersion) -> Self {
        self.max_version = Some(version);
        self
    }

    /// Offers only these cipher suites, in this order, by their IANA names: `TLS_AES_128_GCM_SHA256`. A version to which none
    /// of them belongs is not offered. Default: all that are built in; a name that is not is answered with the list.
    pub fn cipher_suites<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.cipher_suites = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Trusts these authorities, or single servers, too: PEM text of one or more certificates. The same as
    /// [`LoadTest::root_certificates`](crate::LoadTest::root_certificates).
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(Pem::Text(pem.into()));
        self
    }

    /// [`root_certificates`](Tls::root_certificates) from a PEM file, which is read before the start.
    pub fn root_certificates_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Pem::File(path.into()));
        self
    }

    /// Trusts the root certificates given and no others: neither the system's nor the built-in ones. Default: false.
    pub fn only_these_roots(mut self, only: bool) -> Self {
        self.only_these_roots = only;
        self
    }

    /// Shows this certificate to servers that ask for one. Of several the one for the very host goes before one for a
    /// wildcard, and that before one for all hosts. Default: none.
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.client_certificates.push(certificate);
        self
    }

    /// Accepts any certificate: of an unknown authority, for another host, out of date. Whoever sits between may then read
    /// and change everything, so the banner and the summary say so. Default: false.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Asks every server for this name (SNI), and for a certificate of it, whatever the URL's host. Default: the host.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Lets a VU resume its earlier TLS sessions when it connects again, as a browser does. Each VU stands for a user and
    /// resumes only sessions of its own; it remembers those of 16 servers, at 8 KiB and a few more for each server. Default: false, every
    /// connection makes a full handshake, as in k6.
    pub fn resume_sessions(mut self, resume: bool) -> Self {
        self.resume_sessions = resume;
        self
    }

    /// Appends the secrets of all connections to this file, in the format that Wireshark and others read to decrypt what was
    /// captured. Under [`LoadTest::main`](crate::LoadTest::main) the variable `SSLKEYLOGFILE` says the same, and goes
    /// before this; [`run`](crate::LoadTest::run) does not read it. Default: none.
    pub fn key_log_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_log_file = Some(path.into());
        self
    }

    /// Where the secrets of connections go.
    pub(crate) fn key_log(&self) -> Option<&Path> {
        self.environment.key_log_file.as_ref().or(self.key_log_file.as_ref()).map(PathBuf::as_path)
    }

    /// Whether the test says nothing that can be wrong.
    pub(crate) fn is_default(&self) -> bool {
        let Self { min_version, max_version, cipher_suites, roots, client_certificates, server_name, .. } =
            self;
        let nothing_chosen = min_version.is_none() && max_version.is_none() && cipher_suites.is_none();
        nothing_chosen
            && roots.is_empty()
            && !self.only_these_roots
            && client_certificates.is_empty()
            && server_name.is_none()
            && self.key_log_file.is_none()
    }
}

/// A certificate that shows servers who the client is, with its private key; for [`Tls::client_certificate`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ClientCertificate {
    pub(crate) chain: Pem,
    pub(crate) key: Pem,
    pub(crate) domains: Option<Vec<String>>,
}

impl ClientCertificate {
    /// PEM texts: the certificate, which those of its issuers may follow, and its key in PKCS#8, PKCS#1 or SEC1 form.
    ///
    /// An encrypted key is an error before the start; `openssl pkey -in encrypted.key -out plain.key` decrypts it.
    pub fn pem(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { chain: Pem::Text(certificate.into()), key: Pem::Text(key.into()), domains: None }
    }

    /// The same from PEM files, which are read before the start. One file may hold both.
    pub fn pem_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: Pem::File(certificate.into()), key: Pem::File(key.into()), domains: None }
    }

    /// Shows it only to these hosts of URLs: `shop.test`, `127.0.0.1`, or `*.shop.test` for all names that have one label more.
    /// Default: to all.
    pub fn for_domains<S: Into<String>>(mut self, domains: impl IntoIterator<Item = S>) -> Self {
        self.domains = Some(domains.into_iter().map(Into::into).collect());
        self
    }
}

/// PEM text, or where to find it.
#[derive(Clone)]
pub(crate) enum Pem {
    Text(Vec<u8>),
    File(PathBuf),
}

impl Pem {
    pub(crate) fn read(&self, what: &'static str) -> Result<Cow<'_, [u8]>, TlsError> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text)),
            Self::File(path) => match std::fs::read(path) {
                Ok(text) => Ok(Cow::Owned(text)),
                Err(error) => {
                    let (path, problem) = (path.clone(), format!("cannot be read: {error}"));
                    Err(TlsError::File { what, path, problem })
                }
            },
        }
    }

    pub(crate) fn path(&self) -> Option<PathBuf> {
        if let Self::File(path) = self { Some(path.clone()) } else { None }
    }
}

impl fmt::Debug for Pem {
    /// A private key is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("PEM text"),
            Self::File(path) => write!(f, "PEM file {}", path.display()),
        }
    }
}

impl Http {
    /// Sets the options of TLS: versions, trusted authorities, client certificates.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }
}

impl HttpOptions {
    /// Reads certificates and checks everything, so that what is wrong is an error before the start.
    pub(crate) fn prepare_tls(&self) -> Result<(), OptionsError> {
        let speaks_tls = self.base_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let tls = self.all_of_tls();
        #[cfg(feature = "reqwest")]
        let speaks_tls = speaks_tls || self.http.via.is_reqwest();
        if speaks_tls || !tls.is_default() {
            // A second call finds the same client.
            let _ = self.tls.set(TlsClient::new(&tls, self.http.versions.alpn())?);
        }
        Ok(())
    }

    /// Opens what the run writes.
    pub(crate) fn open_files(&self) -> Result<(), OptionsError> {
        Ok(self.tls.get().map_or(Ok(()), TlsClient::open_files)?)
    }

    /// The TLS client, made at the first `https` request if it was not before; reading the system's certificates must not
    /// hold up a core.
    pub(in crate::protocol::http) async fn tls_client(&self) -> Result<&TlsClient, Failure> {
        let make = async || {
            let (tls, alpn) = (self.all_of_tls(), self.http.versions.alpn());
            let make =
                move || TlsClient::new(&tls, alpn).and_then(|client| client.open_files().map(|()| client));
            let made = tokio::task::spawn_blocking(make).await;
            let made = made.map_err(|error| Failure::new(ErrorKind::Tls, error))?;
            made.map_err(|error| Failure::new(ErrorKind::Tls, error))
        };
        self.tls.get_or_try_init(make).await
    }

    /// With what was said outside of [`Tls`].
    fn all_of_tls(&self) -> Tls {
        let mut tls = self.http.tls.clone();
        tls.roots.extend(self.roots_pem.iter().cloned().map(Pem::Text));
        tls
    }

    /// What a reader of the results has to know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let warning = "INSECURE: any TLS certificate is accepted; nobody knows who answers";
        if self.http.tls.insecure { vec![warning.to_owned()] } else { Vec::new() }
    }
}
