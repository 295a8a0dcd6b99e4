//! k6, with the scripts of `scripts/`.

use super::{Client, Counted, Job, counts_line, script};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

#[derive(Debug)]
pub(super) struct K6 {
    pub(super) program: PathBuf,
}

impl Client for K6 {
    fn command(&self, job: &Job) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", "--quiet", "--no-usage-report", "--env", &format!("URL={}", job.url)]);
        command.args(["--vus", &job.connections.to_string(), "--duration", &format!("{}s", job.seconds)]);
        command.arg(script(if job.paced { "many_vus.js" } else { "get_loop.js" }));
        command
    }

    fn counted(&self, stdout: &str, _job: &Job) -> Result<Counted> {
        counts_line(stdout)
    }
}
