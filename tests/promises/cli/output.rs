//! What is written where: a disk that is full is an error that is told, a reader that has gone is none.

use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::support::{quiet, truth_server};

/// Runs this shell script, in which `$P` is the program.
fn sh(script: &str) -> Ran {
    let begun = Instant::now();
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).env("P", env!("CARGO_BIN_EXE_journeys"));
    Ran::of(&shell.current_dir(env!("CARGO_TARGET_TMPDIR")).output().unwrap(), begun)
}

#[test]
fn what_cannot_be_written_for_want_of_room_is_109() {
    for args in
        ["list", "plan", "plan --json", "completions bash", "--help", "-q --scenario browse --no-thresholds"]
    {
        let ran = sh(&format!("exec $P {args} >/dev/full"));
        ran.assert_code(109);
        assert!(
            ran.err.starts_with("error: cannot write to standard output: No space left"),
            "{args}: {}",
            ran.err
        );
    }
    // What is wrong with the run itself comes first.
    let ran = sh("exec $P -q --scenario browse --threshold 'iterations: count>1000' >/dev/full");
    ran.assert_code(99);
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    for args in [
        "list",
        "plan",
        "completions bash",
        "completions zsh",
        "--help",
        "-q --scenario browse --no-thresholds",
    ] {
        let mut program = program(&args.split(' ').collect::<Vec<_>>());
        let mut child = program.spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!((code, err.as_str()), (Some(0), ""), "{args}");
    }
}

/// A folder of this test's own, with nothing but this file in it.
fn folder_with(name: &str, file: &str, content: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(file), content).unwrap();
    folder
}

fn files_of(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn an_earlier_summary_stays_whole_when_there_is_no_room_for_the_new_one() {
    let folder = folder_with("no-room", "summary.json", "the earlier one");
    // A file may grow to one block: what a full disk does to whoever writes more.
    let limits = "trap '' XFSZ; ulimit -f 1;";
    let path = folder.join("summary.json").display().to_string();
    let ran = sh(&format!("{limits} exec $P -q --scenario browse --no-thresholds --summary-export {path}"));
    ran.assert_code(109);
    assert!(ran.err.starts_with(&format!("error: --summary-export {path}: ")), "{}", ran.err);
    assert!(ran.out.contains("iterations"), "the summary is shown all the same: {}", ran.out);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the earlier one");
    assert_eq!(files_of(&folder), ["summary.json"]);

    std::fs::remove_file(&path).unwrap();
    sh(&format!("{limits} exec $P -q --scenario browse --summary-export {path}")).assert_code(99);
    assert_eq!(files_of(&folder), [""; 0], "half a summary is none");
}

#[test]
fn a_summary_goes_where_a_link_leads_and_into_what_is_no_file() {
    let folder = folder_with("linked", "real.json", "the earlier one");
    let (real, link) = (folder.join("real.json"), folder.join("link.json"));
    std::os::unix::fs::symlink("real.json", &link).unwrap();
    let mut rights = real.metadata().unwrap().permissions();
    rights.set_mode(0o640);
    std::fs::set_permissions(&real, rights.clone()).unwrap();
    let args = ["-q", "--scenario", "browse", "--no-thresholds", "--summary-export"];
    run(&[&args[..], &[link.to_str().unwrap()]].concat()).assert_code(0);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read_to_string(&real).unwrap().starts_with("{\n"));
    let mode = |rights: &Permissions| rights.mode() & 0o777;
    assert_eq!(mode(&real.metadata().unwrap().permissions()), mode(&rights));

    let ran = run(&[&args[..], &["/dev/stderr"]].concat());
    ran.assert_code(0);
    assert!(ran.err.starts_with("{\n") && ran.err.ends_with("}\n"), "{}", ran.err);
}

#[tokio::test]
async fn without_a_base_url_nothing_is_requested_and_the_way_out_is_told() {
    let _quiet = quiet().await;
    let nowhere = "(no base URL: only whole URLs can be requested)";
    assert!(run(&["plan"]).out.contains(nowhere));
    let ran = run(&["--scenario", "browse", "-i", "3", "--no-thresholds"]);
    ran.assert_code(0);
    assert!(ran.err.contains(nowhere), "{}", ran.err);
    assert!(!ran.out.contains("http_req"), "what was never sent is no request: {}", ran.out);
    for wanted in
        ["3× no base URL at tests/testbed/journeys.rs:", "first: GET /: no base URL: add --base-url URL"]
    {
        assert!(ran.out.contains(wanted), "{wanted}: {}", ran.out);
    }
    // A threshold about requests does not hold by there being none.
    run(&["--scenario", "browse", "-q"]).assert_code(99);
    let server = truth_server();
    run_against(&server, &["--scenario", "browse", "-q"]).assert_code(0);
}
