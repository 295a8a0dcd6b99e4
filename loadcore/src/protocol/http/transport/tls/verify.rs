//! Whom to believe.

use super::{pem, system};
use crate::protocol::http::options::{Tls, TlsError};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// Who decides about a server's certificate.
pub(super) fn verifier(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let own = own(tls)?;
    if tls.insecure {
        let schemes = provider.signature_verification_algorithms.supported_schemes();
        return Ok(Arc::new(Anyone { schemes }));
    }
    let roots = Arc::new(roots(tls, &own)?);
    let by_authority = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
    let by_authority =
        by_authority.map_err(|error| TlsError::Roots { path: None, problem: error.to_string() })?;
    if own.is_empty() { Ok(by_authority) } else { Ok(Arc::new(Own { by_authority, own })) }
}

/// The user's own authorities and servers, each of which can be trusted.
fn own(tls: &Tls) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut own = Vec::new();
    for source in &tls.roots {
        let certificates = pem::roots(source)?;
        for (index, certificate) in certificates.iter().enumerate() {
            RootCertStore::empty().add(certificate.clone()).map_err(|error| {
                let (number, of) = (index + 1, certificates.len());
                pem::roots_error(
                    source,
                    format!("certificate {number} of {of} cannot be read: {}", pem::why(&error)),
                )
            })?;
        }
        own.extend(certificates);
    }
    if own.is_empty() && tls.only_these_roots {
        let problem = "only_these_roots without any: add them with root_certificates";
        return Err(TlsError::Roots { path: None, problem: problem.to_owned() });
    }
    Ok(own)
}

/// The built-in roots (so that an image without any certificate works), the system's, and the user's own.
fn roots(tls: &Tls, own: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if !tls.only_these_roots {
        roots.roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        // System certificates that rustls cannot read are of no use to anyone; the others are.
        roots.add_parsable_certificates(system::certificates(&tls.environment)?);
    }
    roots.add_parsable_certificates(own.iter().cloned());
    Ok(roots)
}

/// Trusts authorities, and servers whose very certificate is among those that the user trusts: a self-signed one mostly
/// says that it is an authority's, and would not be taken for a server's otherwise.
#[derive(Debug)]
struct Own {
    by_authority: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Own {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_authority =
            self.by_authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match by_authority {
            // The dates have been looked at before, the name has not.
            Err(error) if is_of_authority(&error) && self.own.iter().any(|own| own == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            decided => decided,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// Whether a certificate was refused because it is an authority's own.
pub(super) fn is_of_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// Believes everyone, also whose certificate cannot even be read.
#[derive(Debug)]
struct Anyone {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
