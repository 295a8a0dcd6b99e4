//! What the figures were measured on, and how busy a core was.

use anyhow::{Context, Result};
use serde::Serialize;
use std::fs::read_to_string;
use std::path::Path;
use std::process::Command;

/// Everything outside the tools that a figure depends on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    rustc: String,
    nginx: String,
    /// Other work disturbs: below about 0.1 is quiet.
    load_at_start: f64,
}

impl Machine {
    pub(crate) fn read(nginx: &Path) -> Result<Self> {
        let field = |file: &str, name: &str| -> Result<String> {
            let text = read_to_string(file).context(file.to_owned())?;
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            Ok(value.map_or("unknown", |(_, value)| value.trim()).to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal")?;
        let kib: f64 = memory.trim_end_matches(" kB").parse().context("/proc/meminfo")?;
        let load = read_to_string("/proc/loadavg").context("/proc/loadavg")?;
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name")?,
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: kib / 1024.0 / 1024.0,
            kernel: read_to_string("/proc/sys/kernel/osrelease").context("osrelease")?.trim().to_owned(),
            rustc: first_line(Command::new("rustc").arg("--version"))?,
            nginx: first_line(Command::new(nginx).arg("-v")).context("nginx is needed as the server")?,
            load_at_start: load.split(' ').next().unwrap_or_default().parse().context("/proc/loadavg")?,
        })
    }

    /// One line.
    pub(crate) fn describe(&self) -> String {
        let Self { processor, cores, memory_gib, kernel, rustc, nginx, load_at_start } = self;
        format!(
            "{cores} cores of {processor}, {memory_gib:.0} GiB, Linux {kernel}, {rustc}, {nginx}, load average at the \
             start {load_at_start:.2}"
        )
    }
}

/// The first line that a program writes, to whichever output.
///
/// # Errors
/// When it cannot be started; the [`std::io::Error`] in the chain says whether because there is none.
pub(crate) fn first_line(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Clock ticks of a core since the machine started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    idle: u64,
    all: u64,
}

impl Ticks {
    pub(crate) fn of_core(core: usize) -> Result<Self> {
        let text = read_to_string("/proc/stat").context("/proc/stat")?;
        parse(&text, core).with_context(|| format!("/proc/stat has no core {core}"))
    }

    /// The share of the time since then that the core was busy, 0 to 1.
    pub(crate) fn busy_since(self, earlier: Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        if all == 0 { 0.0 } else { 1.0 - self.idle.saturating_sub(earlier.idle) as f64 / all as f64 }
    }
}

/// `cpuN user nice system idle iowait irq softirq steal ..`, proc_stat(5).
fn parse(text: &str, core: usize) -> Option<Ticks> {
    let name = format!("cpu{core}");
    let line = text.lines().find(|line| line.split(' ').next() == Some(&name))?;
    let numbers: Vec<u64> = line.split(' ').skip(1).take(8).map_while(|field| field.parse().ok()).collect();
    (numbers.len() == 8).then(|| Ticks { idle: numbers[3] + numbers[4], all: numbers.iter().sum() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_busy_when_it_is_not_idle() {
        let before = parse("cpu 9 9 9 9 9 9 9 9\ncpu0 1 0 0 5 1 0 0 0 0 0\ncpu10 0", 0).unwrap();
        let after = parse("cpu0 31 5 20 25 6 3 2 5 0 0", 0).unwrap();
        assert_eq!(after.all - before.all, 90);
        assert!((after.busy_since(before) - 65.0 / 90.0).abs() < 1e-9);
        assert!(parse("cpu0 1 0 0 5 1 0 0 0", 1).is_none());
    }
}
