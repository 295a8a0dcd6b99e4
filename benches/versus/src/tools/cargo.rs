//! Building the clients that are libraries.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A cargo command in that folder.
pub(super) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(folder);
    command
}

/// Runs a `cargo build ..` and returns the programs by name.
pub(super) fn build(command: &mut Command) -> Result<HashMap<String, PathBuf>> {
    command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = command.output().context("starting cargo")?;
    ensure!(output.status.success(), "cargo build failed: {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(executable).collect())
}

fn executable(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let name = message.pointer("/target/name")?.as_str()?;
    Some((name.to_owned(), message.get("executable")?.as_str()?.into()))
}

/// One of the built programs.
pub(super) fn program(built: &HashMap<String, PathBuf>, name: &str) -> Result<PathBuf> {
    built.get(name).cloned().with_context(|| format!("cargo has not built {name}"))
}

/// The version of a package, as the lock file has it.
pub(super) fn version(folder: &Path, package: &str) -> Result<String> {
    let output = cargo(folder).args(["pkgid", package]).output().context("starting cargo")?;
    ensure!(output.status.success(), "cargo pkgid {package}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(version_of(&String::from_utf8_lossy(&output.stdout)).to_owned())
}

/// `..#0.1.0` or `..#name@0.1.0`
fn version_of(id: &str) -> &str {
    let end = id.trim().rsplit('#').next().unwrap_or_default();
    end.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_read_from_cargos_messages() {
        let message = r#"{"reason":"compiler-artifact","target":{"name":"a-b"},"executable":"/t/a-b"}"#;
        assert_eq!(executable(message), Some(("a-b".into(), "/t/a-b".into())));
        assert_eq!(executable(r#"{"target":{"name":"lib"},"executable":null}"#), None);
    }

    #[test]
    fn versions_stand_at_the_end_of_an_id() {
        assert_eq!(version_of("path+file:///src/loadcore#0.1.0\n"), "0.1.0");
        assert_eq!(version_of("registry+https://example.org/index#goose@0.19.0"), "0.19.0");
    }
}
