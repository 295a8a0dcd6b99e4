//! `run`: a test with banner, progress, signals, summary and exit code.

use super::export::Export;
use super::heading::Heading;
use super::limits::{Machine, Needs};
use super::options::Options;
use super::print::print;
use super::{refuse, signals};
use crate::load_test::{LoadTest, Prepared};
use crate::metric::{ITERATION_FAILED, Stats};
use crate::report::{Progress, Report, exit_code};
use crate::run::engine::Stop;
use std::io::{IsTerminal, Write};

pub(super) fn run(test: LoadTest, options: &Options) -> u8 {
    let stop = Stop::new();
    let watch = match signals::watch(stop.clone()) {
        Ok(watch) => watch,
        Err(error) => return refuse(&format_args!("cannot watch for signals: {error}")),
    };
    let heading = Heading::of(&test);
    let prepared = match test.prepare() {
        Ok(prepared) => prepared,
        Err(error) => return refuse(&error),
    };
    let export = match options.summary_export.as_ref().map(Export::open).transpose() {
        Ok(export) => export,
        Err(error) => return refuse(&error),
    };
    let vus = prepared.job.scenarios.iter().map(|scenario| scenario.max_vus);
    let warnings = Machine::read().warnings(&Needs::of(&prepared.job, vus));
    let mut progress = if options.quiet == Some(true) {
        warn(&prepared.warnings);
        warn(&warnings);
        Progress::quiet()
    } else {
        let banner = banner(&prepared, &heading, options, &warnings);
        Progress::new(banner, console::colors_enabled_stderr())
    };
    watch.running(progress.voice());
    let report = prepared.run(stop, &mut progress);
    progress.finish();
    watch.over();
    match report {
        Ok(report) => conclude(&report, export, options.debug == Some(true)),
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}

/// What may spoil the numbers is no progress, and is told in any case.
fn warn(warnings: &[String]) {
    for warning in warnings {
        // A terminal that is gone is no reason to stop a test.
        let _ = writeln!(std::io::stderr().lock(), "warning: {warning}");
    }
}

fn banner(prepared: &Prepared, heading: &Heading, options: &Options, warnings: &[String]) -> String {
    let mut text = format!("\n{}", heading.text(prepared, &prepared.job.seed.to_string()));
    if let Some(said) = &options.summary_export {
        text.push_str(&format!("  summary  {}\n", said.value.display()));
    }
    let mut lines = vec![text];
    lines.extend(prepared.scenarios.iter().map(|scenario| format!("  * {}", scenario.banner_line())));
    lines.push(String::new());
    let loud = |warning: &String| console::style(warning).for_stderr().red().bold().to_string();
    lines.extend(prepared.warnings.iter().map(|warning| format!("  {}\n", loud(warning))));
    lines.extend(warnings.iter().map(|warning| format!("  warning: {warning}\n")));
    lines.join("\n")
}

/// Says what came of it. What cannot be said is an error of a run that was none otherwise.
fn conclude(report: &Report, export: Option<Export>, is_debug: bool) -> u8 {
    let is_terminal = std::io::stdout().is_terminal();
    let colour = is_terminal && console::colors_enabled();
    let width = if is_terminal { usize::from(console::Term::stdout().size().1) } else { usize::MAX };
    let mut text = format!("{}\n", report.summary_within(colour, width));
    if is_debug {
        text.push_str(&failed_iterations(report));
    }
    let mut codes = vec![report.exit_code(), print(&text)];
    if let Some(Err(error)) = export.map(|export| export.write(report)) {
        eprintln!("error: {error}");
        codes.push(exit_code::INTERNAL);
    }
    codes.into_iter().find(|code| *code != exit_code::OK).unwrap_or(exit_code::OK)
}

/// The last line of a debug run, whose exit code tells nothing of its iterations.
fn failed_iterations(report: &Report) -> String {
    let Stats::Rate { trues, total, .. } = report.stats(ITERATION_FAILED, &[]) else { return String::new() };
    format!("  {trues} of {total} {} failed\n", if total == 1 { "iteration" } else { "iterations" })
}
