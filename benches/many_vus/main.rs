//! Many VUs that mostly wait: what one costs in memory, with an open connection (plain and TLS) and without one.
//!
//! `cargo build --release -p loadcore-benches && target/release/many-vus [--only connected]`
//!
//! Each case ramps up, holds and ramps down on two cores, in a process of its own, against a server in another one. Fails if a
//! request failed, if there were fewer VUs or connections at once than planned, or if a VU took more than its bound. `--json`
//! says what was measured and leaves the judgement to `versus`.
//!
//! `many-vus run --base-url URL --vus N` is a plain load test of this kind, for comparisons with other tools.

mod case;
mod server;

use case::{Case, Outcome};
use clap::{Parser, ValueEnum};
use loadcore::http::{Http, Tls};
use loadcore::metric::Stats;
use loadcore::prelude::*;
use serde_json::json;
use server::{Ports, Served, Server};
use std::io::{Error, Result};
use std::net::Ipv4Addr;
use std::process::{Command, ExitCode, Stdio};

/// Descriptors for other things than VUs' connections.
const OTHER_DESCRIPTORS: u64 = 100;

#[derive(Debug, Parser)]
struct Args {
    /// Run only this case.
    #[arg(long)]
    only: Option<Case>,
    /// So many VUs, instead of each case's own number.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    vus: Option<u64>,
    /// Seconds between the ramps.
    #[arg(long, default_value_t = 20)]
    hold: u64,
    /// One line of JSON for each case instead of the table.
    #[arg(long)]
    json: bool,
    /// Be the server, until standard input ends.
    #[arg(long, hide = true)]
    serve: bool,
    /// Be the load test of this case against the server at these ports.
    #[arg(long, hide = true, requires = "only", num_args = 2)]
    ports: Vec<u16>,
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
    let done = match (args.only, &args.ports[..]) {
        _ if args.serve => on_runtime(server::serve()).map(|()| true),
        (Some(case), &[plain, tls]) => on_runtime(load(&args, case, Ports { plain, tls })).map(|()| true),
        _ => measure(&args),
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

/// The server's addresses by number.
fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number)
}

impl Args {
    fn cases(&self) -> &[Case] {
        self.only.as_ref().map_or(Case::value_variants(), std::slice::from_ref)
    }

    fn vus(&self, case: Case) -> u64 {
        self.vus.unwrap_or(case.vus())
    }
}

/// Runs the cases, each with a server of its own. Whether all promises were kept.
fn measure(args: &Args) -> Result<bool> {
    let connections = args.cases().iter().filter(|case| case.keeps_connection()).map(|case| args.vus(*case));
    let needed = connections.max().unwrap_or(0) + OTHER_DESCRIPTORS;
    // Server and load tests inherit it.
    let allowed = rlimit::increase_nofile_limit(needed)?;
    if allowed < needed {
        let problem =
            format!("{needed} file descriptors are needed, but only {allowed} allowed: `ulimit -Hn`");
        return Err(Error::other(problem));
    }
    if !args.json {
        println!("     VUs case       connections  base MiB  peak MiB  KiB each  at most   requests  failed");
    }
    let mut kept = true;
    for case in args.cases().iter().copied() {
        let (outcome, served) = run(args, case)?;
        let mut broken = case.judge(args.vus(case), &outcome, &served);
        if args.json {
            let Outcome { vus, base_kib, peak_kib, .. } = outcome;
            let connections = served.connections;
            println!(
                "{}",
                json!({
                    "case": case, "vus": vus, "connections": connections, "base_kib": base_kib, "peak_kib": peak_kib,
                    "broken": broken,
                })
            );
        } else {
            let (each, most) = (outcome.kib_each(), case.bound());
            if each > most {
                broken.push(format!("{each:.2} KiB for each VU are more than {most}"));
            }
            show(case, &outcome, &served, &broken);
        }
        kept &= broken.is_empty();
    }
    if !args.json {
        println!("{}", if kept { "kept: all that is promised" } else { "not all is kept that is promised" });
    }
    Ok(kept)
}

fn show(case: Case, outcome: &Outcome, served: &Served, broken: &[String]) {
    println!(
        "{:>8} {:<10} {:>11} {:>9.1} {:>9.1} {:>9.2} {:>8} {:>10} {:>7}",
        outcome.vus,
        case.name(),
        served.connections,
        outcome.base_kib as f64 / 1024.0,
        outcome.peak_mib(),
        outcome.kib_each(),
        case.bound(),
        outcome.requests,
        outcome.failed,
    );
    outcome.remarks.iter().for_each(|remark| println!("         {remark}"));
    if !broken.is_empty() {
        println!("BROKEN:  {}", broken.join("; "));
    }
}

fn run(args: &Args, case: Case) -> Result<(Outcome, Served)> {
    let server = Server::start()?;
    let mut command = Command::new(std::env::current_exe()?);
    let Ports { plain, tls } = server.ports;
    command.args(["--only", case.name(), "--ports", &plain.to_string(), &tls.to_string()]);
    command.args(["--vus", &args.vus(case).to_string(), "--hold", &args.hold.to_string()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Error::other(format!("{command:?} failed")));
    }
    Ok((serde_json::from_slice(&output.stdout)?, server.end()?))
}

/// The load test of a case, in a process that has done nothing before.
async fn load(args: &Args, case: Case, ports: Ports) -> Result<()> {
    let base_kib = memory("VmRSS")?;
    let scenario = Scenario::new("wait", async move |vu: &Vu| case.journey(vu, ports).await);
    let scenario = scenario.executor(case.executor(args.vus(case), args.hold));
    // The server has made its certificate itself.
    let http = Http::new().tls(Tls::new().insecure(true));
    let report = LoadTest::new().cores(2).http(http).scenario(scenario).run().await.map_err(Error::other)?;
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
