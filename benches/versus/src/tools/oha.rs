//! oha, without its display.

use super::{Client, Counted, Job};
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::process::Command;

#[derive(Debug)]
pub(super) struct Oha {
    pub(super) program: PathBuf,
}

impl Client for Oha {
    fn command(&self, job: &Job) -> Command {
        let connections = job.connections.to_string();
        let mut command = Command::new(&self.program);
        command.args([
            "--no-tui",
            "--output-format",
            "json",
            "-c",
            &connections,
            "-z",
            &format!("{}s", job.seconds),
        ]);
        // The requests that are on their way at the end would be counted as errors.
        command.arg("--wait-ongoing-requests-after-deadline");
        if job.paced {
            // Of all connections together.
            command.args(["-q", &connections]);
        }
        command.arg(&job.url);
        command
    }

    fn counted(&self, stdout: &str, _job: &Job) -> Result<Counted> {
        parse(stdout)
    }
}

fn parse(stdout: &str) -> Result<Counted> {
    let report: Value = serde_json::from_str(stdout).context("its JSON")?;
    let sum = |name: &str, wanted: &dyn Fn(&str) -> bool| {
        let map = report.get(name).and_then(Value::as_object).with_context(|| format!("no {name}"))?;
        Ok::<_, anyhow::Error>(total(map, wanted))
    };
    let ok = sum("statusCodeDistribution", &|status| status.starts_with('2'))?;
    let others = sum("statusCodeDistribution", &|status| !status.starts_with('2'))?;
    Ok(Counted { ok, failed: others + sum("errorDistribution", &|_| true)? })
}

fn total(map: &Map<String, Value>, wanted: &dyn Fn(&str) -> bool) -> u64 {
    map.iter().filter(|(name, _)| wanted(name)).filter_map(|(_, count)| count.as_u64()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_apart() {
        let text =
            r#"{"statusCodeDistribution":{"200":90,"204":1,"503":4},"errorDistribution":{"refused":2}}"#;
        assert_eq!(parse(text).unwrap(), Counted { ok: 91, failed: 6 });
        assert!(parse("{}").is_err());
    }
}
