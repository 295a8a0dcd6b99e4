//! What a second core brings: the plain GET loop on one core and on two, where the server is a function that takes no time worth
//! mentioning and nothing else shares the cores. So it is loadcore's own scaling, without the network's.
//!
//! `cargo run --release -p loadcore-benches --features in-memory --bin two-cores [-- --seconds 3 --rounds 5]`
//!
//! Fails below 1.8 times the requests of one core. Beside a real server, `versus cores` compares.

use clap::Parser;
use loadcore::http::Http;
use loadcore::prelude::*;
use std::io::{Error, Result as IoResult};
use std::process::ExitCode;

/// What two cores are to bring.
const LEAST: f64 = 1.8;

#[derive(Debug, Parser)]
struct Args {
    /// How long each run takes.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often each number of cores runs, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[scenario(executor = constant_vus(64, 1s))]
async fn get(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

fn answer(_: &[u8]) -> Option<&'static [u8]> {
    Some(
        b"HTTP/1.1 200 OK\r\nServer: memory\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n\
        0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    )
}

fn main() -> ExitCode {
    match measure(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("two-cores: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> IoResult<bool> {
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..args.rounds {
        for (cores, rates) in (1..).zip(&mut rates) {
            let rate = requests(cores, args.seconds)? / args.seconds as f64;
            eprintln!("{cores} cores: {rate:9.0} requests/s");
            rates.push(rate);
        }
    }
    let [one, two] = rates.map(median);
    let kept = two >= LEAST * one;
    let verdict = if kept { "kept" } else { "BROKEN" };
    println!(
        "one core {one:.0}/s, two cores {two:.0}/s: {:.2} times, at least {LEAST}: {verdict}",
        two / one
    );
    Ok(kept)
}

/// How many requests so many cores complete.
fn requests(cores: usize, seconds: u64) -> IoResult<f64> {
    let scenario = GET_SCENARIO.executor(constant_vus(64, secs(seconds)));
    let test = LoadTest::new().cores(cores).base_url("http://memory.test").scenario(scenario);
    let test = test.http(Http::new().in_memory(answer));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(test.run()).map_err(Error::other)?;
    if report.rate(HTTP_REQ_FAILED) > 0.0 {
        return Err(Error::other("a request failed"));
    }
    Ok(report.count(HTTP_REQS))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
