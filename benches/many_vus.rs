//! Many VUs that mostly wait: what one costs in memory, with an open connection and without one.
//!
//! `cargo build --release -p loadcore-benches && target/release/many-vus [--only connected]`
//!
//! Each case ramps up, holds and ramps down on two cores, in a process of its own, against a server in another one. The server
//! listens on several loopback addresses, since ports to connect from are limited for each. Fails if a request failed, if
//! there were fewer VUs or connections at once than planned, or if memory was above `KIB_EACH` or `MIB_IN_ALL`.
//!
//! `many-vus run --base-url URL --vus N` is a plain load test of this kind, for comparisons with other tools.

use clap::{Parser, ValueEnum};
use loadcore::metric::Stats;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Error, Read, Result};
use std::net::Ipv4Addr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a VU with an open connection costs at most.
const KIB_EACH: f64 = 24.0;
/// What the whole process takes at most while none of its VUs has one.
const MIB_IN_ALL: f64 = 200.0;

/// The server's addresses: `127.0.0.1` and those after it.
const ADDRESSES: u8 = 8;
/// Descriptors for other things than VUs' connections.
const OTHER_DESCRIPTORS: u64 = 100;
/// So long waits a VU that shall wait until the test ends.
const FOREVER: Duration = Duration::from_secs(3600);

const KEPT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
const CLOSED: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

/// What the VUs have in hand while they wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// A keep-alive connection: a GET, 10 s of sleep, again and again.
    Connected,
    /// All that a request needs but a connection, which the server has closed after the one GET.
    Closed,
    /// Nothing yet: they sleep before their first request.
    Waiting,
}

#[derive(Debug, Parser)]
struct Args {
    /// Run only this case
    #[arg(long)]
    only: Option<Case>,
    /// Be the server, until standard input ends.
    #[arg(long, hide = true)]
    serve: bool,
    /// Be the load test of this case against the server at this port.
    #[arg(long, hide = true, requires = "only")]
    port: Option<u16>,
}

/// What a load test says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    /// Resident before the test.
    base_kib: u64,
    /// The most that was resident.
    peak_kib: u64,
    /// The most VUs at once.
    vus: u64,
    requests: u64,
    failed: u64,
    /// Iterations that failed.
    failed_iterations: u64,
    /// Iterations that the end of the test has cut.
    interrupted: u64,
    /// The first of its errors, and what the generator says of itself.
    remarks: Vec<String>,
}

/// What a server has seen.
#[derive(Debug, Serialize, Deserialize)]
struct Served {
    answers: u64,
    /// The most connections that were open at once.
    connections: u64,
}

#[scenario(executor = constant_vus(10_000, 30s))]
async fn get_and_wait(vu: &Vu) -> loadcore::Result {
    vu.get("/").send().await?;
    vu.sleep(secs(1)).await;
    Ok(())
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("run") {
        return LoadTest::discovered().main();
    }
    let args = Args::parse();
    let done = match (args.only, args.port) {
        _ if args.serve => on_runtime(serve()).map(|()| true),
        (Some(case), Some(port)) => on_runtime(load(case, port)).map(|()| true),
        (only, _) => measure(only.as_ref().map_or(Case::value_variants(), std::slice::from_ref)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("many-vus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn on_runtime(work: impl Future<Output = Result<()>>) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build_local(tokio::runtime::LocalOptions::default())?.block_on(work)
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number)
}

impl Case {
    fn vus(self) -> u64 {
        match self {
            Self::Connected => 15_000,
            Self::Closed | Self::Waiting => 50_000,
        }
    }

    /// How many of them have a connection.
    fn connections(self) -> u64 {
        if self == Self::Connected { self.vus() } else { 0 }
    }

    /// Up, hold, down. VUs with a connection end their last iteration in peace; the others are cut.
    fn executor(self) -> Executor {
        let vus = self.vus();
        match self {
            Self::Connected => ramping_vus([(secs(15), vus), (secs(20), vus), (secs(10), 0)]).into(),
            Self::Closed | Self::Waiting => ramping_vus([(secs(15), vus), (secs(10), vus), (secs(5), 0)])
                .graceful_ramp_down(Duration::ZERO)
                .graceful_stop(Duration::ZERO),
        }
    }

    async fn journey(self, vu: &Vu, port: u16) -> loadcore::Result {
        let host = address(1 + (vu.id() % u64::from(ADDRESSES)) as u8);
        match self {
            Self::Connected => {
                vu.get(format!("http://{host}:{port}/")).send().await?;
                vu.sleep(secs(10)).await;
            }
            Self::Closed => {
                vu.get(format!("http://{host}:{port}/close")).send().await?;
                vu.sleep(FOREVER).await;
            }
            Self::Waiting => {
                vu.sleep(FOREVER).await;
                vu.get(format!("http://{host}:{port}/")).send().await?;
            }
        }
        Ok(())
    }

    /// What is not as promised.
    fn judge(self, outcome: &Outcome, served: &Served) -> Vec<String> {
        let mut broken = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                broken.push(what);
            }
        };
        let Outcome { failed, failed_iterations, interrupted, requests, .. } = *outcome;
        expect(failed == 0, format!("{failed} requests failed"));
        expect(failed_iterations == 0, format!("{failed_iterations} iterations failed"));
        expect(outcome.vus == self.vus(), format!("there were only {} VUs at once", outcome.vus));
        expect(served.answers == requests, format!("the server answered {}", served.answers));
        let (each, mib) = (outcome.kib_each(self), outcome.peak_mib());
        match self {
            Self::Connected => {
                expect(each < KIB_EACH, format!("{each:.1} KiB for each VU are not below {KIB_EACH}"));
                expect(interrupted == 0, format!("{interrupted} iterations were cut"));
                let (open, all) = (served.connections, self.connections());
                expect(open == all, format!("{open} connections were open at once, not {all}"));
            }
            Self::Closed | Self::Waiting => {
                expect(mib < MIB_IN_ALL, format!("{mib:.0} MiB are not below {MIB_IN_ALL}"));
                let one_each = if self == Self::Closed { self.vus() } else { 0 };
                expect(requests == one_each, format!("{one_each} requests were due"));
            }
        }
        broken
    }
}

impl Outcome {
    fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / 1024.0
    }

    fn kib_each(&self, case: Case) -> f64 {
        self.peak_kib.saturating_sub(self.base_kib) as f64 / case.vus() as f64
    }
}

/// Runs these cases, each with a server of its own. Whether all promises were kept.
fn measure(cases: &[Case]) -> Result<bool> {
    let needed = cases.iter().map(|case| case.connections()).max().unwrap_or(0) + OTHER_DESCRIPTORS;
    // Server and load tests inherit it.
    let allowed = rlimit::increase_nofile_limit(needed)?;
    if allowed < needed {
        let problem =
            format!("{needed} file descriptors are needed, but only {allowed} allowed: `ulimit -Hn`");
        return Err(Error::other(problem));
    }
    println!("     VUs case       connections  base MiB  peak MiB  KiB each   requests  failed");
    let mut kept = true;
    for case in cases.iter().copied() {
        let (outcome, served) = run(case)?;
        let name = case.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        println!(
            "{:>8} {name:<10} {:>11} {:>9.1} {:>9.1} {:>9.2} {:>10} {:>7}",
            outcome.vus,
            served.connections,
            outcome.base_kib as f64 / 1024.0,
            outcome.peak_mib(),
            outcome.kib_each(case),
            outcome.requests,
            outcome.failed,
        );
        outcome.remarks.iter().for_each(|remark| println!("         {remark}"));
        let broken = case.judge(&outcome, &served);
        if !broken.is_empty() {
            println!("BROKEN:  {}", broken.join("; "));
            kept = false;
        }
    }
    println!("{}", if kept { "kept: all that is promised" } else { "not all is kept that is promised" });
    Ok(kept)
}

fn run(case: Case) -> Result<(Outcome, Served)> {
    let server = Server::start()?;
    let mut command = Command::new(std::env::current_exe()?);
    let name = case.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    command.args(["--only", &name, "--port", &server.port.to_string()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Error::other(format!("{command:?} failed")));
    }
    Ok((serde_json::from_slice(&output.stdout)?, server.end()?))
}

/// The load test of a case, in a process that has done nothing before.
async fn load(case: Case, port: u16) -> Result<()> {
    let base_kib = memory("VmRSS")?;
    let scenario = Scenario::new("wait", async move |vu: &Vu| case.journey(vu, port).await);
    let test = LoadTest::new().cores(2).scenario(scenario.executor(case.executor()));
    let report = test.run().await.map_err(Error::other)?;
    let rate = |stats| if let Stats::Rate { trues, total, .. } = stats { (trues, total) } else { (0, 0) };
    let (failed, requests) = rate(report.stats(HTTP_REQ_FAILED, &[]));
    let errors = report.errors();
    let first = errors.first().map(|error| format!("{} at {}: {}", error.kind, error.place, error.first));
    let outcome = Outcome {
        base_kib,
        peak_kib: memory("VmHWM")?,
        vus: if let Stats::Gauge { max, .. } = report.stats(VUS, &[]) { max as u64 } else { 0 },
        requests,
        failed,
        failed_iterations: rate(report.stats(ITERATION_FAILED, &[])).0,
        interrupted: report.count(INTERRUPTED_ITERATIONS) as u64,
        remarks: first.into_iter().chain(report.generator().reasons.clone()).collect(),
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// A line of this process's status, in KiB.
fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().nth(1));
    value.and_then(|kib| kib.parse().ok()).ok_or_else(|| Error::other(format!("/proc has no {name}")))
}

/// The server's process. It ends with its standard input, and so also when this process dies.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Self { process: command.spawn()?, port: 0 };
        server.port = server.line()?.trim().parse().map_err(|_| Error::other("the server did not start"))?;
        Ok(server)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let said = self.process.stdout.as_mut().ok_or_else(|| Error::other("the server is mute"))?;
        // Nothing is lost with the reader: the server says a line, and the next one only when it ends.
        BufReader::new(said).read_line(&mut line)?;
        Ok(line)
    }

    fn end(mut self) -> Result<Served> {
        drop(self.process.stdin.take());
        let served = serde_json::from_str(&self.line()?)?;
        self.process.wait()?;
        Ok(served)
    }
}

/// What the server counts.
#[derive(Debug, Default)]
struct Seen {
    answers: Cell<u64>,
    open: Cell<u64>,
    most_open: Cell<u64>,
}

async fn serve() -> Result<()> {
    let first = TcpListener::bind((address(1), 0)).await?;
    let port = first.local_addr()?.port();
    let seen = Rc::new(Seen::default());
    tokio::task::spawn_local(accept(first, Rc::clone(&seen)));
    for number in 2..=ADDRESSES {
        let listener = TcpListener::bind((address(number), port)).await?;
        tokio::task::spawn_local(accept(listener, Rc::clone(&seen)));
    }
    println!("{port}");
    let input_ends = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(input_ends).await??;
    let served = Served { answers: seen.answers.get(), connections: seen.most_open.get() };
    println!("{}", serde_json::to_string(&served)?);
    Ok(())
}

async fn accept(listener: TcpListener, seen: Rc<Seen>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let seen = Rc::clone(&seen);
                tokio::task::spawn_local(async move {
                    seen.open.set(seen.open.get() + 1);
                    seen.most_open.set(seen.most_open.get().max(seen.open.get()));
                    if let Err(error) = answer(socket, &seen).await {
                        eprintln!("many-vus: a connection ended: {error}");
                    }
                    seen.open.set(seen.open.get() - 1);
                });
            }
            Err(error) => {
                // It would be the same again at once; the client's requests fail meanwhile, which ends the case as broken.
                eprintln!("many-vus: cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut socket: TcpStream, seen: &Seen) -> Result<()> {
    let mut request = Vec::with_capacity(512);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            if socket.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        let closes = request.starts_with(b"GET /close ");
        seen.answers.set(seen.answers.get() + 1);
        socket.write_all(if closes { CLOSED } else { KEPT }).await?;
        if closes {
            return Ok(());
        }
    }
}
