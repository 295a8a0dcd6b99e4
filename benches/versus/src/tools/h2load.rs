//! h2load over HTTP/1.1 or HTTP/2, with one thread and one request at a time on each connection.

use super::{Client, Counted, Job};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

#[derive(Debug)]
pub(super) struct H2load {
    pub(super) program: PathBuf,
    pub(super) http1: bool,
}

impl Client for H2load {
    fn command(&self, job: &Job) -> Command {
        let mut command = Command::new(&self.program);
        if self.http1 {
            command.arg("--h1");
        }
        command.args(["-t1", "-m1", "-c", &job.connections.to_string(), "-D", &job.seconds.to_string()]);
        if job.paced {
            // Of each client, which here is a connection.
            command.arg("--rps=1");
        }
        command.arg(&job.url);
        command
    }

    fn counted(&self, stdout: &str, _job: &Job) -> Result<Counted> {
        parse(stdout)
    }
}

/// `status codes: 9 2xx, ..` is what succeeded; `requests: .. 0 failed, 0 errored, 0 timeout` what did not.
fn parse(stdout: &str) -> Result<Counted> {
    let ok = number(stdout, "status codes:", "2xx")?;
    let requests = |what| number(stdout, "requests:", what);
    Ok(Counted { ok, failed: requests("failed")? + requests("errored")? + requests("timeout")? })
}

/// The number before a word in the line that begins so.
fn number(stdout: &str, begins: &str, word: &str) -> Result<u64> {
    let line = stdout.lines().find_map(|line| line.strip_prefix(begins));
    let part = line.and_then(|line| line.split(',').find_map(|part| part.trim().strip_suffix(word)));
    let number = part.with_context(|| format!("no number of {word} in a line \"{begins}\""))?.trim();
    number.parse().with_context(|| format!("not a number: {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_apart() {
        let text = "finished in 1.00s, 9 req/s\n\
                    requests: 20 total, 20 started, 19 done, 9 succeeded, 10 failed, 1 errored, 2 timeout\n\
                    status codes: 9 2xx, 0 3xx, 0 4xx, 10 5xx\n";
        assert_eq!(parse(text).unwrap(), Counted { ok: 9, failed: 13 });
        assert!(parse("").is_err());
    }
}
