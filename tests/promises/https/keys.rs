//! The secrets of connections, for whoever wants to read what was captured.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use loadcore::http::{Http, Tls, TlsVersion};
use loadcore::prelude::*;
use testbed::Authority;

use super::clients::SServer;
use super::telling;

fn lines(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // OpenSSL heads its file with a comment.
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_lowercase).collect()
}

fn test(url: &str, tls: Tls) -> LoadTest {
    let scenario = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let scenario = scenario.executor(per_vu_iterations(1).vus(3));
    LoadTest::new().base_url(url).http(Http::new().tls(tls)).scenario(scenario)
}

#[tokio::test]
async fn the_keys_that_are_logged_are_those_that_the_server_has_used() {
    let authority = Authority::new();
    for (version, labels) in [(TlsVersion::V1_2, 1), (TlsVersion::V1_3, 5)] {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ours.keys"), folder.path().join("theirs.keys"));
        let log = theirs.to_str().unwrap();
        let Some(server) = SServer::start(&authority.server(&["localhost"]), &["-keylogfile", log]) else {
            return;
        };
        let tls = Tls::new().root_certificates(authority.pem()).min_version(version).max_version(version);
        let report = test(&server.url(), tls.key_log_file(&ours)).run().await.unwrap();
        assert_eq!(report.errors(), []);
        assert_eq!((lines(&ours), lines(&ours).len()), (lines(&theirs), 3 * labels), "{version}");
        // Who has the keys can read everything.
        let mode = std::os::unix::fs::PermissionsExt::mode(&ours.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn an_earlier_log_is_kept_and_one_that_cannot_be_written_is_an_error_before_the_start() {
    let authority = Authority::new();
    let Some(nginx) = telling(&authority.server(&["localhost"]), "") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.keys");
    std::fs::write(&path, "# of a browser\n").unwrap();
    let tls = || Tls::new().root_certificates(authority.pem()).key_log_file(&path);
    for runs in 1..=2 {
        test(&nginx.tls_url("tls"), tls()).run().await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# of a browser\nCLIENT_HANDSHAKE_TRAFFIC_SECRET "), "{text}");
        assert_eq!(
            text.lines().filter(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")).count(),
            runs * 3
        );
    }
    let nowhere = tls().key_log_file("/no/such/folder/all.keys");
    let error = test(&nginx.tls_url("tls"), nowhere).run().await.unwrap_err().to_string();
    assert!(
        error.starts_with("key log `/no/such/folder/all.keys`: cannot be written: No such file"),
        "{error}"
    );
}

/// The program in an environment with this file, as its arguments say; its output and errors.
fn program(how: &str, keys: &Path, args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_of-tls"));
    let output = command.args(args).env("SSLKEYLOGFILE", keys).env("OF_TLS", how).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

/// A program asks its environment; a test that is embedded in another one does not.
#[tokio::test]
async fn only_a_program_reads_sslkeylogfile() {
    let authority = Authority::new();
    let Some(nginx) = telling(&authority.server(&["localhost"]), "") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program.keys");
    let url = nginx.tls_url("tls");
    let run = |how: &str, more: &[&str]| program(how, &path, &[&["--base-url", &url], more].concat());
    run("embedded insecure", &[]);
    assert!(!path.exists());
    let (summary, banner) = run("insecure", &[]);
    assert_eq!(lines(&path).len(), 5);
    // The program is also insecure, and says so before and after, however quiet it shall be.
    let warning = "INSECURE: any TLS certificate is accepted; nobody knows who answers";
    assert!(banner.contains(warning) && summary.contains(warning), "{banner}\n{summary}");
    let (summary, errors) = run("insecure", &["--quiet"]);
    assert!(errors == format!("warning: {warning}\n") && summary.contains(warning), "{errors}\n{summary}");
}

#[tokio::test]
async fn nothing_is_written_where_no_key_will_ever_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.keys");
    // A plan tells where keys would go, and leaves no trace.
    let (plan, _) = program("", &path, &["plan", "--base-url", "https://localhost:1"]);
    assert!(plan.contains(&format!("key_log_file = \"{}\"", path.display())), "{plan}");
    assert!(!path.exists());
    // Without TLS it does not matter where keys would go.
    let server = crate::support::truth_server();
    program("", &folder.path().join("no/such/folder/all.keys"), &["--base-url", &server.url()]);
}

#[test]
fn a_plan_finds_that_keys_could_not_be_written() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_of-tls"));
    command
        .args(["plan", "--base-url", "https://localhost:1"])
        .env("SSLKEYLOGFILE", "/no/such/folder/all.keys");
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(104), "{told}");
    assert!(told.contains("key log `/no/such/folder/all.keys`: cannot be written: No such file"), "{told}");
}
