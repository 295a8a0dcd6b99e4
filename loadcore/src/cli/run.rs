//! `run`: a test with banner, progress, signals, summary and exit code.

use super::export::Export;
use super::options::Options;
use super::print::print;
use super::{NO_BASE_URL, refuse, signals};
use crate::load_test::{LoadTest, Prepared};
use crate::metric::{ITERATION_FAILED, Stats};
use crate::report::{Progress, Report, exit_code};
use crate::run::engine::Stop;
use std::io::IsTerminal;

pub(super) fn run(test: LoadTest, options: &Options) -> u8 {
    let stop = Stop::new();
    let watch = match signals::watch(stop.clone()) {
        Ok(watch) => watch,
        Err(error) => return refuse(&format_args!("cannot watch for signals: {error}")),
    };
    let base_url = test.base_url.clone();
    let prepared = match test.prepare() {
        Ok(prepared) => prepared,
        Err(error) => return refuse(&error),
    };
    let export = match options.summary_export.as_ref().map(Export::open).transpose() {
        Ok(export) => export,
        Err(error) => return refuse(&error),
    };
    let mut progress = if options.quiet == Some(true) {
        Progress::quiet()
    } else {
        Progress::new(banner(&prepared, base_url.as_deref(), options), console::colors_enabled_stderr())
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

fn banner(prepared: &Prepared, base_url: Option<&str>, options: &Options) -> String {
    let job = &prepared.job;
    let mut lines = vec![
        String::new(),
        format!("  target   {}", base_url.unwrap_or(NO_BASE_URL)),
        format!("  cores    {}", job.cores),
        format!("  seed     {}", job.seed),
    ];
    if let Some(said) = &options.summary_export {
        lines.push(format!("  summary  {}", said.value.display()));
    }
    lines.push(String::new());
    lines.extend(prepared.scenarios.iter().map(|scenario| format!("  * {}", scenario.banner_line())));
    lines.push(String::new());
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
