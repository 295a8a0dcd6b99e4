//! How late arrivals start: loadcore's arrival rate against a plain Tokio interval, in alternating runs against one nginx.
//!
//! `cargo build --release -p loadcore-benches && target/release/lateness [--rates 1000,10000] [--rounds 5] [--spin]`
//!
//! Needs Debian's `nginx` and `taskset`, and two cores: the server has one of them, the client the other. Each arrival
//! makes one GET. Fails if the medians do not keep what is promised: see `PROMISED_MS`, `AGAINST_INTERVAL`, `MISSING`.

use clap::{Parser, ValueEnum};
use loadcore::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::io::{Error, Result};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yardstick::cpu;
use yardstick::nginx::{ADDRESS, Nginx, on_core};

/// The 99th percentile of the lateness in milliseconds, up to this many arrivals a second.
const PROMISED_MS: [(u64, f64); 2] = [(1_000, 0.25), (10_000, 0.6)];
/// It is at most this share of a Tokio interval's.
const AGAINST_INTERVAL: f64 = 1.0 / 3.0;
/// The share of the plan's arrivals that may be missing.
const MISSING: f64 = 0.001;

/// A round counts only if all others together used less than this share of the client's core: what is promised is for a
/// core that is otherwise idle, and what delays one arrival of a hundred is the 99th percentile.
const OTHERS: f64 = 0.01;
/// So many rounds are tried for each that counts.
const TRIES: usize = 6;

#[derive(Debug, Parser)]
struct Args {
    /// Arrivals a second.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    rates: Vec<u64>,
    /// How often each client runs; medians are shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Let loadcore spin for arrivals.
    #[arg(long)]
    spin: bool,
    /// Also count rounds in which others used the client's core: for a machine that is never idle, under `chrt -f 1`.
    #[arg(long)]
    disturbed: bool,
    /// Show each run.
    #[arg(long)]
    verbose: bool,
    /// Be the client, for one run.
    #[arg(long, hide = true)]
    client: Option<Client>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Client {
    Loadcore,
    Interval,
}

/// What a client says of its run; milliseconds.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    p50: f64,
    p99: f64,
    max: f64,
    /// Arrivals that were served.
    count: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.client {
        Some(client) => serve_as(client, &args),
        None => compare(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lateness: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve_as(client: Client, args: &Args) -> Result<bool> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(tokio::runtime::LocalOptions::default())?;
    let (rate, seconds) = (args.rates[0], args.seconds);
    let outcome = match client {
        Client::Loadcore => runtime.block_on(loadcore(rate, seconds, args.spin)),
        Client::Interval => runtime.block_on(interval(rate, seconds)),
    }?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(true)
}

async fn loadcore(rate: u64, seconds: u64, spin: bool) -> Result<Outcome> {
    let get = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let test = LoadTest::new().cores(1).spin_arrivals(spin).base_url(format!("http://{ADDRESS}"));
    let arrivals = constant_arrival_rate(per_sec(rate as f64), Duration::from_secs(seconds));
    let report = test.scenario(get.executor(arrivals)).run().await.map_err(Error::other)?;
    if report.rate(HTTP_REQ_FAILED) > 0.0 {
        return Err(Error::other("requests failed"));
    }
    Ok(Outcome {
        p50: report.value(ITERATION_LATENESS.p(50)),
        p99: report.value(ITERATION_LATENESS.p(99)),
        max: report.value(ITERATION_LATENESS.max()),
        count: report.value(ITERATIONS.count()) as u64,
    })
}

/// What one writes without a load generator: an interval, and a task with a GET at each of its ticks.
async fn interval(rate: u64, seconds: u64) -> Result<Outcome> {
    let mut interval =
        tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).map_err(Error::other)?);
    let late: Rc<RefCell<Vec<Duration>>> = Rc::default();
    let idle: Rc<RefCell<Vec<TcpStream>>> = Rc::default();
    let served = Rc::new(Cell::new(0));
    let mut gets = tokio::task::JoinSet::new();
    for _ in 0..rate * seconds {
        let due: Instant = interval.tick().await.into();
        let (late, idle, served) = (Rc::clone(&late), Rc::clone(&idle), Rc::clone(&served));
        gets.spawn_local(async move {
            late.borrow_mut().push(due.elapsed());
            let kept = idle.borrow_mut().pop();
            let stream = get(kept).await?;
            idle.borrow_mut().push(stream);
            served.set(served.get() + 1);
            Ok::<_, Error>(())
        });
        while let Some(done) = gets.try_join_next() {
            done.map_err(Error::other)??;
        }
    }
    while let Some(done) = gets.join_next().await {
        done.map_err(Error::other)??;
    }
    let mut late: Vec<f64> = late.borrow().iter().map(|late| late.as_secs_f64() * 1e3).collect();
    late.sort_by(f64::total_cmp);
    let at = |q: f64| late[((late.len() - 1) as f64 * q) as usize];
    Ok(Outcome { p50: at(0.5), p99: at(0.99), max: at(1.0), count: served.get() })
}

async fn get(kept: Option<TcpStream>) -> Result<TcpStream> {
    let mut stream = match kept {
        Some(stream) => stream,
        None => TcpStream::connect(ADDRESS).await?,
    };
    stream.set_nodelay(true)?;
    stream.write_all(&yardstick::get(ADDRESS.parse().map_err(Error::other)?, "/", "")).await?;
    let mut response = Vec::new();
    // The body is the one JSON object.
    while !response.ends_with(b"}") {
        if stream.read_buf(&mut response).await? == 0 {
            return Err(Error::other("the server hung up"));
        }
    }
    Ok(stream)
}

/// A run as seen from outside.
struct Run {
    outcome: Outcome,
    /// The client's share of its core, and that of everything else.
    cpu: f64,
    others: f64,
}

fn run(client: Client, rate: u64, args: &Args) -> Result<Run> {
    let mut command = on_core(1, std::env::current_exe()?);
    let name = client.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    command.args(["--client", &name, "--rates", &rate.to_string(), "--seconds", &args.seconds.to_string()]);
    if args.spin {
        command.arg("--spin");
    }
    let (begun, core, children) = (Instant::now(), cpu::of_core(1)?, cpu::reaped_children()?);
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    let share = |time: Duration| time.as_secs_f64() / begun.elapsed().as_secs_f64();
    let own = cpu::reaped_children()?.since(children).total();
    let all = cpu::of_core(1)?.saturating_sub(core);
    if !output.status.success() {
        return Err(Error::other(format!("{command:?} failed")));
    }
    let outcome: Outcome = serde_json::from_slice(&output.stdout)?;
    let run = Run { outcome, cpu: share(own), others: share(all.saturating_sub(own)) };
    if args.verbose {
        println!("{:>9} {name:<9} {}", rate, numbers(std::slice::from_ref(&run)));
    }
    Ok(run)
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn numbers(runs: &[Run]) -> String {
    let [p50, p99, max] = [|o: &Outcome| o.p50, |o: &Outcome| o.p99, |o: &Outcome| o.max]
        .map(|of| median(runs, |run| of(&run.outcome)));
    let (count, cpu) = (median(runs, |run| run.outcome.count as f64), 100.0 * median(runs, |run| run.cpu));
    let others = 100.0 * median(runs, |run| run.others);
    format!("{p50:>8.3} {p99:>8.3} {max:>8.2} {count:>9.0} {cpu:>6.0} % {others:>8.0} %")
}

/// Runs both clients in turn at each rate. Whether all promises were kept.
fn compare(args: &Args) -> Result<bool> {
    let _nginx = Nginx::start()?;
    println!("{} rounds of {} s; medians", args.rounds, args.seconds);
    println!("   rate/s client     p50 ms   p99 ms   max ms     count      CPU     others");
    let mut broken = Vec::new();
    for rate in args.rates.iter().copied() {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut tried = 0;
        while ours.len() < args.rounds {
            if tried == args.rounds * TRIES {
                return Err(Error::other("others use the client's core: try again when the machine is idle"));
            }
            tried += 1;
            let pair = [run(Client::Interval, rate, args)?, run(Client::Loadcore, rate, args)?];
            if args.disturbed || pair.iter().all(|run| run.others < OTHERS) {
                let [interval, loadcore] = pair;
                theirs.push(interval);
                ours.push(loadcore);
            }
        }
        println!("{rate:>9} interval  {}\n{rate:>9} loadcore  {}", numbers(&theirs), numbers(&ours));
        if tried > args.rounds {
            println!("          {} of {tried} rounds left out: others used the core", tried - args.rounds);
        }
        broken.extend(judge(rate, &ours, &theirs, args));
    }
    match broken.as_slice() {
        [] => println!("kept: all that is promised"),
        broken => println!("BROKEN: {}", broken.join("; ")),
    }
    Ok(broken.is_empty())
}

fn judge(rate: u64, ours: &[Run], theirs: &[Run], args: &Args) -> Vec<String> {
    let mut broken = Vec::new();
    let p99 = |runs: &[Run]| median(runs, |run| run.outcome.p99);
    let (own, interval) = (p99(ours), p99(theirs));
    let promised = PROMISED_MS.iter().find(|(up_to, _)| rate <= *up_to);
    if let Some((_, limit)) = promised.filter(|(_, limit)| own > *limit) {
        broken.push(format!("at {rate}/s the p99 of {own:.3} ms is above {limit} ms"));
    }
    if own > interval * AGAINST_INTERVAL {
        broken.push(format!(
            "at {rate}/s the p99 of {own:.3} ms is above a third of the interval's {interval:.3} ms"
        ));
    }
    let (planned, count) = ((rate * args.seconds) as f64, median(ours, |run| run.outcome.count as f64));
    if (count - planned).abs() > planned * MISSING {
        broken.push(format!("at {rate}/s {count} arrivals were served instead of {planned}"));
    }
    broken
}
