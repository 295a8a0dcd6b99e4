//! Flags and subcommands: the highest source of options.

use super::http::args::HttpArgs;
use super::options::{Options, Said};
use super::{help, values};
use crate::plan::{ArrivalRate, Segment, Sequence, Share};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// A load test.
#[derive(Debug, Parser)]
#[command(
    version = env!("CARGO_PKG_VERSION"),
    about = "A load test made with loadcore",
    args_conflicts_with_subcommands = true,
    after_help = help::SHORT,
    after_long_help = help::LONG
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the test (the default)
    #[command(after_help = help::SHORT, after_long_help = help::LONG)]
    Run(Box<RunArgs>),
    /// Show what a run with the same options would do; sends nothing
    #[command(after_help = help::SHORT, after_long_help = help::LONG)]
    Plan(Box<PlanArgs>),
    /// List the scenarios
    List,
    /// Write a completion script for a shell to standard output
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What a run can be told.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Read options from this TOML file
    #[arg(long, value_name = "FILE", help_heading = "Test")]
    pub(super) config: Option<PathBuf>,
    /// What relative URLs are resolved against, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", value_parser = values::base_url, help_heading = "Test")]
    base_url: Option<String>,
    /// Run only this scenario (may be repeated)
    #[arg(long, value_name = "NAME", help_heading = "Test")]
    scenario: Vec<String>,
    /// Give the journeys a variable, which they read with vu.env("KEY") (may be repeated)
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::variable, help_heading = "Test")]
    env: Vec<(String, String)>,
    /// Add a header to every request that does not set it itself (may be repeated)
    #[arg(long, value_name = "NAME: VALUE", value_parser = values::header, help_heading = "Test")]
    header: Vec<(String, String)>,
    /// What all randomness comes from [default: a new one each time]
    #[arg(long, value_name = "N", value_parser = values::whole, allow_negative_numbers = true, help_heading = "Test")]
    seed: Option<u64>,
    /// How many cores generate load [default: all that this process may use]
    #[arg(long, value_name = "N", value_parser = values::cores, allow_negative_numbers = true, help_heading = "Test")]
    cores: Option<usize>,
    /// Send at most so many requests per second [default: 0, no cap]
    ///
    /// On all cores together. A request that comes too early waits its turn, and that is in none of its timings. 0 also
    /// lifts a cap of the options file or the code.
    #[arg(long, value_name = "N", value_parser = values::rps, allow_negative_numbers = true, help_heading = "Test")]
    rps: Option<f64>,
    /// Wait for arrivals by spinning, at the price of whole cores
    ///
    /// The iterations of a rate then start within a microsecond of when they are due, instead of some 50 to 300 later.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = values::truth, help_heading = "Test")]
    spin_arrivals: Option<bool>,
    /// How long each setup may take [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = values::time_limit, allow_hyphen_values = true, help_heading = "Test")]
    setup_timeout: Option<Duration>,
    /// How long each teardown may take [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = values::time_limit, allow_hyphen_values = true, help_heading = "Test")]
    teardown_timeout: Option<Duration>,

    /// Replace the selected scenario's executor: this many VUs (alone: for as many iterations)
    #[arg(long, short = 'u', value_name = "N", value_parser = values::whole, allow_negative_numbers = true, help_heading = LOAD)]
    vus: Option<u64>,
    /// .. for this long, such as 30s or 1m30s (with --iterations: at most)
    #[arg(long, short, value_name = "TIME", value_parser = values::positive_duration, allow_hyphen_values = true, help_heading = LOAD)]
    duration: Option<Duration>,
    /// .. or for this many iterations in all
    #[arg(long, short, value_name = "N", value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = LOAD)]
    iterations: Option<u64>,
    /// .. or ramping from stage to stage, from --vus (may be repeated), such as 30s:10,1m:0
    #[arg(long, short, value_name = "TIME:VUS", value_parser = values::stage, value_delimiter = ',', allow_hyphen_values = true, help_heading = LOAD)]
    stage: Vec<(Duration, u64)>,
    /// .. or iterations that start at this rate for --duration, on at most --vus VUs, such as 100/s or 30/m
    #[arg(long, value_name = "N/UNIT", value_parser = values::rate, allow_hyphen_values = true, help_heading = LOAD)]
    rate: Option<ArrivalRate>,

    #[command(flatten)]
    http: HttpArgs,

    /// Add a tag to all samples (may be repeated); a scenario's own tag of that key wins
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::tag, help_heading = "Results")]
    tag: Vec<(String, String)>,
    /// Add a threshold, or replace the one about the same number: 'http_req_duration{scenario:checkout}: p(95)<500'
    /// (may be repeated)
    ///
    /// Times are in milliseconds or have a unit. Behind the condition may stand `abort_on_fail`, which ends the test as soon
    /// as it does not hold, and `delay_abort_eval=10s`.
    #[arg(long, value_name = "METRIC: CONDITION", help_heading = "Results")]
    threshold: Vec<String>,
    /// Judge nothing: no threshold decides the exit code
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = values::truth, help_heading = "Results")]
    no_thresholds: Option<bool>,

    /// No colours
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = values::truth, help_heading = "Output")]
    no_color: Option<bool>,
    /// One iteration of each selected scenario, with every request and response in full
    ///
    /// To look at a journey: the scenarios run one after the other, on one core, and what they send and get is written to
    /// standard error, with failed checks and errors between. No threshold is judged, so the exit code is 0 also when an
    /// iteration has failed: the last line tells how many have. Passwords and tokens are shown as they are sent.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = values::truth, help_heading = "Output")]
    debug: Option<bool>,
    /// Write the summary to this file as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    summary_export: Option<PathBuf>,
    /// No banner and no progress, only the summary
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = values::truth, help_heading = "Output")]
    quiet: Option<bool>,
}

/// What `plan` can be told.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Write the plan as JSON, with times in nanoseconds
    #[arg(long, help_heading = "Output")]
    pub(super) json: bool,
    /// .. and in it the first N arrivals and iteration numbers of each scenario, and all steps of its VUs
    #[arg(long, value_name = "N", value_parser = values::whole, allow_negative_numbers = true, requires = "json",
        help_heading = "Output")]
    pub(super) first: Option<u64>,
    /// Plan only this part of the whole, as one of several machines would do it, such as 1/3:2/3
    #[arg(long, value_name = "FROM:TO", value_parser = values::segment, allow_hyphen_values = true, help_heading = SHARE)]
    segment: Option<Segment>,
    /// How the whole is cut, the same for all machines, such as 0,1/3,2/3,1 [default: the segment, and what is before and
    /// after it]
    #[arg(long, value_name = "POINTS", value_parser = values::sequence, allow_hyphen_values = true, requires = "segment",
        help_heading = SHARE)]
    sequence: Option<Sequence>,
}

impl PlanArgs {
    /// The part that shall be planned: the whole, unless a segment is given.
    ///
    /// # Errors
    /// If the sequence has no such segment.
    pub(super) fn share(&self) -> Result<Share, String> {
        let segment = self.segment.unwrap_or(Segment::WHOLE);
        Share::new(segment, self.sequence.clone()).map_err(|error| match self.sequence {
            Some(_) => format!("--segment and --sequence: {error}"),
            None => format!("--segment: {error}"),
        })
    }
}

const SHARE: &str = "Part of the plan";

const LOAD: &str = "Load, in place of the one selected scenario's executor";

/// A list that a flag gives when it is there at all.
fn listed<T>(list: &[T], place: &str) -> Option<Said<Vec<T>>>
where
    T: Clone,
{
    (!list.is_empty()).then(|| Said::new(list.to_vec(), place))
}

fn said<T: Clone>(value: Option<&T>, place: &str) -> Option<Said<T>> {
    value.map(|value| Said::new(value.clone(), place))
}

impl RunArgs {
    /// What these flags say.
    ///
    /// # Errors
    /// If they contradict each other.
    pub(super) fn options(&self) -> Result<Options, Vec<String>> {
        let thresholds = self.threshold.iter().map(|text| Said::new(text.clone(), "--threshold")).collect();
        let options = Options {
            base_url: self.base_url.clone(),
            scenarios: listed(&self.scenario, "--scenario"),
            vus: said(self.vus.as_ref(), "--vus"),
            duration: said(self.duration.as_ref(), "--duration"),
            iterations: said(self.iterations.as_ref(), "--iterations"),
            stages: listed(&self.stage, "--stage"),
            rate: said(self.rate.as_ref(), "--rate"),
            env: self.env.clone(),
            tags: self.tag.clone(),
            headers: self.header.clone(),
            http: self.http.said(),
            thresholds: vec![thresholds],
            no_thresholds: self.no_thresholds,
            seed: self.seed,
            cores: self.cores,
            rps: self.rps,
            spin_arrivals: self.spin_arrivals,
            setup_timeout: self.setup_timeout,
            teardown_timeout: self.teardown_timeout,
            summary_export: said(self.summary_export.as_ref(), "--summary-export"),
            debug: self.debug,
            quiet: self.quiet,
            no_color: self.no_color,
        };
        options.check("--duration").map_err(|conflict| vec![conflict.to_string()])?;
        Ok(options.settled())
    }
}

/// For tests: what these flags of `run` say.
#[cfg(test)]
pub(super) fn parse(flags: impl IntoIterator<Item = String>) -> Result<Options, Vec<String>> {
    let cli = Cli::try_parse_from(std::iter::once("test".to_owned()).chain(flags));
    cli.map_err(|error| vec![error.to_string()])?.run.options()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    /// The promise of the help text: an option that one source lacks is found here.
    #[test]
    fn every_flag_has_its_variable_and_its_key() {
        let commands = Cli::command();
        let flags = commands.get_arguments().filter_map(|arg| arg.get_long());
        let flags: Vec<_> = flags.filter(|flag| !["help", "version", "config"].contains(flag)).collect();
        assert!(flags.len() > 15, "{flags:?}");
        for flag in flags {
            let name = flag.replace('-', "_");
            let variable = (format!("LOADCORE_{}", name.to_uppercase()), "\u{1}".into());
            let told = crate::cli::environment::read([variable])
                .map(|_| String::new())
                .unwrap_or_else(|told| told.concat());
            assert!(!told.contains("no such option"), "{told}");
            let lists = ["scenario", "stage", "tag", "header", "threshold", "blacklist_ip"];
            let key = if lists.contains(&&*name) { format!("{name}s") } else { name };
            let told = crate::cli::file::read("f", &format!("{key} = []")).map(|_| String::new());
            let told = told.unwrap_or_else(|told| told.concat());
            assert!(!told.contains("no option"), "{told}");
        }
    }

    #[test]
    fn impossible_values_are_refused_by_name() {
        for (flags, want) in [
            ("--duration 1000", "--duration"),
            ("--iterations many", "--iterations"),
            ("--stage 1000:20", "--stage"),
            ("--rate 10/x -d 1s", "--rate"),
            ("--tag team", "--tag"),
            ("--env 1=2", "--env"),
            ("--header x-run", "--header"),
            ("--quiet=maybe", "--quiet"),
            ("--cors 2", "--cores"),
            ("--rps fast", "--rps"),
            ("--spin-arrivals=maybe", "--spin-arrivals"),
            ("list --vus 2", "--vus"),
        ] {
            let error = parse(flags.split_whitespace().map(str::to_owned)).unwrap_err().concat();
            assert!(error.contains(want), "{flags}: {error}");
        }
    }

    #[test]
    fn a_switch_can_be_said_to_be_off() {
        let quiet = |flag: &str| parse([flag.to_owned()]).unwrap().quiet;
        assert_eq!(
            (quiet("-q"), quiet("--quiet"), quiet("--quiet=false")),
            (Some(true), Some(true), Some(false))
        );
    }
}
