//! Certificates: an authority of a test's own, and whom it vouches for.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority that nobody trusts who is not told to.
///
/// Its methods panic when a certificate cannot be made, such as for a name that is none.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its private key, both as PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key, in PKCS#8 form.
    pub key: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one, unlike all others but for its name.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "loadcore test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, which one must trust to trust the others.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server that may be reached under these names or addresses.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.vouch(server(names))
    }

    /// The same with a certificate that is valid from one year to another, such as 2001 to 2002.
    pub fn server_between(&self, names: &[&str], from: i32, until: i32) -> Identity {
        self.vouch(between(server(names), from, until))
    }

    /// A client of this common name.
    pub fn client(&self, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.vouch(params)
    }

    fn vouch(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

impl Identity {
    /// A server that vouches for itself, and calls itself an authority, as `openssl req -x509` makes them.
    pub fn self_signed(names: &[&str]) -> Self {
        Self::vouch_for_itself(server(names))
    }

    /// The same with a certificate that is valid from one year to another.
    pub fn self_signed_between(names: &[&str], from: i32, until: i32) -> Self {
        Self::vouch_for_itself(between(server(names), from, until))
    }

    fn vouch_for_itself(mut params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, key: key.serialize_pem() }
    }
}

fn server(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names of servers");
    params.distinguished_name.push(DnType::CommonName, "loadcore test server");
    params
}

fn between(mut params: CertificateParams, from: i32, until: i32) -> CertificateParams {
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    params
}
