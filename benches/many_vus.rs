//! Many VUs that mostly wait, each with one keep-alive connection: what a VU costs in memory.
//!
//! `many-vus --base-url URL`; ends with an error if a request failed, or if the peak was above 300 MiB.

use loadcore::prelude::*;
use std::process::ExitCode;

const VUS: u64 = 10_000;
const MOST_MIB: f64 = 300.0;

#[scenario(
    executor = constant_vus(VUS, 30s),
    thresholds = [HTTP_REQ_FAILED.rate() <= 0.0, ITERATION_FAILED.rate() <= 0.0],
)]
async fn get_and_wait(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    vu.sleep(secs(1)).await;
    Ok(())
}

/// The most memory that this process has had resident, in MiB.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

fn main() -> ExitCode {
    let before = peak_mib();
    let code = LoadTest::discovered().main();
    let (Some(before), Some(peak)) = (before, peak_mib()) else { return ExitCode::FAILURE };
    let each = (peak - before) * 1024.0 / VUS as f64;
    // With --vus the number is another one, which only the command line knows.
    println!("peak memory {peak:.0} MiB: {each:.1} KiB for each VU, if they are {VUS}");
    if peak > MOST_MIB { ExitCode::FAILURE } else { code }
}
