//! One run of one client: what it used, what it did, and whether to believe it.

use crate::machine::Ticks;
use crate::nginx::{Counts, Nginx, list};
use crate::tools::{Counted, Job, Tool};
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use wait4::{ResUse, Wait4};

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// What a client may take beside its seconds: a slow start of many VUs, a graceful end.
const PATIENCE: Duration = Duration::from_secs(240);
/// How soon after its end all of a client's connections are closed.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);
const MIB: f64 = 1024.0 * 1024.0;

/// The cores that are used.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    pub(crate) server: Vec<usize>,
    pub(crate) client: Vec<usize>,
}

/// What a valid run has shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Run {
    /// Requests that succeeded, as the client counted them.
    pub(crate) requests: u64,
    /// Requests of a second, as the server counted them while all connections were open.
    pub(crate) rate: f64,
    /// The client's CPU time from its start to its end, by the requests, in microseconds.
    pub(crate) cpu_us: f64,
    /// The part of it in user space.
    pub(crate) user_us: f64,
    /// The most memory that the client had resident.
    pub(crate) peak_mib: f64,
    /// The share of that time that the server's core was busy: near 1 the rate is the server's limit.
    pub(crate) server_busy: f64,
    /// The share of the client's cores that went to other work than the client: what disturbs, 0 on a quiet machine. None where
    /// the server has one of them, too.
    pub(crate) disturbance: Option<f64>,
    /// The most connections that were open at the same time.
    pub(crate) connections: u64,
}

/// Runs the client once.
///
/// # Errors
/// When the run is not valid: what the client or the server says was wrong.
pub(crate) fn run(tool: &Tool, job: &Job, nginx: &Nginx, cores: &Cores) -> Result<Run> {
    let before = nginx.counts()?;
    let finished = finish(&tool.client.command(job), nginx, cores, job.seconds)?;
    let after = after_the_last_close(nginx)?;
    ensure!(finished.usage.status.success(), "{}: {}", finished.usage.status, finished.last_words());
    let counted = tool.client.counted(&finished.stdout, job);
    let counted = counted.with_context(|| format!("it gave no counts ({})", finished.last_words()))?;
    let most = finished.looks.iter().map(|look| look.counts.open).max().unwrap_or(0);
    judge(counted, before, after, most, job.connections)?;

    let steady = steady(&finished.looks, job.connections)?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / counted.ok as f64;
    let used = finished.usage.rusage;
    Ok(Run {
        requests: counted.ok,
        rate: steady.rate,
        cpu_us: each(used.utime + used.stime),
        user_us: each(used.utime),
        peak_mib: used.maxrss as f64 / MIB,
        server_busy: steady.server_busy,
        disturbance: finished.disturbance(cores),
        connections: most,
    })
}

/// The server, seen during a run.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    counts: Counts,
    /// Of its first core, if it has several.
    server: Ticks,
}

struct Finished {
    usage: ResUse,
    stdout: String,
    stderr: String,
    looks: Vec<Look>,
    elapsed: Duration,
    /// The share of that time that each of the client's cores was busy, all together.
    client_busy: f64,
}

impl Finished {
    fn disturbance(&self, cores: &Cores) -> Option<f64> {
        if cores.client.iter().any(|core| cores.server.contains(core)) {
            return None;
        }
        let used = self.usage.rusage.utime + self.usage.rusage.stime;
        let others = self.client_busy - used.as_secs_f64() / self.elapsed.as_secs_f64();
        Some((others / cores.client.len() as f64).max(0.0))
    }

    /// The end of what it wrote, for the report of an error.
    fn last_words(&self) -> String {
        let text = format!("{}\n{}", self.stdout.trim(), self.stderr.trim());
        if text.trim().is_empty() {
            return "it wrote nothing".to_owned();
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(4)..].join(" | ")
    }
}

/// Runs the command on the client's cores to its end, looking at the server meanwhile.
fn finish(command: &Command, nginx: &Nginx, cores: &Cores, seconds: u64) -> Result<Finished> {
    // Into files, so that no pipe can fill while nobody reads it.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &list(&cores.client)]).arg(command.get_program()).args(command.get_args());
    pinned.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let ticks = || cores.client.iter().map(|core| Ticks::of_core(*core)).collect::<Result<Vec<_>>>();
    let (begun, before) = (Instant::now(), ticks()?);
    let mut child = pinned.spawn().context("starting the client; taskset is needed, too")?;
    let mut looks = Vec::new();
    let usage = match watch(&mut child, nginx, cores.server[0], seconds, &mut looks) {
        Ok(usage) => usage,
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
    };
    let client_busy = ticks()?.iter().zip(before).map(|(now, before)| now.busy_since(before)).sum();
    let elapsed = begun.elapsed();
    Ok(Finished {
        usage,
        stdout: text(&mut stdout)?,
        stderr: text(&mut stderr)?,
        looks,
        elapsed,
        client_busy,
    })
}

fn watch(
    child: &mut Child,
    nginx: &Nginx,
    core: usize,
    seconds: u64,
    looks: &mut Vec<Look>,
) -> Result<ResUse> {
    let deadline = Instant::now() + Duration::from_secs(seconds) + PATIENCE;
    while Instant::now() < deadline {
        if let Some(usage) = child.try_wait4().context("waiting for the client")? {
            return Ok(usage);
        }
        let counts = nginx.counts()?;
        looks.push(Look { at: Instant::now(), counts, server: Ticks::of_core(core)? });
        std::thread::sleep(LOOK_EVERY);
    }
    bail!("it did not end within {PATIENCE:?} after its {seconds} s");
}

fn text(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn after_the_last_close(nginx: &Nginx) -> Result<Counts> {
    let deadline = Instant::now() + CLOSED_WITHIN;
    loop {
        let counts = nginx.counts()?;
        if counts.open == 0 || Instant::now() > deadline {
            return Ok(counts);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether the client did what the table says it did: the server's counts are the witness.
fn judge(counted: Counted, before: Counts, after: Counts, most: u64, connections: u64) -> Result<()> {
    let Counted { ok, failed } = counted;
    ensure!(failed == 0, "{failed} requests failed, {ok} succeeded");
    ensure!(ok > 0, "no request succeeded");
    let seen = after.requests - before.requests;
    // Each connection may have had a request on its way when the client stopped counting.
    ensure!(
        seen >= ok && seen - ok <= connections,
        "it counted {ok} requests, but the server {seen}, with {connections} connections"
    );
    ensure!(most >= connections, "at most {most} of {connections} connections were open at the same time");
    let opened = after.accepted - before.accepted;
    // One more for wrk, which tries the address first; a few for what any client may do twice at its start.
    let few = 2 + connections / 100;
    ensure!(
        opened <= connections + few,
        "it opened {opened} connections instead of keeping {connections} alive"
    );
    Ok(())
}

struct Steady {
    rate: f64,
    server_busy: f64,
}

/// Between the first and the last look that saw all connections open: neither start nor end of the client is in it.
fn steady(looks: &[Look], connections: u64) -> Result<Steady> {
    let mut full = looks.iter().filter(|look| look.counts.open >= connections);
    let (Some(first), Some(last)) = (full.next(), full.next_back()) else {
        bail!("all connections were open only once; give it more --seconds");
    };
    let requests = last.counts.requests - first.counts.requests;
    Ok(Steady {
        rate: requests as f64 / last.at.duration_since(first.at).as_secs_f64(),
        server_busy: last.server.busy_since(first.server),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(accepted: u64, requests: u64) -> Counts {
        Counts { open: 0, accepted, requests }
    }

    #[test]
    fn a_run_is_valid_when_client_and_server_agree() {
        let judge = |ok, failed, after, most| {
            judge(Counted { ok, failed }, counts(5, 1000), after, most, 64).map_err(|error| error.to_string())
        };
        assert_eq!(judge(500, 0, counts(69, 1500), 64), Ok(()));
        assert_eq!(judge(500, 0, counts(70, 1564), 65), Ok(()));
        let complaint = |result: Result<(), String>, part: &str| {
            let text = result.unwrap_err();
            assert!(text.contains(part), "{text}");
        };
        complaint(judge(499, 1, counts(69, 1500), 64), "1 requests failed");
        complaint(judge(0, 0, counts(69, 1000), 64), "no request succeeded");
        complaint(judge(500, 0, counts(69, 1565), 64), "but the server 565");
        complaint(judge(501, 0, counts(69, 1500), 64), "but the server 500");
        complaint(judge(500, 0, counts(69, 1500), 63), "at most 63 of 64");
        complaint(judge(500, 0, counts(505, 1500), 64), "opened 500 connections");
    }
}
