//! loadcore beside other load generators, on one machine, against one nginx: what a request costs the client, and what
//! a waiting connection costs in memory. The README beside this says how to read the tables.

mod args;
mod cases;
mod idle;
mod machine;
mod measure;
mod memory;
mod nginx;
mod statistics;
mod table;
mod throughput;
mod tools;

use anyhow::{Context, Result, bail};
use cases::Case;
use clap::Parser;
use std::process::ExitCode;

fn main() -> Result<ExitCode> {
    let args = args::Args::parse();
    let cores = std::thread::available_parallelism().context("how many cores are there?")?;
    if cores.get() < 2 {
        bail!("one core is for the server and one for the client, but this process may use only {cores}");
    }
    // Thousands of connections; most of the clients leave the limit as it is.
    rlimit::increase_nofile_limit(u64::MAX).context("raising the limit of open files")?;
    let all_good = match &args.mode {
        Some(args::Mode::Memory(memory)) => memory::run(memory)?,
        Some(args::Mode::Idle(idle)) => idle::run(idle)?,
        Some(args::Mode::Https(args)) => throughput::run(args, &Case::https())?,
        Some(args::Mode::Http2(args)) => throughput::run(args, &Case::http2())?,
        Some(args::Mode::Features(args)) => throughput::run(args, &Case::features())?,
        Some(args::Mode::Cores(args)) => throughput::run_cores(args, cores.get())?,
        None => throughput::run(&args.throughput, &Case::plain())?,
    };
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
