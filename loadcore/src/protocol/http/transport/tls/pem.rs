//! Certificates and keys in PEM text.

use crate::protocol::http::options::{ClientCertificate, Pem, TlsError};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificates of authorities, at least one.
pub(super) fn roots(source: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = source.read("root certificates")?;
    certificates(source, &text).map_err(|problem| roots_error(source, problem))
}

pub(super) fn roots_error(source: &Pem, problem: String) -> TlsError {
    TlsError::Roots { path: source.path(), problem }
}

/// A client's certificate with those of its issuers, and its key.
pub(super) fn client_certificate(
    certificate: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let error = |source: &Pem, problem| TlsError::ClientCertificate { path: source.path(), problem };
    let (chain, key) = (&certificate.chain, &certificate.key);
    let text = chain.read("client certificate")?;
    let chain = certificates(chain, &text).map_err(|problem| error(chain, problem))?;
    let text = key.read("key of a client certificate")?;
    let key = private_key(&text).map_err(|problem| error(key, problem))?;
    Ok((chain, key))
}

/// What rustls says of a certificate and a key that it cannot use together.
pub(super) fn mismatch(certificate: &ClientCertificate, error: &rustls::Error) -> TlsError {
    let (source, problem) = match error {
        rustls::Error::InconsistentKeys(_) => {
            let problem = "the key belongs to another certificate: give the one that it was made with";
            (&certificate.key, problem.to_owned())
        }
        rustls::Error::InvalidCertificate(_) => {
            (&certificate.chain, format!("the first certificate cannot be read: {}", why(error)))
        }
        other => {
            let known = "there are RSA of 2048 bits and more, ECDSA on P-256 and P-384, and Ed25519";
            (
                &certificate.key,
                format!("the key is damaged, or of a kind that ring has not; {known} ({other})"),
            )
        }
    };
    TlsError::ClientCertificate { path: source.path(), problem }
}

/// What rustls cannot read in a certificate, which is nobody's but the user's.
pub(super) fn why(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => format!("{error:?}"),
        other => other.to_string(),
    }
}

fn certificates(source: &Pem, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Err(error) => Err(format!("not PEM: {}", told(&error))),
        Ok(found) if found.is_empty() => Err(format!("no certificate found: {}", instead(source, text))),
        Ok(found) => Ok(found),
    }
}

/// What to give where there is no certificate.
fn instead(source: &Pem, text: &[u8]) -> &'static str {
    match source {
        // A sequence of ASN.1's, with its length in two bytes.
        _ if text.starts_with(&[0x30, 0x82]) => BINARY,
        Pem::File(_) => "give PEM text with BEGIN CERTIFICATE",
        Pem::Text(_) => "give PEM text with BEGIN CERTIFICATE; a path goes to the method for files",
    }
}

const BINARY: &str = "it is binary, and PEM text is needed, as `openssl x509 -inform der`, or `openssl pkcs12` of a .p12 file, writes it";

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let contains = |part: &str| text.windows(part.len()).any(|window| window == part.as_bytes());
    // The new form and the old one.
    if contains("BEGIN ENCRYPTED PRIVATE KEY") || contains("Proc-Type: 4,ENCRYPTED") {
        let decrypt = "openssl pkey -in encrypted.key -out plain.key";
        return Err(format!("the key is encrypted: decrypt it with `{decrypt}`, and give plain.key"));
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            "no private key found: give PEM text with BEGIN PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY"
                .to_owned()
        }
        other => format!("the key is not PEM: {}", told(&other)),
    })
}

/// In words, where the error shows bytes.
fn told(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("`-----END {}-----` is missing", String::from_utf8_lossy(end_marker))
        }
        pem::Error::IllegalSectionStart { line } => {
            format!("the line `{}` begins nothing", String::from_utf8_lossy(line))
        }
        other => other.to_string(),
    }
}
