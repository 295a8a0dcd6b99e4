//! Cipher suites and versions: their names, and the choice among them.

use crate::protocol::http::options::{Tls, TlsError, TlsVersion};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, SupportedCipherSuite};
use std::fmt::Write as _;

/// A cipher suite, which says all that a connection has come to: each belongs to one version.
#[derive(Debug)]
pub(crate) struct Suite {
    id: CipherSuite,
    version: TlsVersion,
    /// As the `tls_version` tag says it.
    pub(crate) version_name: &'static str,
    /// IANA's.
    pub(crate) name: &'static str,
}

const fn suite(version: TlsVersion, id: CipherSuite, name: &'static str) -> Suite {
    let version_name = if let TlsVersion::V1_3 = version { "tls1.3" } else { "tls1.2" };
    Suite { id, version, version_name, name }
}

use TlsVersion::{V1_2, V1_3};

/// All that ring has, in its order.
static SUITES: [Suite; 9] = [
    suite(V1_3, CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    suite(V1_3, CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    suite(V1_3, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    suite(
        V1_2,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ),
    suite(
        V1_2,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    suite(
        V1_2,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
    suite(V1_2, CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    suite(V1_2, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    suite(
        V1_2,
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
];

impl Suite {
    pub(super) fn of(id: CipherSuite) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.id == id)
    }

    fn supported(&self) -> Option<SupportedCipherSuite> {
        ring::ALL_CIPHER_SUITES.iter().find(|supported| supported.suite() == self.id).copied()
    }
}

/// What to offer: the suites, and the versions that have one.
pub(super) fn choose(tls: &Tls) -> Result<(CryptoProvider, Vec<TlsVersion>), TlsError> {
    let range = versions(tls)?;
    let allowed = |suite: &&Suite| range.contains(&suite.version);
    let suites: Vec<&Suite> = match &tls.cipher_suites {
        None => SUITES.iter().filter(allowed).collect(),
        Some(names) => {
            let named = names.iter().map(|name| by_name(name)).collect::<Result<Vec<_>, _>>()?;
            named.into_iter().filter(allowed).collect()
        }
    };
    if suites.is_empty() {
        let names: Vec<_> = range.iter().map(ToString::to_string).collect();
        let (versions, known) = (names.join(" or "), listed(SUITES.iter().filter(allowed)));
        return Err(TlsError::CipherSuites { versions, known });
    }
    let offered = range.into_iter().filter(|version| suites.iter().any(|suite| suite.version == *version));
    let cipher_suites = suites.iter().filter_map(|suite| suite.supported()).collect();
    Ok((CryptoProvider { cipher_suites, ..ring::default_provider() }, offered.collect()))
}

fn versions(tls: &Tls) -> Result<Vec<TlsVersion>, TlsError> {
    for version in tls.min_version.iter().chain(&tls.max_version) {
        if *version < V1_2 {
            return Err(TlsError::Version(*version));
        }
    }
    let (min, max) = (tls.min_version.unwrap_or(V1_2), tls.max_version.unwrap_or(V1_3));
    if min > max {
        return Err(TlsError::Versions { min, max });
    }
    Ok([V1_2, V1_3].into_iter().filter(|version| (min..=max).contains(version)).collect())
}

fn by_name(name: &str) -> Result<&'static Suite, TlsError> {
    let found = SUITES.iter().find(|suite| suite.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| TlsError::CipherSuite { name: name.to_owned(), known: listed(&SUITES) })
}

/// `A, B and C`.
fn listed<'a>(suites: impl IntoIterator<Item = &'a Suite>) -> String {
    let names: Vec<_> = suites.into_iter().map(|suite| suite.name).collect();
    let Some((last, others)) = names.split_last() else { return "none".to_owned() };
    let mut text = others.join(", ");
    let and = if others.is_empty() { "" } else { " and " };
    // Writing to a string cannot fail.
    let _ = write!(text, "{and}{last}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_of_ring_has_its_name_and_version() {
        assert_eq!(ring::ALL_CIPHER_SUITES.len(), SUITES.len());
        for (ours, theirs) in SUITES.iter().zip(ring::ALL_CIPHER_SUITES) {
            assert_eq!(ours.id, theirs.suite());
            assert_eq!(format!("{:?}", ours.id).replace("TLS13_", "TLS_"), ours.name);
            assert_eq!(ours.version == V1_3, theirs.tls13().is_some());
            assert_eq!(ours.version_name, ours.version.to_string());
        }
    }

    fn offered(tls: &Tls) -> String {
        match choose(tls) {
            Ok((provider, versions)) => {
                let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
                format!("{} with {} suites", versions.join(" "), provider.cipher_suites.len())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn versions_and_suites_narrow_each_other() {
        let (one, old) = ("TLS_AES_128_GCM_SHA256", "tls_ecdhe_rsa_with_aes_128_gcm_sha256");
        assert_eq!(offered(&Tls::new()), "tls1.2 tls1.3 with 9 suites");
        assert_eq!(offered(&Tls::new().min_version(V1_3)), "tls1.3 with 3 suites");
        assert_eq!(offered(&Tls::new().max_version(V1_2)), "tls1.2 with 6 suites");
        assert_eq!(offered(&Tls::new().cipher_suites([one])), "tls1.3 with 1 suites");
        assert_eq!(offered(&Tls::new().cipher_suites([old])), "tls1.2 with 1 suites");
        assert_eq!(offered(&Tls::new().cipher_suites([one, old]).max_version(V1_2)), "tls1.2 with 1 suites");
    }

    #[test]
    fn what_cannot_be_offered_is_explained() {
        assert!(
            offered(&Tls::new().min_version(TlsVersion::V1_0)).starts_with("tls1.0 cannot be spoken: rustls")
        );
        assert!(
            offered(&Tls::new().max_version(TlsVersion::V1_1)).starts_with("tls1.1 cannot be spoken: rustls")
        );
        let swapped = offered(&Tls::new().min_version(V1_3).max_version(V1_2));
        assert_eq!(
            swapped,
            "min_version tls1.3 is later than max_version tls1.2: swap them, or leave one out"
        );
        let unknown = offered(&Tls::new().cipher_suites(["TLS_RSA_WITH_RC4_128_SHA"]));
        assert!(unknown.starts_with("cipher suite `TLS_RSA_WITH_RC4_128_SHA`: there is none"), "{unknown}");
        assert!(unknown.ends_with(" and TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), "{unknown}");
        let none = offered(&Tls::new().cipher_suites(["TLS_AES_128_GCM_SHA256"]).max_version(V1_2));
        assert!(none.contains("none of those given is one of tls1.2") && !none.contains("TLS_AES"), "{none}");
    }
}
