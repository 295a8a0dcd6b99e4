//! Promise: whatever happens to setup, load and teardown of a program, the exit code and the text say it, and what has to be
//! torn down is torn down.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program, and the lines that it has said.
pub(super) struct Program {
    child: Child,
    out: BufReader<Box<dyn Read + Send>>,
    said: Vec<String>,
}

/// How a program ended.
pub(super) struct Ended {
    pub(super) code: i32,
    /// The hooks' own lines.
    pub(super) said: Vec<String>,
    /// What else stood on standard output.
    pub(super) summary: String,
    pub(super) log: String,
}

pub(super) fn start(orders: &[(&str, &str)]) -> Program {
    start_with(orders, &[], Stdio::piped())
}

pub(super) fn start_with(orders: &[(&str, &str)], flags: &[&str], out: impl Into<Stdio>) -> Program {
    begin(orders, &[&["--quiet"], flags].concat(), out)
}

/// With banner and progress.
fn start_aloud(orders: &[(&str, &str)]) -> Program {
    begin(orders, &[], Stdio::piped())
}

fn begin(orders: &[(&str, &str)], flags: &[&str], out: impl Into<Stdio>) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_of-hooks"));
    command.args(["run", "--cores", "1"]).args(flags).envs(orders.iter().copied());
    let mut child = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
    let out: Box<dyn Read + Send> = match child.stdout.take() {
        Some(out) => Box::new(out),
        None => Box::new(std::io::empty()),
    };
    Program { child, out: BufReader::new(out), said: Vec::new() }
}

impl Program {
    /// Reads what it says from here.
    pub(super) fn reading(self, out: impl Read + Send + 'static) -> Self {
        Self { out: BufReader::new(Box::new(out)), ..self }
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(super) fn code(mut self) -> i32 {
        self.child.wait().unwrap().code().expect("it ends by itself, not by a signal")
    }

    pub(super) fn until(&mut self, line: &str) {
        while self.said.last().is_none_or(|last| last != line) {
            let mut next = String::new();
            assert!(self.out.read_line(&mut next).unwrap() > 0, "it ended after {:?}", self.said);
            self.said.push(next.trim_end().to_owned());
        }
    }

    pub(super) fn signal(&self, name: &str) {
        let (name, pid) = (format!("-{name}"), self.child.id().to_string());
        assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
    }

    /// As a second one, which comes no sooner than somebody can ask again.
    fn signal_again(&self) {
        std::thread::sleep(Duration::from_millis(80));
        self.signal("INT");
    }

    /// Sends several at once.
    pub(super) fn signals(&self, names: &[&str]) {
        let pid = self.child.id();
        let orders: String = names.iter().map(|name| format!("kill -{name} {pid};")).collect();
        assert!(Command::new("sh").args(["-c", &orders]).status().unwrap().success());
    }

    pub(super) fn end(mut self) -> Ended {
        let (mut rest, mut log) = (String::new(), String::new());
        self.out.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        let is_ours = |line: &&str| line.starts_with("SETUP") || line.starts_with("TEARDOWN");
        self.said.extend(rest.lines().filter(is_ours).map(str::to_owned));
        let summary = rest.lines().filter(|line| !is_ours(line)).collect::<Vec<_>>().join("\n");
        Ended { code, said: self.said, summary, log }
    }
}

fn run(orders: &[(&str, &str)]) -> Ended {
    start(orders).end()
}

/// The lines of its progress, without the banner.
fn told(log: &str) -> Vec<&str> {
    let banner = |line: &&str| line.is_empty() || line.starts_with("  ");
    log.lines().filter(|line| !banner(line)).collect()
}

const ALL: [&str; 4] = ["SETUP begins", "SETUP ends", "TEARDOWN begins", "TEARDOWN ends"];

#[test]
fn all_is_well() {
    let ended = run(&[]);
    assert_eq!((ended.code, ended.said.as_slice()), (0, &ALL.map(String::from)[..]), "{}", ended.log);
    assert!(ended.summary.contains("GENERATOR"), "{}", ended.summary);
}

#[test]
fn a_setup_that_fails_hangs_or_panics_ends_the_test_before_the_load() {
    for (order, code, text) in [
        ("fail", 107, "error: the setup `prepare` failed at tests/testbed/programs/of_hooks.rs:"),
        ("panic", 107, "panicked: SETUP was told to panic"),
        ("hang", 100, "took longer than 1s; give it more with --setup-timeout or LoadTest::setup_timeout"),
        (
            "block",
            100,
            "LoadTest::setup_timeout; and it blocks its thread, so that nothing after it could run",
        ),
    ] {
        let ended = run(&[("SETUP", order)]);
        assert_eq!((ended.code, ended.said.len()), (code, 1), "{order}: {:?} {}", ended.said, ended.log);
        assert!(ended.log.contains(text) && ended.log.lines().count() == 1, "{order}: {}", ended.log);
        assert_eq!(ended.summary, "", "{order}");
    }
}

#[test]
fn timeouts_are_said_on_the_command_line_in_a_variable_or_in_a_file() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("timeouts.toml");
    std::fs::write(&file, "setup_timeout = \"130ms\"\nteardown_timeout = \"140ms\"\n").unwrap();
    let (file, variable) = (["--config", file.to_str().unwrap()], ("LOADCORE_SETUP_TIMEOUT", "120ms"));
    let flag = ["--setup-timeout", "110ms"];
    let hang = ("SETUP", "hang");
    for (orders, flags, limit) in [
        (&[hang][..], &flag[..], "110ms"),
        (&[hang, variable], &[], "120ms"),
        (&[hang], &file, "130ms"),
        (&[hang, variable], &[&flag[..], &file].concat(), "110ms"),
        (&[hang, variable], &file, "120ms"),
    ] {
        let ended = start_with(orders, flags, Stdio::piped()).end();
        assert_eq!(ended.code, 100, "{}", ended.log);
        assert!(ended.log.contains(&format!("took longer than {limit}; ")), "{limit}: {}", ended.log);
    }
    let hang = ("TEARDOWN", "hang");
    for (orders, flags, limit) in [
        (&[hang][..], &["--teardown-timeout", "110ms"][..], "110ms"),
        (&[hang, ("LOADCORE_TEARDOWN_TIMEOUT", "120ms")], &[], "120ms"),
        (&[hang], &file, "140ms"),
    ] {
        let ended = start_with(orders, flags, Stdio::piped()).end();
        assert_eq!(ended.code, 101, "{}", ended.log);
        assert!(ended.summary.contains(&format!("took longer than {limit}; ")), "{limit}: {}", ended.summary);
    }
    let ended = start_with(&[], &["--setup-timeout", "0s"], Stdio::piped()).end();
    assert_eq!(ended.code, 104);
    assert!(ended.log.contains("--setup-timeout") && ended.log.contains("leaves no time"), "{}", ended.log);
}

#[test]
fn a_teardown_that_fails_hangs_or_panics_is_told_below_the_summary() {
    for (order, code, text) in [
        ("fail", 107, "the teardown `clear` failed at tests/testbed/programs/of_hooks.rs:"),
        ("panic", 107, "panicked: TEARDOWN was told to panic"),
        (
            "hang",
            101,
            "took longer than 1s; give it more with --teardown-timeout or LoadTest::teardown_timeout",
        ),
        ("block", 101, "and it blocks its thread, so that nothing after it could run"),
    ] {
        let ended = run(&[("TEARDOWN", order)]);
        assert_eq!((ended.code, ended.said.len()), (code, 3), "{order}: {:?} {}", ended.said, ended.log);
        assert!(ended.summary.contains("iterations") && ended.summary.contains(text), "{}", ended.summary);
    }
}

#[test]
fn what_a_journey_or_a_hook_decides_about_the_test_is_the_exit_code_and_in_the_summary() {
    for (orders, code, lines, text) in [
        (("WORK", "abort"), 108, 4, "aborted by a journey after 1"),
        (("SETUP", "abort"), 108, 1, "SETUP was told to abort (tests/testbed/programs/of_hooks.rs:"),
        (("TEARDOWN", "abort"), 108, 3, "aborted by a journey after 1"),
        (
            ("WORK", "fail-test"),
            110,
            4,
            "WORK was told to fail the test (tests/testbed/programs/of_hooks.rs:",
        ),
        (("SETUP", "fail-test"), 110, 4, "marked as failed by a journey after "),
        (("TEARDOWN", "fail-test"), 110, 4, "TEARDOWN was told to fail the test"),
    ] {
        let ended = run(&[orders]);
        assert_eq!(
            (ended.code, ended.said.len()),
            (code, lines),
            "{orders:?}: {:?} {}",
            ended.said,
            ended.log
        );
        assert!(ended.summary.contains(text), "{orders:?}: {}", ended.summary);
    }
}

#[test]
fn setups_and_teardowns_are_announced_if_they_run_and_only_then() {
    let log = |orders: &[(&str, &str)]| start_aloud(orders).end().log;
    assert_eq!(told(&log(&[])), ["setup: prepare", "teardown: clear"]);
    let failed = log(&[("SETUP", "fail")]);
    let [setup, error] = told(&failed)[..] else { panic!("{failed}") };
    assert_eq!(setup, "setup: prepare");
    assert!(error.starts_with("error: the setup `prepare` failed"), "{error}");
}

#[test]
fn each_signal_is_answered_with_what_it_ends() {
    let mut program = start_aloud(&[("WORK", "hang"), ("TEARDOWN", "hang")]);
    program.until("SETUP ends");
    std::thread::sleep(Duration::from_millis(300));
    program.signal("INT");
    program.until("TEARDOWN begins");
    program.signal_again();
    let lines = [
        "setup: prepare",
        "interrupted: ending the iterations, then teardown and summary; Ctrl-C again ends at once",
        "teardown: clear",
        "ended at once: teardown not finished, no summary",
    ];
    assert_eq!(told(&program.end().log), lines);

    // Also where nothing else is told, and where there was nothing yet to tear down.
    let mut program = start(&[("SETUP", "hang")]);
    program.until("SETUP begins");
    program.signal("INT");
    assert_eq!(
        told(&program.end().log),
        ["interrupted: ending the setup; Ctrl-C again ends at once"],
        "no teardown runs, so none is announced"
    );
    let mut program = start(&[("TEARDOWN", "hang")]);
    program.until("TEARDOWN begins");
    program.signal("INT");
    let ended = program.end();
    assert_eq!(told(&ended.log), ["interrupted: teardown goes on, then summary; Ctrl-C again ends at once"]);
    assert_eq!(ended.code, 105, "whatever it was doing");
}

#[test]
fn a_second_signal_ends_a_teardown_that_hangs() {
    let mut program = start(&[("WORK", "hang"), ("TEARDOWN", "hang")]);
    program.until("SETUP ends");
    std::thread::sleep(Duration::from_millis(300));
    program.signal("INT");
    program.until("TEARDOWN begins");
    let began = Instant::now();
    program.signal_again();
    let ended = program.end();
    assert!(began.elapsed() < Duration::from_millis(900), "before its timeout: {:?}", began.elapsed());
    assert_eq!((ended.code, ended.summary.as_str()), (105, ""));
}
