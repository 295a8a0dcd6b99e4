//! wrk, with one thread.

use super::{Client, Counted, Job, script};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

#[derive(Debug)]
pub(super) struct Wrk {
    pub(super) program: PathBuf,
}

impl Client for Wrk {
    fn command(&self, job: &Job) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-t1", &format!("-c{}", job.connections), &format!("-d{}s", job.seconds)]);
        if job.paced {
            command.arg("-s").arg(script("paced.lua"));
        }
        command.arg(&job.url);
        command
    }

    fn counted(&self, stdout: &str, _job: &Job) -> Result<Counted> {
        parse(stdout)
    }
}

/// Both lines about errors are there only if there were any.
fn parse(stdout: &str) -> Result<Counted> {
    let line = |part: &str| stdout.lines().find(|line| line.contains(part));
    let requests = line(" requests in ").context("no line with \"requests in\"")?;
    let requests = requests.split_whitespace().next().unwrap_or_default();
    let requests: u64 = requests.parse().with_context(|| format!("not a number: {requests}"))?;
    let refused = line("Non-2xx or 3xx responses:").map_or(0, |line| numbers(line).last().unwrap_or(1));
    let broken = line("Socket errors:").map_or(0, |line| numbers(line).sum());
    Ok(Counted { ok: requests.saturating_sub(refused), failed: refused + broken })
}

/// The numbers of a line, without those that are part of a word such as `2xx`.
fn numbers(line: &str) -> impl Iterator<Item = u64> {
    line.split([' ', ',']).filter_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_apart() {
        let good = "Running 1s test @ http://x\n  119 requests in 1.00s, 25KB read\nRequests/sec: 119.00\n";
        assert_eq!(parse(good).unwrap(), Counted { ok: 119, failed: 0 });
        let bad = format!(
            "{good}  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 19\n"
        );
        assert_eq!(parse(&bad).unwrap(), Counted { ok: 100, failed: 26 });
        assert!(parse("unable to connect").is_err());
    }
}
