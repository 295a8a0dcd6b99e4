//! The command line of a test crate: what it runs, what it refuses before the first request, what it prints, and the
//! exit codes that scripts rely on. Each test runs `testbed/journeys.rs` as a program.

mod completions;
mod debug;
mod export;
mod flags;
mod http;
mod in_code;
mod limits;
mod output;
mod plan;
mod precedence;
mod shares;
mod signals;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use testbed::TruthServer;

use crate::support::{quiet, quiet_blocking, settled, truth_server};

/// A run of the program that has ended.
struct Ran {
    code: i32,
    out: String,
    err: String,
    took: Duration,
}

impl Ran {
    fn of(output: &Output, begun: Instant) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let code = output.status.code().expect("it ends by itself, not by a signal");
        Ran { code, out: text(&output.stdout), err: text(&output.stderr), took: begun.elapsed() }
    }

    #[track_caller]
    fn assert_code(&self, code: i32) {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
    }
}

/// The program, away from any data but its own.
fn program(args: &[&str]) -> Command {
    quietly(Command::new(env!("CARGO_BIN_EXE_journeys")), args)
}

/// With these arguments, in the scratch folder, and with all that it says kept.
fn quietly(mut command: Command, args: &[&str]) -> Command {
    command.args(args).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Ran {
    let begun = Instant::now();
    Ran::of(&program(args).output().unwrap(), begun)
}

/// The same against that server.
fn run_against(server: &TruthServer, args: &[&str]) -> Ran {
    run(&[args, &["--base-url", &server.url()]].concat())
}

/// A file of this test's own that does not exist yet.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// Without the lines in the program's source, which move.
pub(crate) fn without_lines(text: &str) -> String {
    let mut parts = text.split("journeys.rs:");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown += "journeys.rs:<line>";
        shown += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    shown
}

#[test]
fn list_shows_each_scenario_with_its_executor_and_place() {
    let ran = run(&["list"]);
    ran.assert_code(0);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.out);
    assert!(lines[0].starts_with("browse  30 iterations shared among 3 VUs"), "{}", lines[0]);
    assert!(lines[0].contains("tests/testbed/journeys.rs:"), "{}", lines[0]);
    assert!(lines[1].starts_with("wait    2 looping VUs for 1s"), "{}", lines[1]);
    assert_eq!(ran.err, "");
}

#[test]
fn help_and_version_are_no_errors() {
    for (flag, shows) in [("--help", "--summary-export"), ("--version", env!("CARGO_PKG_VERSION"))] {
        let ran = run(&[flag]);
        ran.assert_code(0);
        assert!(ran.out.contains(shows) && ran.err.is_empty(), "{flag}: {}", ran.out);
    }
}

#[test]
fn help_tells_of_each_flag_where_options_come_from_and_the_exit_codes() {
    let begun = Instant::now();
    let help = |flag| Ran::of(&program(&[flag]).env_remove("COLUMNS").output().unwrap(), begun).out;
    insta::assert_snapshot!(help("--help"));
    assert!(help("-h").lines().count() < 60, "{}", help("-h"));
}

#[tokio::test]
async fn run_is_the_default_and_runs_every_scenario_as_its_attribute_says() {
    let _quiet = quiet().await;
    let server = truth_server();
    for args in [&[][..], &["run"]] {
        server.reset().await.unwrap();
        let ran = run_against(&server, args);
        ran.assert_code(0);
        // 30 iterations of the one; of the other, two VUs that are cut after a second.
        assert_eq!(settled(&server).await.requests, 30 + 2, "{args:?}");
        assert!((secs(1.0)..secs(3.0)).contains(&ran.took), "{args:?}: {:?}", ran.took);
        for wanted in
            ["browse: 30 iterations shared among 3 VUs", "wait: 2 looping VUs for 1s", &server.url()]
        {
            assert!(ran.err.contains(wanted), "{wanted} is not in the banner:\n{}", ran.err);
        }
        for wanted in ["█ THRESHOLDS", "✓ 'rate<0.01' rate=0.00%", "✓ has a mail address", "http_reqs"]
        {
            assert!(ran.out.contains(wanted), "{wanted} is not in the summary:\n{}", ran.out);
        }
    }
}

#[tokio::test]
async fn shortcuts_replace_the_executor_of_the_one_selected_scenario() {
    let _quiet = quiet().await;
    let server = truth_server();
    for (args, requests, banner) in [
        (&["--iterations", "7"][..], 7, "browse: 7 iterations shared among 1 VU"),
        (&["-i", "9", "-u", "4"], 9, "browse: 9 iterations shared among 4 VUs"),
        (&["--vus", "5"], 5, "browse: 5 iterations shared among 5 VUs"),
    ] {
        server.reset().await.unwrap();
        let ran = run_against(&server, &[&["run", "--scenario", "browse"], args].concat());
        ran.assert_code(0);
        assert!(ran.err.contains(banner), "{banner}: {}", ran.err);
        assert_eq!(settled(&server).await.requests, requests, "{args:?}");
        assert!(ran.took < secs(3.0), "{args:?}: {:?}", ran.took);
    }
    server.reset().await.unwrap();
    let ran = run_against(&server, &["--scenario", "browse", "--vus", "3", "--duration", "1s"]);
    ran.assert_code(0);
    assert!(ran.err.contains("browse: 3 looping VUs for 1s"), "{}", ran.err);
    // An iteration takes a little more than 10 ms.
    let requests = settled(&server).await.requests;
    assert!((30..=300).contains(&requests) && ran.took >= secs(1.0), "{requests} in {:?}", ran.took);
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_with_104_before_any_request() {
    let server = truth_server();
    let no_place = "/no/such/folder/summary.json";
    let url = server.url();
    for (args, hints) in [
        (&["--vus", "2", "--duration", "1s"][..], &["2 are selected", "--scenario NAME", "browse, wait"][..]),
        (&["--scenario", "brwose"], &["no scenario is named `brwose`", "browse, wait"]),
        (&["--summary-export", no_place], &["--summary-export", no_place, "No such file"]),
        (&["--summary-export", "/"], &["--summary-export /", "can be written"]),
        (&["--base-url", "127.0.0.1:80"], &["base URL `127.0.0.1:80`", "http://127.0.0.1:8080"]),
        (&["--base-url", "ftp://127.0.0.1"], &["`ftp` is not http or https"]),
        (&["--duration", "10", "--scenario", "browse"], &["--duration", "a unit is missing"]),
        (&["--iterations", "2", "--vus", "5", "--scenario", "browse"], &["2 iterations cannot occupy 5 VUs"]),
        (&["--cores", "0"], &["0 cores", "at least 1"]),
        (&["--vuss", "2"], &["--vuss", "--vus"]),
        (&["rnu"], &["rnu"]),
    ] {
        let base: &[&str] = if args[0] == "--base-url" { &[] } else { &["--base-url", &url] };
        let args = [args, base].concat();
        let ran = run(&args);
        ran.assert_code(104);
        for hint in hints {
            assert!(ran.err.contains(hint), "{args:?}: {hint:?} is not in {:?}", ran.err);
        }
        assert_eq!(ran.out, "", "{args:?}");
    }
    assert_eq!(settled(&server).await.connections, 0);
}

#[tokio::test]
async fn a_bad_data_file_is_refused_with_its_path_and_line() {
    let server = truth_server();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad-data");
    std::fs::create_dir_all(dir.join("data")).unwrap();
    for (content, hint) in [
        ("[\n  {\"email\": \"a@b\"},\n  {\"mail\": \"c@d\"}\n]", "data/users.json:3:"),
        ("[]", "data/users.json: there are no rows"),
    ] {
        std::fs::write(dir.join("data/users.json"), content).unwrap();
        let begun = Instant::now();
        let output = program(&["--base-url", &server.url()]).current_dir(&dir).output().unwrap();
        let ran = Ran::of(&output, begun);
        ran.assert_code(104);
        assert!(ran.err.contains(hint) && ran.err.contains("tests/testbed/journeys.rs:"), "{}", ran.err);
    }
    assert_eq!(settled(&server).await.connections, 0);
}

#[tokio::test]
async fn a_failed_threshold_is_99_after_a_whole_run() {
    let server = truth_server();
    let base = format!("{}/nowhere", server.url());
    let ran = run(&["--scenario", "browse", "--base-url", &base]);
    ran.assert_code(99);
    assert!(ran.out.contains("✗ 'rate<0.01' rate=100.00%"), "{}", ran.out);
    assert_eq!(settled(&server).await.requests, 30);
}

#[tokio::test]
async fn quiet_prints_the_summary_only() {
    let server = truth_server();
    for flag in ["--quiet", "-q"] {
        let ran = run_against(&server, &["--scenario", "browse", flag]);
        ran.assert_code(0);
        assert_eq!(ran.err, "");
        assert!(ran.out.trim_start().starts_with("█ THRESHOLDS"), "{}", ran.out);
        assert!(ran.out.contains("http_reqs") && !ran.out.contains(&server.url()), "{}", ran.out);
    }
}

#[tokio::test]
async fn without_a_terminal_progress_is_plain_lines() {
    let _quiet = quiet().await;
    let server = truth_server();
    let ran = run_against(&server, &["--scenario", "browse", "--vus", "2", "--duration", "6s"]);
    ran.assert_code(0);
    let lines: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("running ")).collect();
    let [line] = lines[..] else { panic!("not one line in six seconds:\n{}", ran.err) };
    assert!(line.contains("2/2 VUs") && line.contains("requests (") && line.contains("p(95)"), "{line}");
    for (stream, text) in [("stdout", &ran.out), ("stderr", &ran.err)] {
        assert!(!text.contains(['\u{1b}', '\r']), "{stream} has control characters: {text:?}");
    }
}

fn secs(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

#[test]
fn too_few_descriptors_for_the_cores_end_the_run_and_say_what_to_do() {
    let _quiet = quiet_blocking();
    let begun = Instant::now();
    let script = format!("ulimit -n 40; exec {} --cores 60 --quiet", env!("CARGO_BIN_EXE_journeys"));
    let ran = Ran::of(&Command::new("sh").args(["-c", &script]).output().unwrap(), begun);
    ran.assert_code(109);
    assert!(ran.err.contains("ulimit -n") && ran.err.contains("--cores"), "{}", ran.err);
    assert!(ran.took < secs(10.0), "{:?}", ran.took);
}
