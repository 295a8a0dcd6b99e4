//! TLS: rustls with ring, trusting the system's and the built-in certificates.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// The built-in roots (so that an image without any certificate works), the system's, and the user's own.
pub(super) fn client_config(own_pem: &[Vec<u8>]) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    // System certificates that rustls cannot read are of no use to anyone; the others are.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for pem in own_pem {
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("not PEM: {error}"))?;
            roots.add(certificate).map_err(|error| error.to_string())?;
            found += 1;
        }
        if found == 0 {
            return Err("no certificate found: give PEM text with BEGIN CERTIFICATE".to_owned());
        }
    }
    config(roots)
}

/// The built-in roots alone.
pub(super) fn builtin_config() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    config(roots).unwrap_or_else(|error| unreachable!("ring serves TLS 1.2 and 1.3: {error}"))
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each VU stands for a user of its own: it must not resume another one's session.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}
