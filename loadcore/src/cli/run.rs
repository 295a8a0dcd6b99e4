//! `run`: a test with banner, progress, signals, summary and exit code.

use super::options::{Options, Said};
use super::refuse;
use crate::load_test::{LoadTest, Prepared};
use crate::report::{Progress, Report, exit_code};
use crate::run::engine::{Stop, Unobserved};
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

pub(super) fn run(test: LoadTest, options: &Options) -> u8 {
    let base_url = test.base_url.clone();
    let prepared = match test.prepare() {
        Ok(prepared) => prepared,
        Err(error) => return refuse(&error),
    };
    let export = match options.summary_export.as_ref().map(Export::open).transpose() {
        Ok(export) => export,
        Err(error) => return refuse(&error),
    };
    let stop = Stop::new();
    if let Err(error) = watch_signals(stop.clone()) {
        return refuse(&format_args!("cannot watch for signals: {error}"));
    }
    let report = if options.quiet == Some(true) {
        prepared.run(stop, &mut Unobserved)
    } else {
        let colour = console::colors_enabled_stderr();
        let mut progress = Progress::new(banner(&prepared, base_url.as_deref(), options), colour);
        let report = prepared.run(stop, &mut progress);
        progress.finish();
        report
    };
    match report {
        Ok(report) => conclude(&report, export),
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}

/// The first signal ends all iterations at once, and the summary follows; the second ends the process.
fn watch_signals(stop: Stop) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("loadcore-signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut signals = match Signals::new() {
                Ok(signals) => signals,
                Err(error) => return drop(ready.send(Err(error))),
            };
            // The receiver waits for this one message.
            let _ = ready.send(Ok(()));
            signals.next().await;
            stop.request();
            signals.next().await;
            std::process::exit(i32::from(exit_code::SIGNAL));
        });
    })?;
    is_ready.recv().unwrap_or(Ok(()))
}

/// SIGINT and, where it exists, SIGTERM.
struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

fn banner(prepared: &Prepared, base_url: Option<&str>, options: &Options) -> String {
    let job = &prepared.job;
    let mut lines = vec![
        String::new(),
        format!("  target   {}", base_url.unwrap_or("(no base URL)")),
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

/// Whether the summary's file could be written, for a plan: nothing is created.
pub(super) fn check_export(options: &Options) -> Result<(), ExportError> {
    let Some(said) = &options.summary_export else { return Ok(()) };
    let error = |source| ExportError { place: said.place.clone(), path: said.value.clone(), source };
    match File::options().write(true).open(&said.value) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            let folder = said.value.parent().filter(|folder| !folder.as_os_str().is_empty());
            folder.map_or(Ok(()), |folder| folder.metadata().map(drop).map_err(error))
        }
        opened => opened.map(drop).map_err(error),
    }
}

/// The file of `--summary-export`, opened before the start so that a bad path costs no load.
struct Export {
    said: Said<PathBuf>,
    file: File,
}

#[derive(Debug, thiserror::Error)]
#[error("{place} {path}: {source}; give a path that can be written", path = path.display())]
pub(super) struct ExportError {
    place: String,
    path: PathBuf,
    source: std::io::Error,
}

impl Export {
    fn open(said: &Said<PathBuf>) -> Result<Self, ExportError> {
        // An earlier summary stays until this one is there.
        let file = File::options().write(true).create(true).truncate(false).open(&said.value);
        let said = said.clone();
        match file {
            Ok(file) => Ok(Self { said, file }),
            Err(source) => Err(ExportError { place: said.place, path: said.value, source }),
        }
    }

    fn write(mut self, report: &Report) -> Result<(), ExportError> {
        let text = format!("{:#}\n", report.to_json());
        // An earlier summary is replaced; a pipe or a device has nothing to be replaced.
        let is_file = self.file.metadata().is_ok_and(|metadata| metadata.is_file());
        let cleared = if is_file { self.file.set_len(0) } else { Ok(()) };
        let written = cleared.and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(|source| {
            let Said { place, value: path } = self.said;
            ExportError { place, path, source }
        })
    }
}

fn conclude(report: &Report, export: Option<Export>) -> u8 {
    let colour = std::io::stdout().is_terminal() && console::colors_enabled();
    // A closed pipe must not turn a good run into a bad exit code.
    let _ = writeln!(std::io::stdout().lock(), "{}", report.summary(colour));
    if let Some(Err(error)) = export.map(|export| export.write(report)) {
        eprintln!("error: {error}");
        return if report.exit_code() == exit_code::OK { exit_code::INTERNAL } else { report.exit_code() };
    }
    report.exit_code()
}
