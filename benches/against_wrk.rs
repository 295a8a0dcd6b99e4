//! The plain GET loop against wrk: CPU time of the client for each request, in alternating runs against one nginx.
//!
//! `cargo build --release -p loadcore-benches && target/release/against-wrk [--connections 64] [--rounds 5]`
//!
//! Needs Debian's `nginx`, `wrk` and `taskset`, and two cores: the server has one of them, the client the other. The
//! loop is built with the default release profile, all metrics and `traceparent` on.

use clap::Parser;
use std::process::Command;
use std::time::Duration;
use yardstick::cpu;
use yardstick::nginx::{ADDRESS, Nginx, on_core};

#[derive(Debug, Parser)]
struct Args {
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How often each client runs; medians are shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Fail if loadcore's median costs more than this many times wrk's.
    #[arg(long)]
    limit: Option<f64>,
}

/// One client's run: requests, and its CPU time for each in microseconds (user, system).
struct Run {
    rate: f64,
    user: f64,
    system: f64,
}

impl Run {
    fn total(&self) -> f64 {
        self.user + self.system
    }
}

/// Runs a client on the second core and reads from its output how many requests it made.
fn run(command: &mut Command, seconds: u64, requests: impl Fn(&str) -> Option<f64>) -> std::io::Result<Run> {
    let before = cpu::reaped_children()?;
    let output = command.output()?;
    let used = cpu::reaped_children()?.since(before);
    let text = String::from_utf8_lossy(&output.stdout);
    let count = requests(&text).filter(|count| output.status.success() && *count > 0.0);
    let count = count.ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        std::io::Error::other(format!("{command:?} failed: {text}{errors}"))
    })?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count;
    Ok(Run { rate: count / seconds as f64, user: each(used.user), system: each(used.system) })
}

fn wrk(args: &Args) -> std::io::Result<Run> {
    let mut command = on_core(1, "wrk");
    command.args(["-t1", &format!("-c{}", args.connections), &format!("-d{}s", args.seconds)]);
    command.arg(format!("http://{ADDRESS}/"));
    run(&mut command, args.seconds, |text| {
        let line = text.lines().find(|line| line.contains("requests in"))?;
        line.split_whitespace().next()?.parse().ok()
    })
}

fn loadcore(args: &Args) -> std::io::Result<Run> {
    let program = std::env::current_exe()?.with_file_name("get-loop");
    let mut command = on_core(1, program);
    command.args(["--quiet", "--cores", "1", "--base-url", &format!("http://{ADDRESS}")]);
    command.args(["--vus", &args.connections.to_string(), "--duration", &format!("{}s", args.seconds)]);
    run(&mut command, args.seconds, |text| {
        let line = text.lines().find(|line| line.trim_start().starts_with("http_reqs"))?;
        line.split(':').nth(1)?.split_whitespace().next()?.parse().ok()
    })
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let _nginx = Nginx::start()?;
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        theirs.push(wrk(&args)?);
        ours.push(loadcore(&args)?);
    }
    println!("{} connections, {} rounds of {} s", args.connections, args.rounds, args.seconds);
    println!("client      requests/s   CPU us/request     user   system");
    for (name, runs) in [("wrk", &theirs), ("loadcore", &ours)] {
        let (rate, total) = (median(runs, |r| r.rate), median(runs, Run::total));
        let (user, system) = (median(runs, |r| r.user), median(runs, |r| r.system));
        println!("{name:<10} {rate:>11.0} {total:>16.2} {user:>8.2} {system:>8.2}");
    }
    let ratio = median(&ours, Run::total) / median(&theirs, Run::total);
    let mut pairs: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a.total() / b.total()).collect();
    pairs.sort_by(f64::total_cmp);
    println!("ratio of the medians {ratio:.2}; pair by pair {pairs:.2?}");
    match args.limit {
        Some(limit) if ratio > limit => {
            Err(std::io::Error::other(format!("{ratio:.2} is more than {limit}")))
        }
        _ => Ok(()),
    }
}
