//! Whom a test trusts.

use std::path::Path;
use std::process::Command;

use loadcore::http::{ErrorKind, Http, Tls};
use loadcore::prelude::*;
use testbed::{Authority, Identity, Misbehaving, Step, TlsServer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::support::{only_error, only_failed_series};

/// A test of one request under these options.
fn get(url: &str, tls: Tls) -> LoadTest {
    let scenario = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    LoadTest::new().base_url(url).http(Http::new().tls(tls)).scenario(scenario.executor(shared_iterations(1)))
}

async fn is_served(server: &TlsServer, tls: Tls) -> bool {
    let before = server.requests();
    let report = get(&server.url(), tls).run().await.unwrap();
    let served = server.requests() > before;
    assert_eq!(report.errors().is_empty(), served, "{report}");
    served
}

/// The error of a request that nothing comes of, after checking its series.
async fn error_of(url: &str, tls: Tls, kind: ErrorKind, code: &str) -> String {
    let report = get(url, tls).run().await.unwrap();
    let error = only_error(&report);
    assert_eq!(error.kind, kind.text(), "{error:?}");
    let series = only_failed_series(&report);
    assert_eq!((series.tag("error"), series.tag("error_code")), (Some(kind.text()), Some(code)));
    assert_eq!(kind.code().to_string(), code);
    error.first
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_kind_and_code_and_is_explained() {
    let authority = Authority::new();
    let trusting = || Tls::new().root_certificates(authority.pem());
    let start = async |identity: Identity| TlsServer::start_as(&identity, "").await.unwrap();
    let localhost = ["localhost"];

    let unknown = start(authority.server(&localhost)).await;
    let said = error_of(&unknown.url(), Tls::new(), ErrorKind::UnknownAuthority, "1310").await;
    assert!(
        said.contains("nobody who is trusted has signed it") && said.contains("root_certificates"),
        "{said}"
    );

    // Another authority of the same name.
    let stranger = Tls::new().root_certificates(Authority::new().pem());
    error_of(&unknown.url(), stranger, ErrorKind::UnknownAuthority, "1310").await;

    let own = start(Identity::self_signed(&localhost)).await;
    let said = error_of(&own.url(), trusting(), ErrorKind::UnknownAuthority, "1310").await;
    assert!(said.contains("self-signed"), "{said}");

    let elsewhere = start(authority.server(&["elsewhere.test", "10.1.2.3"])).await;
    let said = error_of(&elsewhere.url(), trusting(), ErrorKind::WrongHost, "1311").await;
    assert!(said.ends_with("it is for elsewhere.test, 10.1.2.3, not for localhost"), "{said}");

    let expired = start(authority.server_between(&localhost, 2001, 2002)).await;
    let said = error_of(&expired.url(), trusting(), ErrorKind::ExpiredCertificate, "1300").await;
    assert!(said.ends_with("certificate out of date: it ended at 2002-01-01T00:00:00Z"), "{said}");

    let early = start(authority.server_between(&localhost, 2090, 2091)).await;
    let said = error_of(&early.url(), trusting(), ErrorKind::ExpiredCertificate, "1300").await;
    assert!(said.ends_with("it begins only at 2090-01-01T00:00:00Z"), "{said}");
    for server in [unknown, own, elsewhere, expired, early] {
        assert_eq!(server.requests(), 0);
    }
}

/// The URL of a server that closes each connection in good order as soon as it was sent something.
async fn reads_and_closes() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Closing with something unread would be a reset.
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    url
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_hangs_up_or_resets() {
    let play = async |script: Vec<Step>| Misbehaving::start([script]).await.unwrap();
    let url = |server: &Misbehaving| server.url().replace("http://", "https://");

    let plain =
        play(vec![Step::Send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".into()), Step::Hang])
            .await;
    let said = error_of(&url(&plain), Tls::new(), ErrorKind::NotTls, "1301").await;
    assert!(said.contains("write http:// instead of https://"), "{said}");

    let said = error_of(&reads_and_closes().await, Tls::new(), ErrorKind::Tls, "1300").await;
    assert!(said.ends_with("the server closed the connection instead of answering"), "{said}");

    let resetting = play(vec![Step::Reset]).await;
    error_of(&url(&resetting), Tls::new(), ErrorKind::ConnectionReset, "1220").await;
}

#[tokio::test]
async fn an_authority_is_trusted_from_text_and_from_a_file_however_it_is_given() {
    let server = TlsServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    // Several in one text, with words between them, as bundles are.
    let bundle = format!("the first\n{}\nthe second\n{}", Authority::new().pem(), server.ca_pem());
    std::fs::write(&file, &bundle).unwrap();
    assert!(!is_served(&server, Tls::new()).await);
    assert!(is_served(&server, Tls::new().root_certificates(bundle)).await);
    assert!(is_served(&server, Tls::new().root_certificates_file(&file)).await);
    assert!(is_served(&server, Tls::new().root_certificates(server.ca_pem()).only_these_roots(true)).await);
    let of_test = get(&server.url(), Tls::new().only_these_roots(true)).root_certificates(server.ca_pem());
    assert_eq!(of_test.run().await.unwrap().errors(), []);
}

#[tokio::test]
async fn a_self_signed_certificate_that_is_trusted_is_good_for_its_names_and_time_only() {
    let served = async |identity: &Identity, trusted: &Identity| {
        let server = TlsServer::start_as(identity, "").await.unwrap();
        is_served(&server, Tls::new().root_certificates(&*trusted.certificate)).await
    };
    let (here, there) = (Identity::self_signed(&["localhost"]), Identity::self_signed(&["elsewhere.test"]));
    assert!(served(&here, &here).await);
    assert!(!served(&there, &there).await);
    let over = Identity::self_signed_between(&["localhost"], 2001, 2002);
    assert!(!served(&over, &over).await);
    // Of the same name and rank, but not the same.
    assert!(!served(&here, &there).await);
}

#[tokio::test]
async fn an_insecure_test_accepts_every_certificate_and_says_so() {
    let authority = Authority::new();
    let localhost = ["localhost"];
    for identity in [
        authority.server(&localhost),
        authority.server(&["elsewhere.test"]),
        authority.server_between(&localhost, 2001, 2002),
        Identity::self_signed(&localhost),
    ] {
        let server = TlsServer::start_as(&identity, "").await.unwrap();
        let report = get(&server.url(), Tls::new().insecure(true)).run().await.unwrap();
        assert_eq!((report.errors(), server.requests()), (Vec::new(), 1));
        let warning = "INSECURE: any TLS certificate is accepted; nobody knows who answers";
        assert_eq!(report.run().warnings, [warning]);
        assert!(report.to_string().contains(warning), "{report}");
        assert_eq!(report.to_json()["run"]["warnings"][0], warning);
        let secure = get(&server.url(), Tls::new().insecure(false)).run().await.unwrap();
        assert_eq!((secure.errors().len(), secure.run().warnings.len()), (1, 0));
    }
}

#[tokio::test]
async fn tls_is_there_when_only_a_journey_knows_that_it_is_needed() {
    let server = TlsServer::start().await.unwrap();
    let url = server.url();
    let scenario = Scenario::new("late", async move |vu: &Vu| {
        vu.get(&url).send().await?;
        Ok(())
    });
    let test = LoadTest::new().http(Http::new().tls(Tls::new().insecure(true)));
    let report = test.scenario(scenario.executor(per_vu_iterations(1).vus(4))).run().await.unwrap();
    assert_eq!((report.errors(), server.requests()), (Vec::new(), 4));
}

/// Whether a program that runs so is served, and what it says of that. Only a process of its own can have an environment.
fn program(how: &str, url: &str, environment: &[(&str, &Path)]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_of-tls"));
    command.args(["--base-url", url]).env("OF_TLS", how);
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").envs(environment.iter().copied());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_program_trusts_the_authorities_that_its_environment_names() {
    let server = TlsServer::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, nobody) = (folder.path().join("authority.pem"), tempfile::tempdir().unwrap());
    std::fs::write(&file, server.ca_pem()).unwrap();
    std::fs::write(nobody.path().join("other.pem"), Authority::new().pem()).unwrap();
    let several = std::env::join_paths([nobody.path(), folder.path()]).unwrap();
    let by = |name: &'static str, path: &'static str| (name, Path::new(path));
    for (environment, trusts) in [
        (vec![], false),
        (vec![("SSL_CERT_FILE", &*file)], true),
        (vec![("SSL_CERT_DIR", folder.path())], true),
        (vec![("SSL_CERT_DIR", Path::new(&several))], true),
        (vec![("SSL_CERT_DIR", nobody.path())], false),
        (vec![by("SSL_CERT_FILE", "/no/such.pem"), ("SSL_CERT_DIR", folder.path())], true),
        (vec![by("SSL_CERT_FILE", ""), by("SSL_CERT_DIR", "")], false),
    ] {
        let (served, said) = program("", &server.url(), &environment);
        assert_eq!(served, trusts, "{environment:?}: {said}");
        let (served, said) = program("embedded", &server.url(), &environment);
        assert!(!served, "{environment:?}: {said}");
    }
    let (_, said) = program("", &server.url(), &[by("SSL_CERT_FILE", "/no/such.pem")]);
    let why = "error: root certificates: SSL_CERT_FILE or SSL_CERT_DIR is set, but gives none: ";
    assert!(said.contains(why) && said.contains("No such file") && said.contains("'/no/such.pem'"), "{said}");
    // Who asks for no authority has none to miss.
    assert!(program("insecure", &server.url(), &[by("SSL_CERT_FILE", "/no/such.pem")]).0);
}
