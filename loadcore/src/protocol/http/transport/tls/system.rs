//! The system's authorities.

use crate::protocol::http::options::{TlsEnvironment, TlsError};
use rustls::pki_types::CertificateDer;
use rustls_native_certs::load_certs_from_paths;

/// Those that the environment names instead, if it does.
pub(super) fn certificates(environment: &TlsEnvironment) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let TlsEnvironment { certificate_file: file, certificate_folders: folders, .. } = environment;
    if file.is_none() && folders.is_empty() {
        return Ok(standard());
    }
    let mut found = load_certs_from_paths(file.as_deref(), None);
    for folder in folders {
        let more = load_certs_from_paths(None, Some(folder));
        found.certs.extend(more.certs);
        found.errors.extend(more.errors);
    }
    if found.certs.is_empty() {
        let first =
            found.errors.first().map_or_else(|| "no BEGIN CERTIFICATE there".to_owned(), ToString::to_string);
        let problem =
            format!("SSL_CERT_FILE or SSL_CERT_DIR is set, but gives none: {first}; correct or unset it");
        return Err(TlsError::Roots { path: None, problem });
    }
    Ok(found.certs)
}

/// In the folders where systems keep them. Whoever asks rustls-native-certs asks the environment as well, which is not for a
/// library to do. What cannot be read there is of no use to anyone.
#[cfg(all(unix, not(target_os = "macos")))]
fn standard() -> Vec<CertificateDer<'static>> {
    let folders = openssl_probe::candidate_cert_dirs();
    let mut all: Vec<_> =
        folders.flat_map(|folder| load_certs_from_paths(None, Some(folder)).certs).collect();
    // One folder may lead to another one.
    all.sort_unstable_by(|one, other| one.as_ref().cmp(other));
    all.dedup();
    all
}

/// Where they are in no files there is no other way to them.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn standard() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::path::Path;

    /// On Debian, Alpine, Arch; on Fedora and its like.
    const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

    #[test]
    fn all_that_a_system_s_bundle_holds_is_found_without_the_environment() {
        let found = standard();
        for bundle in BUNDLES.map(Path::new).into_iter().filter(|bundle| bundle.exists()) {
            let bundled = load_certs_from_paths(Some(bundle), None).certs;
            assert!(!bundled.is_empty() && bundled.iter().all(|one| found.contains(one)), "{bundle:?}");
        }
    }
}
