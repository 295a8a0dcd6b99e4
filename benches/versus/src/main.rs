//! loadcore beside other load generators, on one machine, against one nginx: what a request costs the client, and what
//! a waiting connection costs in memory. The README beside this says how to read the tables.

mod args;
mod machine;
mod measure;
mod memory;
mod nginx;
mod statistics;
mod table;
mod throughput;
mod tools;

use anyhow::{Context, Result, bail};
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
    let all_valid = match &args.mode {
        Some(args::Mode::Memory(memory)) => memory::run(memory)?,
        None => throughput::run(&args.throughput)?,
    };
    Ok(if all_valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
