//! Promise: whenever a signal comes, what has begun is ended, told and torn down, and the process is soon gone.

use super::program::{Ended, Program, start, start_with};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SIGNALS: [&str; 2] = ["INT", "TERM"];
/// Beside what a teardown takes.
const AT_MOST: Duration = Duration::from_secs(1);

/// Sends the signal once the program has said this, and some time has passed.
fn signalled(mut program: Program, said: &str, wait: u64, signal: &str) -> (Ended, Duration) {
    program.until(said);
    std::thread::sleep(Duration::from_millis(wait));
    let began = Instant::now();
    program.signal(signal);
    (program.end(), began.elapsed())
}

/// What the hooks say when all goes its way, with this many lines of it.
fn lines(count: usize) -> Vec<String> {
    let all = ["SETUP begins", "SETUP ends", "TEARDOWN begins", "TEARDOWN ends"];
    all.iter().take(count).map(|line| (*line).to_owned()).collect()
}

#[test]
fn at_each_phase_a_signal_ends_the_test_with_what_is_left_to_do_and_105() {
    // The phase, what the program is told, after which line and how many milliseconds the signal comes, the lines it says in
    // all, and whether there is a summary.
    let phases = [
        ("setup", &[("SETUP", "hang")][..], "SETUP begins", 0, 1, false),
        ("the first moment of the load", &[("WORK", "hang")], "SETUP ends", 0, 4, true),
        ("the load", &[("WORK", "hang")], "SETUP ends", 500, 4, true),
        ("a load of short iterations", &[], "SETUP ends", 500, 4, true),
        ("the graceful stop", &[("WORK", "hang")], "SETUP ends", 1_500, 4, true),
        ("a teardown", &[("TEARDOWN", "slow")], "TEARDOWN begins", 100, 4, true),
        ("a teardown that hangs", &[("TEARDOWN", "hang")], "TEARDOWN begins", 100, 3, true),
    ];
    std::thread::scope(|scope| {
        for signal in SIGNALS {
            for (phase, orders, said, wait, said_in_all, has_summary) in phases {
                scope.spawn(move || {
                    let (ended, took) = signalled(start(orders), said, wait, signal);
                    let what = format!("SIG{signal} during {phase}: {:?} {}", ended.said, ended.log);
                    assert_eq!((ended.code, &ended.said), (105, &lines(said_in_all)), "{what}");
                    let teardown = Duration::from_secs(u64::from(phase.contains("teardown")));
                    assert!(took < teardown + AT_MOST, "{took:?} after {what}");
                    if has_summary {
                        assert!(ended.summary.contains("interrupted by a signal"), "{what}{}", ended.summary);
                    }
                });
            }
        }
    });
}

#[test]
fn what_blocks_its_thread_holds_up_no_signal() {
    let deaf = "core 0 did not hear that the test was stopped";
    let no_teardown = "it blocks its thread, and was left when the test was stopped: no teardown could run";
    let too_long = "took longer than 1s;";
    let phases = [
        ("SETUP", "SETUP begins", 1, no_teardown),
        ("WORK", "SETUP ends", 4, deaf),
        ("TEARDOWN", "TEARDOWN begins", 3, too_long),
    ];
    std::thread::scope(|scope| {
        for signal in SIGNALS {
            for (place, said, said_in_all, told) in phases {
                scope.spawn(move || {
                    let (ended, took) = signalled(start(&[(place, "block")]), said, 300, signal);
                    let what = format!("SIG{signal} while {place} blocks: {:?} {}", ended.said, ended.log);
                    assert_eq!((ended.code, &ended.said), (105, &lines(said_in_all)), "{what}");
                    assert!(ended.summary.contains(told), "{what}{}", ended.summary);
                    let teardown = Duration::from_secs(u64::from(place == "TEARDOWN"));
                    assert!(took < teardown + AT_MOST, "{took:?} after {what}");
                });
            }
        }
    });
}

#[test]
fn signals_that_come_at_the_same_time_are_one() {
    for signals in [["INT", "INT"], ["INT", "TERM"], ["TERM", "INT"], ["TERM", "TERM"]] {
        let mut program = start(&[("WORK", "hang"), ("TEARDOWN", "slow")]);
        program.until("SETUP ends");
        std::thread::sleep(Duration::from_millis(200));
        program.signals(&signals);
        let ended = program.end();
        assert_eq!((ended.code, &ended.said), (105, &lines(4)), "{signals:?} {}", ended.log);
        assert!(ended.summary.contains("interrupted by a signal"), "{signals:?} {}", ended.summary);
    }
}

#[test]
fn before_the_start_there_is_nothing_to_tell() {
    for signal in SIGNALS {
        let fifo = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("summary-{signal}.fifo"));
        let _ = std::fs::remove_file(&fifo);
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        // It waits for somebody who reads the summary.
        let program = start_with(&[], &["--summary-export", fifo.to_str().unwrap()], Stdio::piped());
        std::thread::sleep(Duration::from_millis(500));
        let began = Instant::now();
        program.signal(signal);
        let ended = program.end();
        let took = began.elapsed();
        std::fs::remove_file(fifo).unwrap();
        assert_eq!((ended.code, ended.said.len(), ended.summary.as_str()), (105, 0, ""), "{}", ended.log);
        assert_eq!(ended.log, "interrupted before the start\n");
        assert!(took < AT_MOST, "{took:?}");
    }
}

#[test]
fn a_summary_that_nobody_reads_is_left_after_a_second() {
    for signal in SIGNALS {
        let (out, into) = std::io::pipe().unwrap();
        let program = start_with(&[("TEARDOWN", "hang")], &[], into.try_clone().unwrap());
        let mut program = program.reading(out);
        program.until("TEARDOWN begins");
        // While the teardown hangs, for a second, its pipe is filled.
        let mut into = into;
        into.write_all(&[b'\n'; 1 << 16]).unwrap();
        drop(into);
        std::thread::sleep(Duration::from_millis(1_500));
        assert!(program.is_running(), "its summary cannot be written");
        let began = Instant::now();
        program.signal(signal);
        let code = program.code();
        let took = began.elapsed();
        assert_eq!(code, 105);
        assert!((Duration::from_millis(900)..AT_MOST * 2).contains(&took), "{took:?}");
    }
}

#[test]
fn a_signal_in_the_load_does_not_wait_for_ever_for_a_reader_of_the_summary() {
    let (out, mut into) = std::io::pipe().unwrap();
    let program = start_with(&[("TEARDOWN", "hang")], &[], into.try_clone().unwrap());
    let mut program = program.reading(out);
    program.until("TEARDOWN begins");
    let began = Instant::now();
    program.signal("TERM");
    into.write_all(&[b'\n'; 1 << 16]).unwrap();
    drop(into);
    let code = program.code();
    let took = began.elapsed();
    assert_eq!(code, 105);
    // What is left of the teardown's second, and the summary's.
    assert!(took < Duration::from_millis(2_500), "{took:?}");
}

#[test]
fn who_ends_a_test_first_gives_the_exit_code() {
    // A signal that comes when the journey has aborted the test already.
    let aborted = start(&[("WORK", "abort"), ("TEARDOWN", "slow")]);
    let (ended, _) = signalled(aborted, "TEARDOWN begins", 0, "INT");
    assert_eq!((ended.code, ended.said), (108, lines(4)), "{}", ended.log);
    assert!(!ended.summary.contains("by a signal"), "{}", ended.summary);
    // And an abort that comes after the signal.
    let hanging = start(&[("WORK", "hang"), ("TEARDOWN", "abort")]);
    let (ended, _) = signalled(hanging, "SETUP ends", 300, "TERM");
    assert_eq!((ended.code, ended.said), (105, lines(3)), "{}", ended.log);
    assert!(ended.summary.contains("TEARDOWN was told to abort"), "{}", ended.summary);
}
