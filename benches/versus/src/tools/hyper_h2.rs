//! hyper's HTTP/2 client and nothing around it: the yardstick's program `hyper-h2-loop`.

use super::cargo::{build, cargo, program, root, version};
use super::{Client, Counted, Job, Name, Tool, counts_line};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

#[derive(Debug)]
struct HyperH2 {
    program: PathBuf,
}

pub(super) fn find() -> Result<Tool> {
    let root = root();
    let mut command = cargo(&root);
    command.args(["build", "--release", "-p", "loadcore-benches"]);
    let built = build(&mut command).context("building the yardstick")?;
    let client = HyperH2 { program: program(&built, "hyper-h2-loop")? };
    let version = format!("hyper {}", version(&root, "hyper")?);
    Ok(Tool { name: Name::HyperH2, version, cores: 1, client: Box::new(client) })
}

impl Client for HyperH2 {
    fn command(&self, job: &Job) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(job.url.trim_start_matches("http://").trim_end_matches('/'));
        command.args([job.connections.to_string(), job.seconds.to_string()]);
        command
    }

    fn counted(&self, stdout: &str, _job: &Job) -> Result<Counted> {
        counts_line(stdout)
    }
}
