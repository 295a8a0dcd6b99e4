//! Promise: a server that answers as fast as it can, without end, or with nothing but interim responses delays neither Ctrl-C nor
//! progress nor another VU's timer by more than 50 ms, against the same program with the same work and no server.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{in_some_round, measuring};

const MOST: Duration = Duration::from_millis(50);
/// How long the program runs without a flood: one line of progress and some hundred sleeps tell what they take.
const CALM: Duration = Duration::from_millis(5_600);
/// How often a line of progress is due where there is no terminal.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// What a server does with a connection.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flood {
    /// Answers each request at once.
    Answers,
    /// Begins an answer, and never ends it.
    Body,
    /// The same in chunks of one byte.
    Crumbs,
    /// Sends interim responses without end.
    Interim,
}

impl Flood {
    /// Listens on a free port, with a thread for each connection, which ends with it.
    fn start(self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // It ends when the client has gone.
                std::thread::spawn(move || {
                    give_way();
                    stream.and_then(|stream| self.serve(stream))
                });
            }
        });
        address
    }

    fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut request = [0; 4096];
        let endless = |mut stream: TcpStream, begin: &str, piece: &[u8]| {
            let piece = piece.repeat(65_536 / piece.len());
            stream.write_all(begin.as_bytes())?;
            loop {
                stream.write_all(&piece)?;
            }
        };
        while stream.read(&mut request)? > 0 {
            match self {
                Self::Answers => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?,
                Self::Body => return endless(stream, "HTTP/1.1 200 OK\r\n\r\n", b"0123456789abcdef"),
                Self::Crumbs => {
                    let begin = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                    return endless(stream, begin, b"1\r\nx\r\n");
                }
                Self::Interim => return endless(stream, "", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
            }
        }
        Ok(())
    }
}

/// Lets every other thread of the machine go first: a server elsewhere would not take the client's core away.
fn give_way() {
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    let id = thread.file_name().unwrap();
    let status = Command::new("renice").args(["-n", "19", "-p"]).arg(id).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "renice {id:?}");
}

/// What a run was like.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// From Ctrl-C to the end of the process.
    to_end: Duration,
    /// The latest line of progress came so much too late.
    progress: Duration,
    /// The longest that a VU slept too long.
    timer: Duration,
    requests: f64,
    received: f64,
}

impl Seen {
    fn least(self, other: Option<Self>) -> Self {
        let other = other.unwrap_or(self);
        Self {
            to_end: self.to_end.min(other.to_end),
            progress: self.progress.min(other.progress),
            timer: self.timer.min(other.timer),
            ..self
        }
    }
}

/// A program that ends with this, whatever becomes of the test.
struct Running(Child);

impl Running {
    /// Waits for its end, as long as can be borne.
    fn end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("30 s after Ctrl-C it still runs");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the program with these words for that long, and ends it with Ctrl-C.
fn observe(floods: &str, time: Duration) -> Seen {
    let export = Path::new(env!("CARGO_TARGET_TMPDIR")).join("floods.json");
    let _ = std::fs::remove_file(&export);
    let mut command = Command::new(env!("CARGO_BIN_EXE_of-floods"));
    command.args(["run", "--cores", "1", "--env", &format!("FLOODS={floods}")]);
    command.arg("--summary-export").arg(&export);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Running(command.spawn().unwrap());
    let said = BufReader::new(child.0.stderr.take().unwrap());
    let lines = std::thread::spawn(move || {
        said.lines().map(|line| (Instant::now(), line.unwrap())).collect::<Vec<_>>()
    });
    std::thread::sleep(time);
    let signalled = Instant::now();
    interrupt(&child.0);
    let status = child.end();
    let to_end = signalled.elapsed();
    let lines = lines.join().unwrap();
    assert_eq!(status.code(), Some(105), "{lines:?}");

    let summary: Value = serde_json::from_slice(&std::fs::read(&export).unwrap()).unwrap();
    assert_eq!(summary["errors"], Value::Array(Vec::new()), "{floods}");
    let value = |metric: &str, name: &str| summary["metrics"][metric]["values"][name].as_f64();
    Seen {
        to_end,
        progress: progress(&lines, signalled, time),
        timer: Duration::from_secs_f64(value("late", "max").unwrap() / 1e3),
        requests: value("http_reqs", "count").unwrap_or(0.0),
        received: value("data_received", "count").unwrap_or(0.0),
    }
}

fn interrupt(child: &Child) {
    let command = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success(), "{command}");
}

/// By how much the latest line of progress was late. The banner is said at the start.
fn progress(lines: &[(Instant, String)], signalled: Instant, time: Duration) -> Duration {
    let [(start, _), ..] = lines else { panic!("nothing was said") };
    let told: Vec<Duration> = lines
        .iter()
        .filter(|(at, line)| *at < signalled && line.starts_with("running "))
        .map(|(at, _)| at.duration_since(*start))
        .collect();
    let due = (time.as_secs() / PROGRESS_EVERY.as_secs()) as usize;
    assert!(told.len() >= due.max(1), "only {} of {due} lines: {lines:?}", told.len());
    let late = told.iter().zip(1..).map(|(at, nth)| at.saturating_sub(PROGRESS_EVERY * nth));
    late.max().unwrap_or_default()
}

/// What a server does, and how VUs ask it.
const FLOODS: [(Flood, &str); 6] = [
    (Flood::Answers, "send"),
    (Flood::Body, "send"),
    (Flood::Body, "stream"),
    (Flood::Crumbs, "send"),
    (Flood::Crumbs, "stream"),
    (Flood::Interim, "send"),
];

/// Runs the program with these floods at once, one for each VU or all for one, and without any, before and after. Of what is seen
/// without, the least counts, also of earlier rounds, which `least` keeps: noise there must not excuse a delay.
fn delays_nothing(
    floods: &[(Flood, &str)],
    time: Duration,
    least: &Cell<Option<Seen>>,
) -> Result<(), String> {
    let calm = format!("yield@http://{}/", Flood::Answers.start());
    least.set(Some(observe(&calm, CALM).least(least.get())));
    let words = floods.iter().map(|(flood, how)| format!("{how}@http://{}/", flood.start()));
    let seen = observe(&words.collect::<Vec<_>>().join(" "), time);
    let without = observe(&calm, CALM).least(least.get());
    least.set(Some(without));
    println!("{floods:?}\n  {seen:?}\n  without: {without:?}");
    // They were floods.
    if floods.contains(&FLOODS[0]) {
        assert!(seen.requests > 500.0, "{seen:?}");
    }
    if floods != &FLOODS[..1] {
        assert!(seen.received > 1e6, "{seen:?}");
    }
    for (what, with, without) in [
        ("Ctrl-C", seen.to_end, without.to_end),
        ("progress", seen.progress, without.progress),
        ("a timer", seen.timer, without.timer),
    ] {
        if with > without + MOST {
            return Err(format!("{floods:?}: {what} took {with:?}, and {without:?} without a flood"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn servers_that_flood_delay_neither_ctrl_c_nor_progress_nor_a_timer() {
    let _measuring = measuring().await;
    let least = Cell::new(None);
    in_some_round(async || delays_nothing(&FLOODS, CALM, &least)).await;
}

/// `cargo test --release -p loadcore-tests --test promises -- --ignored floods --nocapture`
#[tokio::test]
#[ignore = "takes eight minutes, and wants a quiet machine and the release profile"]
async fn a_server_that_floods_for_a_minute_delays_nothing() {
    let _measuring = measuring().await;
    let least = Cell::new(None);
    let problems: Vec<String> = FLOODS
        .iter()
        .filter_map(|flood| {
            delays_nothing(std::slice::from_ref(flood), Duration::from_secs(61), &least).err()
        })
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}
