//! Who a test says it is.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use loadcore::Report;
use loadcore::http::{ClientCertificate, ErrorKind, Http, Tls, TlsVersion};
use loadcore::prelude::*;
use tempfile::TempDir;
use testbed::{Authority, Identity, Nginx, real};

use super::{ask_once, telling};
use crate::support::only_error;

/// OpenSSL's own server, which can be stricter than nginx, and tells more.
pub(super) struct SServer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl SServer {
    /// Starts it with further arguments; `None`, said loudly, without OpenSSL.
    pub(super) fn start(identity: &Identity, more: &[&str]) -> Option<Self> {
        let openssl = real("openssl")?;
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
        std::fs::write(&certificate, &identity.certificate).unwrap();
        std::fs::write(&key, &identity.key).unwrap();
        let mut command = Command::new(openssl);
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"]).arg(certificate);
        command.arg("-key").arg(key).args(more).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let accepts =
            lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned)).unwrap();
        let port = accepts.rsplit(':').next().unwrap().trim().parse().unwrap();
        // Nobody may be in its way who wants to tell more.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, port, _folder: folder })
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn shown(identity: &Identity) -> ClientCertificate {
    ClientCertificate::pem(&*identity.certificate, &*identity.key)
}

/// An nginx that asks for certificates of this authority's, and tells whose it got; also without any.
fn asking(authority: &Authority) -> Option<(Nginx, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let clients = folder.path().join("clients.pem");
    std::fs::write(&clients, authority.pem()).unwrap();
    let more = format!("ssl_verify_client optional; ssl_client_certificate {};", clients.display());
    Some((telling(&authority.server(&["localhost", "127.0.0.1"]), &more)?, folder))
}

#[tokio::test]
async fn each_host_is_shown_the_certificate_that_is_meant_for_it() {
    let authority = Authority::new();
    let Some((nginx, _folder)) = asking(&authority) else { return };
    let (by_name, by_address) = (nginx.tls_url("tls"), format!("https://{}", nginx.addr("tls")));
    let one = |name: &str| shown(&authority.client(name));
    let trusting = || Tls::new().root_certificates(authority.pem());
    for (tls, of_name, of_address) in [
        (trusting(), "", ""),
        (trusting().client_certificate(one("all")), "CN=all", "CN=all"),
        (trusting().client_certificate(one("local").for_domains(["LOCALHOST"])), "CN=local", ""),
        (
            trusting()
                .client_certificate(one("rest"))
                .client_certificate(one("home").for_domains(["shop.test", "127.0.0.1"])),
            "CN=rest",
            "CN=home",
        ),
    ] {
        let client = async |url: &str| ask_once(url, tls.clone()).await.client;
        assert_eq!([client(&by_name).await, client(&by_address).await], [of_name, of_address]);
    }
}

/// The private key of a new certificate for `name`, as OpenSSL writes it in answer to these commands.
fn made_by_openssl(folder: &TempDir, name: &str, commands: &[&str]) -> Option<[PathBuf; 2]> {
    let openssl = real("openssl")?;
    for line in commands {
        let mut command = Command::new(&openssl);
        let output = command.args(line.split(' ')).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Some([folder.path().join(format!("{name}.pem")), folder.path().join(format!("{name}.key"))])
}

#[tokio::test]
async fn keys_are_taken_in_every_form_that_openssl_writes() {
    let folder = tempfile::tempdir().unwrap();
    let request = "req -x509 -days 2 -nodes -newkey";
    for (name, begins, commands) in [
        (
            "pkcs8",
            "-----BEGIN PRIVATE KEY-----",
            vec![format!("{request} rsa:2048 -keyout pkcs8.key -out pkcs8.pem -subj /CN=pkcs8")],
        ),
        (
            "pkcs1",
            "-----BEGIN RSA PRIVATE KEY-----",
            vec![
                format!("{request} rsa:2048 -keyout new.key -out pkcs1.pem -subj /CN=pkcs1"),
                "pkey -in new.key -traditional -out pkcs1.key".to_owned(),
            ],
        ),
        (
            "sec1",
            "-----BEGIN EC PRIVATE KEY-----",
            vec![
                format!(
                    "{request} ec -pkeyopt ec_paramgen_curve:P-256 -keyout new.key -out sec1.pem -subj /CN=sec1"
                ),
                "pkey -in new.key -traditional -out sec1.key".to_owned(),
            ],
        ),
    ] {
        let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        let Some([certificate, key]) = made_by_openssl(&folder, name, &commands) else { return };
        assert!(std::fs::read_to_string(&key).unwrap().starts_with(begins));
        let authority = Authority::new();
        let more =
            format!("ssl_verify_client optional_no_ca; ssl_client_certificate {};", certificate.display());
        let Some(nginx) = telling(&authority.server(&["localhost"]), &more) else { return };
        let tls = Tls::new().root_certificates(authority.pem());
        let from_files = tls.clone().client_certificate(ClientCertificate::pem_files(&certificate, &key));
        assert_eq!(ask_once(&nginx.tls_url("tls"), from_files).await.client, format!("CN={name}"));
        // One text may hold both.
        let both = [std::fs::read(&key).unwrap(), std::fs::read(&certificate).unwrap()].concat();
        let from_text = tls.client_certificate(ClientCertificate::pem(both.clone(), both));
        assert_eq!(ask_once(&nginx.tls_url("tls"), from_text).await.client, format!("CN={name}"));
    }
}

#[tokio::test]
async fn an_encrypted_key_is_refused_with_the_command_that_decrypts_it() {
    let folder = tempfile::tempdir().unwrap();
    let request = "req -x509 -days 2 -nodes -newkey rsa:2048 -keyout new.key -out NAME.pem -subj /CN=x";
    for (name, encrypt) in [
        ("modern", "pkcs8 -topk8 -in new.key -passout pass:secret -out modern.key"),
        ("old", "rsa -in new.key -traditional -aes128 -passout pass:secret -out old.key"),
    ] {
        let request = request.replace("NAME", name);
        let Some([certificate, key]) = made_by_openssl(&folder, name, &[&request, encrypt]) else { return };
        let tls = Tls::new().client_certificate(ClientCertificate::pem_files(certificate, &key));
        let scenario = Scenario::new("get", async |_: &Vu| Ok(())).executor(shared_iterations(1));
        let test = LoadTest::new().http(Http::new().tls(tls)).scenario(scenario);
        let error = test.run().await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("client certificate `{}`: the key is encrypted", key.display())));
        assert!(error.contains("openssl pkey -in encrypted.key -out plain.key"), "{error}");
    }
}

/// A server that talks only to clients of this authority's, and a file that it needs for that.
fn strict(authority: &Authority, more: &[&str]) -> Option<(SServer, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let clients = folder.path().join("clients.pem");
    std::fs::write(&clients, authority.pem()).unwrap();
    let demands = ["-Verify", "2", "-verify_return_error", "-CAfile", clients.to_str().unwrap()];
    Some((SServer::start(&authority.server(&["localhost"]), &[&demands, more].concat())?, folder))
}

async fn get(url: &str, tls: Tls) -> Report {
    let scenario = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let test = LoadTest::new().base_url(url).http(Http::new().tls(tls));
    test.scenario(scenario.executor(shared_iterations(1))).run().await.unwrap()
}

#[tokio::test]
async fn a_server_that_wants_another_certificate_or_any_is_understood() {
    let authority = Authority::new();
    let Some((server, _folder)) = strict(&authority, &[]) else { return };
    let (known, stranger) = (authority.client("known"), Identity::self_signed(&["stranger"]));
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let tls = || Tls::new().root_certificates(authority.pem()).min_version(version).max_version(version);
        assert_eq!(get(&server.url(), tls().client_certificate(shown(&known))).await.errors(), []);
        let refused = only_error(&get(&server.url(), tls().client_certificate(shown(&stranger))).await);
        assert_eq!(refused.kind, ErrorKind::ClientCertificateRefused.text(), "{version}: {refused:?}");
        let missing = only_error(&get(&server.url(), tls()).await);
        if version == TlsVersion::V1_3 {
            assert_eq!(missing.kind, ErrorKind::ClientCertificateRequired.text(), "{missing:?}");
        } else {
            // The older version has no word for it.
            assert_eq!(missing.kind, ErrorKind::Tls.text());
            assert!(missing.first.ends_with("or wants a client certificate"), "{missing:?}");
        }
    }
    assert_eq!(ErrorKind::ClientCertificateRefused.code(), 1300);
    assert_eq!(ErrorKind::ClientCertificateRequired.code(), 1300);
}

/// Which answers only when HTTP/2 has begun.
#[tokio::test]
async fn it_is_understood_over_http2_as_well() {
    let authority = Authority::new();
    let Some((server, _folder)) = strict(&authority, &["-alpn", "h2"]) else { return };
    let tls = || Tls::new().root_certificates(authority.pem());
    let missing = only_error(&get(&server.url(), tls()).await);
    assert_eq!(missing.kind, ErrorKind::ClientCertificateRequired.text(), "{missing:?}");
    let stranger = shown(&Identity::self_signed(&["stranger"]));
    let refused = only_error(&get(&server.url(), tls().client_certificate(stranger)).await);
    assert_eq!(refused.kind, ErrorKind::ClientCertificateRefused.text(), "{refused:?}");
}
