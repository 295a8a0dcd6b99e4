//! Promise: whatever happens to setup, load and teardown of a program, the exit code and the text say it, and what has to be
//! torn down is torn down.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program, and the lines that it has said.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
    said: Vec<String>,
}

/// How a program ended.
struct Ended {
    code: i32,
    /// The hooks' own lines.
    said: Vec<String>,
    /// What else stood on standard output.
    summary: String,
    log: String,
}

fn start(orders: &[(&str, &str)]) -> Program {
    start_with(&["--quiet"], orders)
}

fn start_with(flags: &[&str], orders: &[(&str, &str)]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_of-hooks"));
    command.args(["run", "--cores", "1"]).args(flags).envs(orders.iter().copied());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    Program { child, out, said: Vec::new() }
}

impl Program {
    fn until(&mut self, line: &str) {
        while self.said.last().is_none_or(|last| last != line) {
            let mut next = String::new();
            assert!(self.out.read_line(&mut next).unwrap() > 0, "it ended after {:?}", self.said);
            self.said.push(next.trim_end().to_owned());
        }
    }

    fn signal(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    }

    fn end(mut self) -> Ended {
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
        ("hang", 100, "took longer than 1s; give it more with LoadTest::setup_timeout"),
    ] {
        let ended = run(&[("SETUP", order)]);
        assert_eq!((ended.code, ended.said.len()), (code, 1), "{order}: {:?} {}", ended.said, ended.log);
        assert!(ended.log.contains(text) && ended.log.lines().count() == 1, "{order}: {}", ended.log);
        assert_eq!(ended.summary, "", "{order}");
    }
}

#[test]
fn a_teardown_that_fails_hangs_or_panics_is_told_below_the_summary() {
    for (order, code, text) in [
        ("fail", 107, "the teardown `clear` failed at tests/testbed/programs/of_hooks.rs:"),
        ("panic", 107, "panicked: TEARDOWN was told to panic"),
        ("hang", 101, "took longer than 1s; give it more with LoadTest::teardown_timeout"),
    ] {
        let ended = run(&[("TEARDOWN", order)]);
        assert_eq!((ended.code, ended.said.len()), (code, 3), "{order}: {:?} {}", ended.said, ended.log);
        assert!(ended.summary.contains("iterations") && ended.summary.contains(text), "{}", ended.summary);
    }
}

#[test]
fn a_signal_during_the_load_still_tears_down() {
    let mut program = start(&[("WORK", "hang")]);
    program.until("SETUP ends");
    std::thread::sleep(Duration::from_millis(300));
    program.signal();
    let ended = program.end();
    assert_eq!((ended.code, ended.said.as_slice()), (105, &ALL.map(String::from)[..]), "{}", ended.log);
    assert!(ended.summary.contains("interrupted by a signal"), "{}", ended.summary);
}

#[test]
fn a_signal_during_setup_ends_the_test_at_once_without_load_or_teardown() {
    let mut program = start(&[("SETUP", "hang")]);
    program.until("SETUP begins");
    let began = Instant::now();
    program.signal();
    let ended = program.end();
    assert!(began.elapsed() < Duration::from_millis(900), "before its timeout: {:?}", began.elapsed());
    assert_eq!((ended.code, ended.said.len()), (105, 1), "{:?} {}", ended.said, ended.log);
}

#[test]
fn setups_and_teardowns_are_announced_if_they_run_and_only_then() {
    let log = |orders: &[(&str, &str)]| start_with(&[], orders).end().log;
    assert_eq!(told(&log(&[])), ["setup: prepare", "teardown: clear"]);
    let failed = log(&[("SETUP", "fail")]);
    let [setup, error] = told(&failed)[..] else { panic!("{failed}") };
    assert_eq!(setup, "setup: prepare");
    assert!(error.starts_with("error: the setup `prepare` failed"), "{error}");
}

#[test]
fn each_signal_is_answered_with_what_it_ends() {
    let mut program = start_with(&[], &[("WORK", "hang"), ("TEARDOWN", "hang")]);
    program.until("SETUP ends");
    std::thread::sleep(Duration::from_millis(300));
    program.signal();
    program.until("TEARDOWN begins");
    program.signal();
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
    program.signal();
    assert_eq!(
        told(&program.end().log),
        ["interrupted: ending the setup; Ctrl-C again ends at once"],
        "no teardown runs, so none is announced"
    );
    let mut program = start(&[("TEARDOWN", "hang")]);
    program.until("TEARDOWN begins");
    program.signal();
    let ended = program.end();
    assert_eq!(told(&ended.log), ["interrupted: teardown goes on, then summary; Ctrl-C again ends at once"]);
    assert_eq!(ended.code, 101, "what ends after the load does not interrupt it");
}

#[test]
fn a_second_signal_ends_a_teardown_that_hangs() {
    let mut program = start(&[("WORK", "hang"), ("TEARDOWN", "hang")]);
    program.until("SETUP ends");
    std::thread::sleep(Duration::from_millis(300));
    program.signal();
    program.until("TEARDOWN begins");
    let began = Instant::now();
    program.signal();
    let ended = program.end();
    assert!(began.elapsed() < Duration::from_millis(900), "before its timeout: {:?}", began.elapsed());
    assert_eq!((ended.code, ended.summary.as_str()), (105, ""));
}
