//! loadcore: the programs `get-loop` and `many-vus` of `benches/`.

use super::cargo::{build, cargo, program, root, version};
use super::{Client, Counted, Job, Name, Tool};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// As a user's `cargo build --release` does it.
    Release,
    /// With `lto = "fat"` and `codegen-units = 1`.
    FatLto,
}

#[derive(Debug)]
struct Loadcore {
    get_loop: PathBuf,
    many_vus: PathBuf,
}

pub(super) fn find(name: Name, profile: Profile) -> Result<Tool> {
    let root = root();
    let mut command = cargo(&root);
    command.args(["build", "--release", "-p", "loadcore-benches"]);
    if profile == Profile::FatLto {
        command.env("CARGO_PROFILE_RELEASE_LTO", "fat").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
        command.arg("--target-dir").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fat-lto"));
    }
    let built = build(&mut command).with_context(|| format!("building {name}"))?;
    let client = Loadcore { get_loop: program(&built, "get-loop")?, many_vus: program(&built, "many-vus")? };
    let mut version = format!("loadcore {}", version(&root, "loadcore")?);
    if let Some(commit) = commit(&root) {
        version = format!("{version} ({commit})");
    }
    Ok(Tool { name, version, client: Box::new(client) })
}

/// The commit, with `-dirty` if files differ from it; none outside a git checkout.
fn commit(root: &Path) -> Option<String> {
    let mut command = Command::new("git");
    let output = command.current_dir(root).args(["describe", "--always", "--dirty"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn summary(job: &Job) -> PathBuf {
    job.scratch.join("loadcore.json")
}

impl Client for Loadcore {
    fn command(&self, job: &Job) -> Command {
        let mut command = Command::new(if job.paced { &self.many_vus } else { &self.get_loop });
        command.args(["run", "--quiet", "--cores", "1", "--base-url", job.url.trim_end_matches('/')]);
        command.args(["--vus", &job.connections.to_string(), "--duration", &format!("{}s", job.seconds)]);
        command.arg("--summary-export").arg(summary(job));
        command
    }

    fn counted(&self, _stdout: &str, job: &Job) -> Result<Counted> {
        let text = std::fs::read_to_string(summary(job)).context("the exported summary")?;
        parse(&text)
    }
}

fn parse(text: &str) -> Result<Counted> {
    let summary: Value = serde_json::from_str(text).context("the exported summary")?;
    let number = |name: &str| {
        let place = format!("/metrics/http_req_failed/values/{name}");
        summary.pointer(&place).and_then(Value::as_u64).with_context(|| format!("no {place} in the summary"))
    };
    let failed = number("trues")?;
    Ok(Counted { ok: number("total")?.saturating_sub(failed), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_requests_are_told_from_the_others() {
        let text = r#"{"metrics":{"http_req_failed":{"values":{"rate":0.2,"total":10,"trues":2}}}}"#;
        assert_eq!(parse(text).unwrap(), Counted { ok: 8, failed: 2 });
        assert!(parse("{}").unwrap_err().to_string().contains("http_req_failed"));
    }
}
