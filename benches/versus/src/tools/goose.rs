//! goose: the programs of the package beside this one, built with the default release profile.

use super::cargo::{build, cargo, program, version};
use super::{Client, Counted, Job, Name, Tool, counts_line};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug)]
struct Goose {
    get_loop: PathBuf,
    many_vus: PathBuf,
}

pub(super) fn find() -> Result<Tool> {
    let versus = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = versus.join("goose");
    let mut command = cargo(&folder);
    command.args(["build", "--release", "--locked", "--target-dir"]).arg(versus.join("target/goose"));
    let built = build(&mut command)?;
    let client =
        Goose { get_loop: program(&built, "goose-get-loop")?, many_vus: program(&built, "goose-many-vus")? };
    let version = format!("goose {}", version(&folder, "goose")?);
    Ok(Tool { name: Name::Goose, version, cores: 1, client: Box::new(client) })
}

impl Client for Goose {
    fn command(&self, job: &Job) -> Command {
        let users = job.connections.to_string();
        let mut command = Command::new(if job.paced { &self.many_vus } else { &self.get_loop });
        command.args(["--host", job.url.trim_end_matches('/'), "--users", &users]);
        // All users within a second, if it can; the run's time begins when the last one has started.
        command.args(["--increase-rate", &users, "--run-time", &format!("{}s", job.seconds)]);
        // It would forget what was requested before that, though it has cost CPU time.
        command.args(["--no-reset-metrics", "--no-print-metrics", "--no-telnet", "--no-websocket"]);
        command
    }

    fn counted(&self, stdout: &str, _job: &Job) -> Result<Counted> {
        counts_line(stdout)
    }
}
