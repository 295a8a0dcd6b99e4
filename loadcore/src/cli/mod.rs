//! The command line that `loadcore::main!` gives a test binary.

mod args;
mod list;
mod run;

use crate::load_test::LoadTest;
use crate::report::exit_code;
use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

impl LoadTest {
    /// Runs the command line: reads the arguments, runs the test with progress and a summary, handles signals, and gives
    /// the process's exit code (0 ok, 99 thresholds, 104 anything wrong before the start, 105 signal, 109 a fault of loadcore's own).
    ///
    /// The options on the command line win over what the code says. See `--help`.
    pub fn main(self) -> ExitCode {
        let cli = match Cli::try_parse() {
            Ok(cli) => cli,
            Err(error) => {
                // Help and version are no errors; clap prints each to its stream.
                let _ = error.print();
                let code = if error.use_stderr() { exit_code::INVALID } else { exit_code::OK };
                return ExitCode::from(code);
            }
        };
        let code = match cli.command {
            Some(Command::List) => list::list(&self),
            Some(Command::Run(args)) => run::run(self, &args),
            None => run::run(self, &cli.run),
        };
        ExitCode::from(code)
    }
}

/// Says what is wrong before the start.
fn refuse(error: &dyn std::fmt::Display) -> u8 {
    eprintln!("error: {error}");
    exit_code::INVALID
}
