//! Promise: whatever is wrong with what a user gives, it is found before the first request, the exit code is 104, and the
//! message names the place and says what to write instead. Each case is a run of `testbed/journeys.rs`; the messages are
//! in `snapshots/`, to be read.

use crate::cli::without_lines;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One mistake.
#[derive(Default)]
struct Case<'a> {
    /// The command line, split at blanks.
    line: &'a str,
    /// One more argument, as it is.
    last: Option<&'a str>,
    variables: &'a [(&'a str, &'a str)],
    /// Files in the working directory, by their path.
    files: &'a [(&'a str, &'a str)],
}

/// A folder of one case.
fn folder(group: &str, index: usize) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wrong-{group}-{index}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a case; what it was, and the message.
fn told(group: &str, index: usize, case: &Case<'_>) -> String {
    let folder = folder(group, index);
    let mut shown = String::new();
    for (path, content) in case.files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
    }
    let args: Vec<&str> = case.line.split_whitespace().chain(case.last).collect();
    let variables: String = case.variables.iter().map(|(name, value)| format!("{name}={value:?} ")).collect();
    writeln!(shown, "{}", format!("$ {variables}journeys {}", args.join(" ")).trim_end()).unwrap();
    for line in case.files.iter().flat_map(|(_, content)| content.lines()) {
        writeln!(shown, "  | {line}").unwrap();
    }
    let mut program = Command::new(env!("CARGO_BIN_EXE_journeys"));
    program.args(&args).current_dir(&folder).env_remove("COLUMNS").envs(case.variables.iter().copied());
    let output = program.stdin(Stdio::null()).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(104), "{shown}{err}");
    assert_eq!(output.stdout, b"", "{shown}{err}");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).display().to_string();
    let err = err.replace(&folder.display().to_string(), "[folder]").replace(&tests, "[tests]");
    format!("{shown}{}", without_lines(&err))
}

/// All of a group.
fn all_told<'a>(group: &str, cases: impl IntoIterator<Item = Case<'a>>) -> String {
    let told = cases.into_iter().enumerate().map(|(index, case)| told(group, index, &case));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn wrong_flags_are_named_with_what_to_write() {
    let lines = [
        "--vuss 2",
        "rnu",
        "--vus",
        "--vus ten",
        "--vus 0",
        "--vus -1",
        "--iterations 0 --scenario browse",
        "--iterations 2 --vus 5 --scenario browse",
        "--duration 10 --scenario browse",
        "--duration 0s --scenario browse",
        "--duration 10x --scenario browse",
        "--stage 10:20s --scenario browse",
        "--stage 1000:20 --scenario browse",
        "--stage 0s:20 --scenario browse",
        "--rate 10 --duration 1s --scenario browse",
        "--rate 0/s --duration 1s --scenario browse",
        "--rate 10/s --scenario browse",
        "--stage 1s:2 --duration 1s --scenario browse",
        "--stage 1s:2 --iterations 3 --scenario browse",
        "--rate 10/s --duration 1s --iterations 3 --scenario browse",
        "--stage 1s:2 --rate 10/s --scenario browse",
        "--vus 2 --duration 1s",
        "--scenario brwose",
        "--base-url 127.0.0.1:80",
        "--base-url ftp://127.0.0.1",
        "--tag team",
        "--tag status=200",
        "--header x-run",
        "--header x=y:1",
        "--env 1ST=a",
        "--env KEY",
        "--seed one",
        "--cores 0",
        "--rps fast",
        "--rps 100/s",
        "--rps -1",
        "--rps inf",
        "--rps",
        "--spin-arrivals=maybe",
        "--spin-arrivals yes",
        "--setup-timeout 60",
        "--teardown-timeout 0s",
        "--max-redirects few",
        "--batch 0",
        "--block-hostnames 10.0.0.1",
        "--blacklist-ip 10.0.0.0/33",
        "--hosts shop.test",
        "--hosts shop.test=http://127.0.0.1",
        "--local-ips eth0",
        "--local-ips 192.0.2.1",
        "--dns 5m",
        "--dns select=last",
        "--tls-version 1.3",
        "--tls-version tls1.1",
        "--tls-version min=tls1.3,max=tls1.2",
        "--no-connection-reuse=maybe",
        "--quiet=maybe",
        "--config nowhere.toml",
        "--summary-export /no/such/folder/summary.json",
        "--summary-export /",
        "plan --summary-export /no/such/folder/summary.json",
        "plan --vus 2",
        "list --vus 2",
        "--cores 2 --tag team=a plan --json",
        "--seed 1 list",
        "completions cmd",
    ];
    insta::assert_snapshot!(all_told("flags", lines.map(|line| Case { line, ..Case::default() })));
}

#[test]
fn wrong_variables_are_named_with_what_to_write() {
    let variables: [&[(&str, &str)]; 15] = [
        &[("LOADCORE_VU", "2")],
        &[("LOADCORE_STAGES", "1s:2")],
        &[("LOADCORE_NONSENSE", "1")],
        &[("LOADCORE_VUS", "garbage")],
        &[("LOADCORE_DURATION", "10"), ("LOADCORE_SCENARIO", "browse")],
        &[("LOADCORE_STAGE", "1s:2,soon:3")],
        &[("LOADCORE_STAGE", "1s:2"), ("LOADCORE_DURATION", "1s")],
        &[("LOADCORE_RATE", "10/s")],
        &[("LOADCORE_DURATION", "1s")],
        &[("LOADCORE_NO_THRESHOLDS", "yes"), ("LOADCORE_TAG", "a=1;b")],
        &[("LOADCORE_CONFIG", "/nonexistent/load.toml")],
        &[("LOADCORE_SCENARIO", "browse,buy")],
        &[
            ("LOADCORE_HOSTS", "a.test=127.0.0.1,b.test"),
            ("LOADCORE_DNS", "ttl=5"),
            ("LOADCORE_USER_AGENT", "a\tb\u{7f}"),
        ],
        &[("LOADCORE_RPS", "1e10"), ("LOADCORE_SPIN_ARRIVALS", "on")],
        &[("LOADCORE_SETUP_TIMEOUT", "60"), ("LOADCORE_TEARDOWN_TIMEOUT", "0s"), ("LOADCORE_SEED", "one")],
    ];
    insta::assert_snapshot!(all_told(
        "variables",
        variables.map(|variables| Case { variables, ..Case::default() })
    ));
}

#[test]
fn wrong_options_files_are_named_with_line_and_column() {
    let contents = [
        "vus = ",
        "vus 3",
        "vus = 3\nvus = 4",
        "vu = 3",
        "base-url = \"http://127.0.0.1:8080\"",
        "duration = 30",
        "# a comment\nvus = \"many\"\nscenarios = [\"browse\"]",
        "vus = { from = 1 }",
        "stages = [\"1s:2\", \"3\"]",
        "stages = [\"1s:2\"]\nduration = \"1s\"\nscenarios = [\"browse\"]",
        "rate = \"10/s\"\nscenarios = [\"browse\"]",
        "tags = [\"team=shop\"]",
        "[tags]\nteam = \"shop\"\nscenario = \"mine\"",
        "[headers]\n\"x y\" = \"1\"",
        "[env]\nUSER-NAME = \"ann\"",
        "scenarios = \"buy\"",
        "[thresholds]\nhttp_req_duraton = \"p(95)<500\"",
        "[thresholds]\nhttp_req_failed = [\n    \"rate<0.1\",\n    { threshold = \"rate<0.5\", abort = true },\n]",
        "[thresholds]\nhttp_req_failed = { abort_on_fail = true }",
        "[thresholds]\nhttp_req_failed = { threshold = \"rate<0.5\", delay_abort_eval = \"10s\" }",
        "[thresholds]\nhttp_req_failed.rate = 0.5",
        "vus = 5",
        "vus = 5\niterations = 2\nscenarios = [\"browse\"]",
        "rps = -1\nspin_arrivals = \"on\"\nsetup_timeout = 60\nteardown_timeout = \"0s\"",
        "rps = \"100/s\"",
        "seed = -1\ncores = 4096\nquiet = 3",
        "max_redirects = -1\nbatch_per_host = 0\nno_cookies_reset = \"never\"\nuser_agent = \"a\\nb\"",
        "[hosts]\n\"shop.test:http\" = \"127.0.0.1\"\n\"cdn.test\" = 8080",
        "hosts = \"shop.test=127.0.0.1\"",
        "block_hostnames = [\"a.test\", \"*.*.b\"]\nblacklist_ips = []\ndns = \"ttl=soon\"",
        "tls_version = { from = \"tls1.2\", max = \"tls1.0\" }",
    ];
    let files = contents.map(|content| [("load.toml", content)]);
    let line = "--config load.toml";
    insta::assert_snapshot!(all_told(
        "files",
        files.iter().map(|files| Case { line, files, ..Case::default() })
    ));
}

#[test]
fn an_options_file_that_is_no_text_is_told_with_the_place() {
    let file = folder("encoding", 0).join("load.toml");
    std::fs::write(&file, b"vus = 3\n# caf\xe9\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_journeys")).arg("--config").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(104));
    let want = format!("error: {}:2:6: this is not UTF-8 text; save the file as UTF-8\n", file.display());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), want);
}

#[test]
fn wrong_thresholds_are_named_with_their_text() {
    let texts = [
        "p(95)<500",
        "http_req_duration",
        "http_req_duraton: p(95)<500",
        "http_req_duration: p(95)",
        "http_req_duration: p(199)<500",
        "http_req_duration: p95<500",
        "http_req_duration: rate<0.1",
        "http_req_duration: p(95)<fast",
        "http_req_duration{}: p(95)<500",
        "http_req_duration{scenario}: p(95)<500",
        "http_req_duration{scenario:browse: p(95)<500",
        "checks: p(95)<1",
        "checks{scenario:brwose}: rate>0.9",
        "iterations{scenario:buy}: count>1",
        "iterations: count 20",
    ];
    let cases = texts.iter().map(|text| Case { line: "--threshold", last: Some(text), ..Case::default() });
    let variables = [("LOADCORE_THRESHOLD", "checks: rate>0.9; chekcs: rate>0.9")];
    let of_environment = Case { variables: &variables, ..Case::default() };
    insta::assert_snapshot!(all_told("thresholds", cases.chain([of_environment])));
}

#[test]
fn wrong_data_files_are_named_with_line_and_column() {
    let files = [
        ("data/users.json", "[\n  {\"email\": \"a@b\"},\n  {\"mail\": \"c@d\"}\n]"),
        ("data/users.json", "[]"),
        ("data/users.json", ""),
        ("data/users.json", "{\"email\": \"a@b\"}"),
        ("data/users.json", "[{\"email\": 7}]"),
        ("data/users.json", "[{\"email\": \"a@b\"},"),
        ("data/cities.jsonl", "{\"name\":\"Ulm\",\"people\":126000}\n{\"name\":\"Bonn\",\"people\":-1}\n"),
        ("data/cities.jsonl", "{\"name\":\"Ulm\",\"people\":126000}\n{\"name\":\"Bonn\"\n"),
        ("data/cities.jsonl", "\n\n"),
        ("data/cities.csv", "name,people\nUlm,126000\nBonn,many\n"),
        ("data/cities.csv", "name,people\nUlm\n"),
        ("data/cities.csv", "name,inhabitants\nUlm,126000\n"),
        ("data/cities.csv", "name,people\n"),
    ];
    let files = files.map(|file| [file]);
    insta::assert_snapshot!(all_told("data", files.iter().map(|files| Case { files, ..Case::default() })));
}

#[test]
fn wrong_names_in_the_code_are_told_with_their_place() {
    let modes = ["bad-tag", "bad-scenario-tag", "bad-env"].map(|mode| [("JOURNEYS_CODE", mode)]);
    insta::assert_snapshot!(all_told(
        "code",
        modes.iter().map(|variables| Case { variables, ..Case::default() })
    ));
}
