//! loadcore: the loops of `benches/`, and `many-vus`.

use super::cargo::{build, cargo, program, root, version};
use super::{Client, Counted, Job, Name, Speaks, Tool};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::HashMap;
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
    h2_get_loop: PathBuf,
    many_vus: PathBuf,
    cores: usize,
}

fn built(profile: Profile) -> Result<HashMap<String, PathBuf>> {
    let root = root();
    let mut command = cargo(&root);
    command.args(["build", "--release", "-p", "loadcore-benches"]);
    if profile == Profile::FatLto {
        command.env("CARGO_PROFILE_RELEASE_LTO", "fat").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
        command.arg("--target-dir").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fat-lto"));
    }
    build(&mut command).context("building loadcore")
}

/// The program of the `idle` table.
pub(crate) fn many_vus() -> Result<PathBuf> {
    program(&built(Profile::Release)?, "many-vus")
}

pub(super) fn find(name: Name) -> Result<Tool> {
    let root = root();
    let fat = name == Name::LoadcoreLto;
    let built = built(if fat { Profile::FatLto } else { Profile::Release })?;
    let cores = if name == Name::LoadcoreTwoCores { 2 } else { 1 };
    let client = Loadcore {
        get_loop: program(&built, if name == Name::LoadcoreOrders { "order-loop" } else { "get-loop" })?,
        h2_get_loop: program(&built, "h2-get-loop")?,
        many_vus: program(&built, "many-vus")?,
        cores,
    };
    let mut version = format!("loadcore {}", version(&root, "loadcore")?);
    if let Some(commit) = commit(&root) {
        version = format!("{version} ({commit})");
    }
    Ok(Tool { name, version, cores, client: Box::new(client) })
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
        let program = match job.speaks {
            _ if job.paced => &self.many_vus,
            Speaks::Http2 => &self.h2_get_loop,
            Speaks::Http1 | Speaks::Https => &self.get_loop,
        };
        let mut command = Command::new(program);
        command.args(["run", "--quiet", "--cores", &self.cores.to_string()]);
        command.args(["--base-url", job.url.trim_end_matches('/')]);
        if job.speaks == Speaks::Https {
            // As the others, which check no certificate.
            command.arg("--insecure-skip-tls-verify");
        }
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
