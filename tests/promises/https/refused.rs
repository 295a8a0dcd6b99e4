//! What a test says of TLS and cannot be is an error before the start.

use loadcore::RunError;
use loadcore::http::{ClientCertificate, ErrorKind, Http, OptionsError, Tls, TlsError, TlsVersion};
use loadcore::prelude::*;
use testbed::Authority;

use super::telling;
use crate::support::only_error;

/// Why a test of these options does not start.
async fn refusal(tls: Tls) -> String {
    let scenario = Scenario::new("never", async |_: &Vu| Ok(()));
    let test = LoadTest::new().http(Http::new().tls(tls)).scenario(scenario.executor(shared_iterations(1)));
    match test.run().await {
        Err(RunError::Http(OptionsError::Tls(error))) => error.to_string(),
        other => panic!("no error of TLS but {other:?}"),
    }
}

#[tokio::test]
async fn wrong_options_are_named_with_what_to_write() {
    let authority = Authority::new();
    let (mine, other) = (authority.client("mine"), authority.client("other"));
    let certificate = || ClientCertificate::pem(&*mine.certificate, &*mine.key);
    let one = |certificate: ClientCertificate| Tls::new().client_certificate(certificate);
    let all = [
        Tls::new().min_version(TlsVersion::V1_1),
        Tls::new().max_version(TlsVersion::V1_0),
        Tls::new().min_version(TlsVersion::V1_3).max_version(TlsVersion::V1_2),
        Tls::new().cipher_suites(["TLS_RSA_WITH_AES_128_CBC_SHA"]),
        Tls::new().cipher_suites(["TLS_AES_128_GCM_SHA256"]).max_version(TlsVersion::V1_2),
        Tls::new().cipher_suites(Vec::<String>::new()),
        Tls::new().root_certificates("certs/authority.pem"),
        Tls::new().root_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n"),
        Tls::new().root_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        Tls::new().root_certificates_file("no/such/authority.pem"),
        Tls::new().only_these_roots(true),
        Tls::new().server_name("https://shop.test"),
        one(ClientCertificate::pem_files("no/such/me.pem", "no/such/me.key")),
        one(ClientCertificate::pem(&*mine.certificate, "")),
        one(ClientCertificate::pem("", &*mine.key)),
        one(ClientCertificate::pem(&*mine.certificate, &*other.key)),
        one(certificate().for_domains(["https://shop.test/"])),
        one(certificate().for_domains(["shop.test:443"])),
        one(certificate().for_domains(["*.*.test"])),
        one(certificate().for_domains([""; 0])),
        one(certificate()).client_certificate(certificate()),
        one(certificate().for_domains(["a.test", "*.b.test"]))
            .client_certificate(certificate().for_domains(["*.B.test"])),
    ];
    let mut told = String::new();
    for tls in all {
        told = told + &refusal(tls).await + "\n";
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_file_that_is_wrong_is_named_with_its_path() {
    let authority = Authority::new();
    let (mine, other) = (authority.client("mine"), authority.client("other"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (binary, broken) =
        (folder.path().join("der.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    std::fs::write(&binary, [0x30, 0x82, 1, 0]).unwrap();
    let broken = file("broken.pem", &format!("{}{broken}", mine.certificate));
    let unreadable = file("unreadable.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let odd = file("odd.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let (empty, certificate) = (file("empty.pem", "nothing"), file("me.pem", &mine.certificate));
    let foreign = file("other.key", &other.key);
    let path = |path: &std::path::Path| format!("`{}`: ", path.display());
    for (tls, path, problem) in [
        (
            Tls::new().root_certificates_file(&empty),
            path(&empty),
            "no certificate found: give PEM text with BEGIN",
        ),
        (
            Tls::new().root_certificates_file(&binary),
            path(&binary),
            "no certificate found: it is binary, and PEM",
        ),
        (
            Tls::new().root_certificates_file(&broken),
            path(&broken),
            "certificate 2 of 2 cannot be read: BadEncoding",
        ),
        (
            Tls::new().client_certificate(ClientCertificate::pem_files(&unreadable, &foreign)),
            path(&unreadable),
            "the first certificate cannot be read: BadEncoding",
        ),
        (
            Tls::new().client_certificate(ClientCertificate::pem_files(&certificate, &odd)),
            path(&odd),
            "the key is damaged, or of a kind that ring has not; there are RSA of 2048 bits and more, ECDSA on P-256",
        ),
        (
            Tls::new().root_certificates_file(folder.path()),
            path(folder.path()),
            "cannot be read: Is a directory",
        ),
        (
            Tls::new().client_certificate(ClientCertificate::pem_files(&empty, &foreign)),
            path(&empty),
            "no certificate found",
        ),
        (
            Tls::new().client_certificate(ClientCertificate::pem_files(&certificate, &empty)),
            path(&empty),
            "no private key found",
        ),
        (
            Tls::new().client_certificate(ClientCertificate::pem_files(&certificate, &foreign)),
            path(&foreign),
            "the key belongs to another certificate",
        ),
    ] {
        let told = refusal(tls).await;
        assert!(told.contains(&format!("{path}{problem}")), "{told}");
    }
}

#[test]
fn a_private_key_is_not_in_what_options_print() {
    let mine = Authority::new().client("mine");
    let certificate = ClientCertificate::pem(&*mine.certificate, &*mine.key);
    let printed = format!("{:?}", Tls::new().client_certificate(certificate));
    assert!(printed.contains("key: PEM text") && printed.len() < 1000, "{printed}");
    assert_eq!(TlsError::Version(TlsVersion::V1_0).to_string().matches("tls1.0").count(), 1);
}

#[tokio::test]
async fn a_server_with_which_nothing_is_in_common_says_so() {
    let authority = Authority::new();
    let trusting = || Tls::new().root_certificates(authority.pem());
    for (server, tls, told) in [
        (
            "ssl_protocols TLSv1.2;",
            trusting().min_version(TlsVersion::V1_3),
            "alert ProtocolVersion: it speaks none of the versions that were offered",
        ),
        (
            "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;",
            trusting().cipher_suites(["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]),
            "alert HandshakeFailure: it has no cipher suite or version in common with those offered",
        ),
    ] {
        let Some(nginx) = telling(&authority.server(&["localhost"]), server) else { return };
        let (_, report) = super::ask(&nginx.tls_url("tls"), tls, shared_iterations(1)).await;
        let error = only_error(&report);
        assert!(error.kind == ErrorKind::Tls.text() && error.first.contains(told), "{error:?}");
    }
}
