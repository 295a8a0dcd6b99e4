//! The command line that `loadcore::main!` gives a test binary.
//!
//! ```text
//! args.rs         flags            ┐
//! environment.rs  LOADCORE_*       ├─ one Options each ──► options.rs merges ──► apply.rs ──► LoadTest
//! file.rs         options file     ┘        (values.rs reads the words of all three)
//! run.rs debug.rs plan.rs list.rs           what is then done with it
//! http/           the same for the HTTP client's options
//! heading.rs course.rs                      what banner and plan tell of the test, and a plan of a scenario
//! signals.rs export.rs print.rs             what a run answers, keeps and says
//! ```
//!
//! A new option is a field of [`Options`](options::Options) and a line in each of the three sources.

mod apply;
mod args;
mod course;
mod debug;
mod environment;
mod export;
mod file;
mod heading;
mod help;
mod http;
mod limits;
mod list;
mod options;
mod plan;
mod print;
mod run;
mod signals;
mod values;

use crate::load_test::LoadTest;
use crate::report::exit_code;
use args::{Cli, Command, RunArgs};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use options::Options;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

impl LoadTest {
    /// Runs the command line: reads the arguments, `LOADCORE_*` variables and the options file, does what they say (`run`
    /// by default, with progress and a summary; `plan`, `list`, `completions`), handles signals, and gives the process's
    /// exit code (0 ok, 99 thresholds, 100 and 101 timeouts of setup and teardown, 104 anything wrong before the start, 105
    /// signal, 107 a setup or teardown failed, 108 and 110 a journey that aborted or failed the test, 109 a fault of
    /// loadcore's own).
    ///
    /// Command line > variables > options file > what the code says. `--help` tells all of it.
    ///
    /// Each connection takes a file descriptor, so it raises this process's soft limit of them to the hard one. What the plan
    /// needs beyond that, or beyond the machine's free memory or its ports for connections to one address, is named before
    /// the start.
    pub fn main(self) -> ExitCode {
        let cli = match Cli::try_parse() {
            Ok(cli) => cli,
            Err(mut error) => {
                name_commands(&mut error);
                name_order(&mut error, std::env::args_os().skip(1));
                // Help and version are no errors; clap prints each to its stream.
                let printed = error.print();
                let code = if error.use_stderr() {
                    exit_code::INVALID
                } else {
                    print::told(printed.and_then(|()| std::io::stdout().flush()))
                };
                return ExitCode::from(code);
            }
        };
        ExitCode::from(match &cli.command {
            Some(Command::List) => list::list(&self),
            Some(Command::Completions { shell }) => completions(*shell),
            Some(Command::Plan(args)) => self.with_options(&args.run, |test, options| {
                let test = if options.debug == Some(true) { debug::narrated(test) } else { test };
                plan::plan(test, options, args)
            }),
            Some(Command::Run(args)) => self.main_run(args),
            None => self.main_run(&cli.run),
        })
    }

    fn main_run(self, args: &RunArgs) -> u8 {
        self.with_options(args, |test, options| {
            if options.debug == Some(true) { debug::debug(test, options) } else { run::run(test, options) }
        })
    }

    /// Puts all options together and goes on with them, or refuses.
    fn with_options(self, args: &RunArgs, go_on: impl FnOnce(Self, &Options) -> u8) -> u8 {
        // A name that is not text is nobody's option.
        let process: Vec<(String, OsString)> =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        let options = match apply::gather(args, process.clone()) {
            Ok(options) => options,
            Err(problems) => return problems.iter().map(|problem| refuse(problem)).max().unwrap_or_default(),
        };
        if options.no_color == Some(true) {
            console::set_colors_enabled(false);
            console::set_colors_enabled_stderr(false);
        }
        match options.apply(self, &process) {
            Ok(test) => {
                // Each connection is a descriptor: take what the system grants. What it does not grant is named by plan and run.
                let _ = rlimit::increase_nofile_limit(u64::MAX);
                go_on(test, &options)
            }
            Err(problem) => refuse(&problem),
        }
    }
}

/// A command that does not exist is answered with those that do.
fn name_commands(error: &mut clap::Error) {
    if error.kind() == ErrorKind::InvalidSubcommand && error.get(ContextKind::SuggestedSubcommand).is_none() {
        let commands = Cli::command();
        let names: Vec<_> = commands.get_subcommands().map(clap::Command::get_name).collect();
        let tip = format!("the commands are {}", names.join(", "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
}

/// Flags in front of a command are answered with the line as it should be.
fn name_order(error: &mut clap::Error, line: impl Iterator<Item = OsString>) {
    let Some(ContextValue::String(command)) = error.get(ContextKind::InvalidSubcommand).cloned() else {
        return;
    };
    if error.kind() != ErrorKind::ArgumentConflict {
        return;
    }
    let tip = match command.as_str() {
        "run" | "plan" => {
            let mut words: Vec<String> = line.map(|word| quoted(&word.to_string_lossy())).collect();
            if let Some(at) = words.iter().position(|word| *word == command) {
                words.remove(at);
            }
            format!("write: {command} {}", words.join(" "))
        }
        known if known == "help" || Cli::command().find_subcommand(known).is_some() => {
            format!("`{command}` takes no flags: leave them out")
        }
        _ => format!("leave `{command}` out; the value of a switch stands behind `=`: --quiet=true"),
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=/.:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Writes the script that completes this program's flags.
fn completions(shell: Shell) -> u8 {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&program).file_name().unwrap_or(&program).to_string_lossy().into_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), name, &mut script);
    print::print(&String::from_utf8_lossy(&script))
}

/// Says what is wrong before the start.
fn refuse(error: &dyn std::fmt::Display) -> u8 {
    eprintln!("error: {error}");
    exit_code::INVALID
}
