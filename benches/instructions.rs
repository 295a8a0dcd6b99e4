//! Instructions of one request, from the journey's `send()` to the recorder, counted by callgrind and compared with
//! `instructions.txt`. Connections lead to a function instead of a server, the plan runs in virtual time on one thread, and
//! chance has a seed: what changes by a per cent is the code.
//!
//! `cargo run --release -p loadcore-benches --features in-memory --bin instructions [-- --update]`
//!
//! Needs `valgrind`. A request's number is what a longer run has taken more, by its further requests: neither the start nor
//! the report is in it. System calls and Tokio's event loop are not, either: for these there is `versus`.

mod order;

use clap::{Parser, ValueEnum};
use loadcore::http::Http;
use loadcore::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Error, Result as IoResult};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// More than this many per cent above the expected number fail.
const TOLERANCE: f64 = 5.0;
/// Iterations of the shorter and the longer run.
const RUNS: [u64; 2] = [2_000, 12_000];
/// How often each of them runs. Time itself is real: a histogram that has met a slow request is a larger one, and the run with
/// the fewest instructions has met none.
const ROUNDS: usize = 3;
const VUS: u64 = 8;
/// So many requests are looked at: whether they are what the case says.
const LOOKED_AT: u32 = 100;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Case {
    /// A plain GET: all metrics, `traceparent`, timeouts.
    Get,
    /// The same, and a cookie, a URL template, JSON both ways.
    Order,
}

#[derive(Debug, Parser)]
struct Args {
    /// Write the numbers into the file, instead of comparing them.
    #[arg(long)]
    update: bool,
    /// Run this case, with so many iterations, and count nothing.
    #[arg(long, requires = "iterations")]
    run: Option<Case>,
    #[arg(long)]
    iterations: Option<u64>,
}

#[scenario(executor = shared_iterations(1))]
async fn get(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match (args.run, args.iterations) {
        (Some(case), Some(iterations)) => run(case, iterations).map(|()| true),
        _ => measure(args.update),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Order => "order",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Get => "a plain GET, all metrics, traceparent and timeouts on",
            Self::Order => "the same as a POST with a cookie, a URL template, JSON both ways",
        }
    }
}

/// The load test that is counted.
fn run(case: Case, iterations: u64) -> IoResult<()> {
    let test = LoadTest::new().seed(1).base_url("http://memory.test");
    let http = Http::new().keep_cookies(true).in_memory(answer);
    let executor = || shared_iterations(iterations).vus(VUS);
    let test = match case {
        Case::Get => test.scenario(GET_SCENARIO.executor(executor())),
        Case::Order => test.scenario(order::ORDER_SCENARIO.executor(executor())),
    };
    let report = test.http(http).run_virtual(1).map_err(Error::other)?;
    let log_ins = if case == Case::Order { VUS } else { 0 };
    let (all, due) = (report.count(HTTP_REQS), (iterations + log_ins) as f64);
    if all != due || report.rate(HTTP_REQ_FAILED) > 0.0 || report.rate(ITERATION_FAILED) > 0.0 {
        let errors = report.errors().iter().map(|error| error.first.clone()).collect::<Vec<_>>().join("; ");
        return Err(Error::other(format!("{all} requests instead of {due}, or some failed: {errors}")));
    }
    Ok(())
}

/// The server: as short as nginx, and as fast as can be.
fn answer(request: &[u8]) -> Option<&'static [u8]> {
    const LOGGED_IN: &[u8] =
        b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 01 Nov 2026 10:00:00 GMT\r\n\
        Content-Length: 0\r\nSet-Cookie: session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly\r\n\
        Connection: keep-alive\r\n\r\n";
    const PRODUCT: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 01 Nov 2026 10:00:00 GMT\r\n\
        Content-Type: application/json\r\nContent-Length: 100\r\nConnection: keep-alive\r\n\r\n\
        {\"id\":1,\"name\":\"a product with a name\",\"price\":12.5,\"tags\":[\"a\",\"b\",\"c\"],\"stock\":100,\"category\":\"x\"}";
    const UNWANTED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    thread_local!(static SEEN: Cell<u32> = const { Cell::new(0) });
    let seen = SEEN.get();
    if seen < LOOKED_AT {
        SEEN.set(seen + 1);
        if !is_as_wanted(&String::from_utf8_lossy(request)) {
            return Some(UNWANTED);
        }
    }
    Some(if request.starts_with(b"POST /login ") { LOGGED_IN } else { PRODUCT })
}

/// Whether a request has come whole in one write, with all that its case is to have.
fn is_as_wanted(request: &str) -> bool {
    let has = |part: &str| request.contains(part);
    let is_case = if has("POST /users/") {
        has("/orders/") && has("\r\ncookie: session=0123456789abcdef") && request.ends_with("ring twice\"}")
    } else {
        (has("GET / HTTP/1.1\r\n") || has("POST /login HTTP/1.1\r\n")) && request.ends_with("\r\n\r\n")
    };
    is_case && has("\r\ntraceparent: 00-") && has("\r\nhost: memory.test\r\n")
}

/// Counts all cases and compares, or writes the numbers down. Whether they are as they should be.
fn measure(update: bool) -> IoResult<bool> {
    let (mut expected, compiler) = (read()?, compiler()?);
    let mut kept = true;
    println!("instructions of one request ({}):", std::env::consts::ARCH);
    for case in Case::value_variants() {
        let counted = instructions(*case)?;
        let key = key(*case);
        let (verdict, is_kept) = compare(counted, &compiler, expected.get(&key));
        let verdict = if update { "written down" } else { &verdict };
        println!("  {:<6} {counted:>7}   {verdict}   ({})", case.name(), case.says());
        expected.insert(key, Count { number: counted, compiler: compiler.clone() });
        kept &= is_kept || update;
    }
    if update {
        std::fs::write(file(), write(&expected))?;
    } else if !kept {
        println!(
            "more than {TOLERANCE}% above benches/instructions.txt: make it cheaper, or say in the change why it is worth \
             it, and write the new numbers down with --update"
        );
    }
    Ok(kept)
}

/// What to say of a number, and whether it is good enough.
fn compare(counted: u64, compiler: &str, expected: Option<&Count>) -> (String, bool) {
    let Some(expected) = expected else {
        return ("not judged: nothing is written down for this architecture".to_owned(), true);
    };
    if expected.compiler != compiler {
        let Count { number, compiler: other } = expected;
        return (format!("not judged: {number} were counted with {other}, this is {compiler}"), true);
    }
    let expected = expected.number;
    let percent = (counted as f64 / expected as f64 - 1.0) * 100.0;
    let text = format!("{percent:+.1}% of the expected {expected}");
    if percent > TOLERANCE {
        (format!("{text}: TOO MANY"), false)
    } else if percent < -TOLERANCE {
        (format!("{text}: better; write it down with --update"), true)
    } else {
        (text, true)
    }
}

/// What the longer run takes more than the shorter one, by its further requests.
fn instructions(case: Case) -> IoResult<u64> {
    let mut least = [u64::MAX; 2];
    for _ in 0..ROUNDS {
        for (least, iterations) in least.iter_mut().zip(RUNS) {
            *least = counted(case, iterations)?.min(*least);
        }
    }
    let ([short, long], further) = (least, RUNS[1] - RUNS[0]);
    Ok((long.saturating_sub(short) + further / 2) / further)
}

/// All instructions of a run.
fn counted(case: Case, iterations: u64) -> IoResult<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(std::env::current_exe()?);
    command.args(["--run", case.name(), "--iterations", &iterations.to_string()]);
    let output = command.output().map_err(|error| {
        Error::other(format!("valgrind, which counts, cannot be started ({error}): apt-get install valgrind"))
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(Error::other(format!("{command:?} failed: {said}"))),
    }
}

/// Instructions are those of an architecture.
fn key(case: Case) -> (String, String) {
    (std::env::consts::ARCH.to_owned(), case.name().to_owned())
}

/// And of a compiler: what cargo builds this with.
fn compiler() -> IoResult<String> {
    let output =
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-V").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

const HEADING: &str = "\
# Instructions of one request, which `benches/instructions.rs` compares with, and writes with `--update`: architecture, case,
# number, compiler. They hold for that compiler and the locked dependencies.
";

/// What was counted once, and with which compiler.
#[derive(Debug)]
struct Count {
    number: u64,
    compiler: String,
}

type Expected = BTreeMap<(String, String), Count>;

fn read() -> IoResult<Expected> {
    let text = std::fs::read_to_string(file())?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| parse(line).ok_or_else(|| Error::other(format!("instructions.txt: `{line}`")))).collect()
}

fn parse(line: &str) -> Option<((String, String), Count)> {
    let mut words = line.splitn(4, ' ');
    let (arch, case, number) = (words.next()?, words.next()?, words.next()?);
    let count = Count { number: number.parse().ok()?, compiler: words.next()?.to_owned() };
    Some(((arch.to_owned(), case.to_owned()), count))
}

fn write(expected: &Expected) -> String {
    let mut text = HEADING.to_owned();
    for ((arch, case), Count { number, compiler }) in expected {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{arch} {case} {number} {compiler}");
    }
    text
}
