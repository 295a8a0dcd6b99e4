//! Flags and subcommands.

use crate::load_test::{LoadTest, RunError};
use crate::plan::{
    ArrivalRate, Executor, constant_arrival_rate, constant_vus, parse_duration, per, ramping_vus,
    shared_iterations,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// A load test.
#[derive(Debug, Parser)]
#[command(version = env!("CARGO_PKG_VERSION"), about = "A load test made with loadcore", args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the test (the default)
    Run(Box<RunArgs>),
    /// List the scenarios
    List,
}

/// What a run can be told.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// What relative URLs are resolved against, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
    /// Run only this scenario (may be repeated)
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Replace the selected scenario's executor: this many VUs (alone: one iteration each)
    #[arg(long, short = 'u', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    vus: Option<u64>,
    /// .. for this long, such as 30s or 1m30s (with --iterations: at most)
    #[arg(long, short, value_name = "TIME", value_parser = positive_duration)]
    duration: Option<Duration>,
    /// .. or ramping from stage to stage, from --vus (may be repeated), such as 30s:10
    #[arg(long, short, value_name = "TIME:VUS", value_parser = stage, conflicts_with_all = ["duration", "iterations"])]
    stage: Vec<(Duration, u64)>,
    /// .. or iterations that start at this rate for --duration, on at most --vus VUs, such as 100/s or 30/m
    #[arg(long, value_name = "N/UNIT", value_parser = rate, requires = "duration", conflicts_with_all = ["stage", "iterations"])]
    rate: Option<ArrivalRate>,
    /// .. or for this many iterations in all
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    iterations: Option<u64>,
    /// Add a tag to all samples (may be repeated)
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    tag: Vec<(String, String)>,
    /// Add a header to every request that does not set it itself (may be repeated)
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Add a threshold, or replace the one about the same number: 'http_req_duration{scenario:checkout}: p(95)<500'
    /// (may be repeated; times in milliseconds or with a unit)
    #[arg(long, value_name = "METRIC: CONDITION")]
    threshold: Vec<String>,
    /// Judge nothing: no threshold decides the exit code
    #[arg(long)]
    no_thresholds: bool,
    /// What all randomness comes from
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many cores generate load [default: all that this process may use]
    #[arg(long, value_name = "N")]
    cores: Option<usize>,
    /// Write the summary to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) summary_export: Option<PathBuf>,
    /// No banner and no progress, only the summary
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// No colours
    #[arg(long)]
    pub(super) no_color: bool,
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("a duration of 0 runs nothing".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

fn stage(text: &str) -> Result<(Duration, u64), String> {
    let wrong = || format!("`{text}` is no stage: write TIME:VUS, such as 30s:10");
    let (time, vus) = text.split_once(':').ok_or_else(wrong)?;
    let vus = vus.trim().parse().map_err(|_| wrong())?;
    Ok((parse_duration(time).map_err(|error| error.to_string())?, vus))
}

fn rate(text: &str) -> Result<ArrivalRate, String> {
    let wrong = || format!("`{text}` is no rate: write N/UNIT, such as 100/s, 30/m or 5/10s");
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let count: f64 = count.trim().parse().map_err(|_| wrong())?;
    // `/s` is `/1s`.
    let unit = unit.trim();
    let unit =
        if unit.starts_with(|c: char| c.is_ascii_digit()) { unit.to_owned() } else { format!("1{unit}") };
    Ok(per(count, parse_duration(&unit).map_err(|_| wrong())?))
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is no tag: write KEY=VALUE")),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(format!("`{text}` is no header: write 'NAME: VALUE'")),
    }
}

/// Flags that do not fit together, or not to this test.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArgsError {
    #[error(transparent)]
    Scenario(#[from] RunError),
    #[error(
        "--vus, --duration, --iterations, --stage and --rate replace the executor of one scenario, but {count} are selected: add \
         --scenario NAME (there are: {known})"
    )]
    Several { count: usize, known: String },
}

impl RunArgs {
    /// The test with what the flags say.
    pub(super) fn apply(&self, mut test: LoadTest) -> Result<LoadTest, ArgsError> {
        test.pin = true;
        self.select(&mut test)?;
        if let Some(executor) = self.executor() {
            let names: Vec<_> = test.scenarios.iter().map(|s| s.name().to_owned()).collect();
            match test.scenarios.as_mut_slice() {
                [scenario] => scenario.executor = Some(executor),
                // Nothing to replace: the test says so itself.
                [] => {}
                several => {
                    return Err(ArgsError::Several { count: several.len(), known: names.join(", ") });
                }
            }
        }
        if let Some(url) = &self.base_url {
            test = test.base_url(url);
        }
        let given = |name: &str| self.header.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        test.headers.retain(|(name, _)| !given(name));
        for (name, value) in &self.header {
            test = test.header(name, value);
        }
        for (key, value) in &self.tag {
            test = test.tag(key, value);
        }
        test.threshold_texts.extend(self.threshold.iter().cloned());
        test.no_thresholds |= self.no_thresholds;
        test.seed = self.seed.or(test.seed);
        test.cores = self.cores.or(test.cores);
        Ok(test)
    }

    fn select(&self, test: &mut LoadTest) -> Result<(), RunError> {
        // A test without any scenario says so itself.
        if self.scenario.is_empty() || test.scenarios.is_empty() {
            return Ok(());
        }
        let known: Vec<String> = test.scenarios.iter().map(|s| s.name().to_owned()).collect();
        if let Some(name) = self.scenario.iter().find(|name| !known.contains(name)) {
            return Err(RunError::UnknownScenario { name: name.clone(), known: known.join(", ") });
        }
        test.scenarios.retain(|scenario| self.scenario.iter().any(|name| name == scenario.name()));
        Ok(())
    }

    /// k6's rules: iterations are shared among the VUs, a duration makes them loop, VUs alone do one iteration each.
    fn executor(&self) -> Option<Executor> {
        let shared = |iterations, vus| {
            let shared = shared_iterations(iterations).vus(vus);
            match self.duration {
                Some(limit) => shared.max_duration(limit),
                None => shared,
            }
        };
        if let (Some(rate), Some(duration)) = (self.rate, self.duration) {
            let arrivals = constant_arrival_rate(rate, duration);
            return Some(self.vus.map_or(arrivals.clone(), |vus| arrivals.max_vus(vus)).into());
        }
        if !self.stage.is_empty() {
            return Some(ramping_vus(self.stage.iter().copied()).start_vus(self.vus.unwrap_or(1)).into());
        }
        match (self.vus, self.duration, self.iterations) {
            (None, None, None) => None,
            (vus, _, Some(iterations)) => Some(shared(iterations, vus.unwrap_or(1)).into()),
            (vus, Some(duration), None) => Some(constant_vus(vus.unwrap_or(1), duration).into()),
            (Some(vus), None, None) => Some(shared(vus, vus).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executor(flags: &str) -> Option<String> {
        let cli = Cli::try_parse_from(std::iter::once("test").chain(flags.split_whitespace())).unwrap();
        cli.run.executor().map(|executor| executor.describe())
    }

    #[test]
    fn shortcuts_mean_what_k6s_mean() {
        let stop = " (graceful stop 30s)";
        for (flags, want) in [
            ("-u 2 -i 6", "6 iterations shared among 2 VUs, at most 10m"),
            ("-u 2 -i 6 -d 30s", "6 iterations shared among 2 VUs, at most 30s"),
            ("--vus 10", "10 iterations shared among 10 VUs, at most 10m"),
            ("--duration 1m", "1 looping VUs for 1m"),
            ("--vus 3 --duration 1m30s", "3 looping VUs for 1m30s"),
            ("-s 10s:5 --stage 1m:0 -u 2", "up to 5 looping VUs for 1m10s over 2 stages"),
            ("--rate 30/m -d 10m", "0.50 iterations/s for 10m"),
            ("--rate 5/10s -d 10m -u 7", "0.50 iterations/s for 10m, up to 7 VUs"),
        ] {
            assert_eq!(executor(flags), Some(format!("{want}{stop}")), "{flags}");
        }
        assert_eq!(executor("--seed 1"), None);
    }

    #[test]
    fn impossible_values_are_refused_by_name() {
        for (flags, want) in [
            ("--duration 1000", "a unit is missing"),
            ("-d 0s", "runs nothing"),
            ("--vus 0", "--vus"),
            ("--iterations many", "--iterations"),
            ("--stage 1000:20", "a unit is missing"),
            ("--stage 10:20s", "is no stage: write TIME:VUS"),
            ("-u 2 -d 10s -s 10s:20", "cannot be used with"),
            ("--rate 10/s", "--duration"),
            ("--rate 10 -d 1s", "write N/UNIT"),
            ("--rate 10/x -d 1s", "write N/UNIT"),
            ("--tag team", "write KEY=VALUE"),
            ("--header x-run", "write 'NAME: VALUE'"),
            ("--cors 2", "--cores"),
            ("list --vus 2", "--vus"),
        ] {
            let error =
                Cli::try_parse_from(std::iter::once("test").chain(flags.split_whitespace())).unwrap_err();
            assert!(error.to_string().contains(want), "{flags}: {error}");
        }
    }
}
