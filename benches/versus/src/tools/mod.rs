//! The clients: how each is found, started, and asked what it counted.

mod cargo;
mod goose;
mod h2load;
mod hyper_h2;
mod k6;
mod loadcore;
mod oha;
mod wrk;

use crate::args::Common;
use crate::machine::first_line;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;
use std::fmt::Debug;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The clients that are known, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Name {
    /// loadcore, built with the default release profile
    Loadcore,
    /// loadcore, built with `lto = "fat"` and `codegen-units = 1`
    LoadcoreLto,
    /// loadcore with cookies, URL templates and JSON bodies
    LoadcoreOrders,
    /// loadcore on two cores
    LoadcoreTwoCores,
    /// hyper's HTTP/2 client and nothing around it
    HyperH2,
    Wrk,
    Oha,
    /// h2load over HTTP/1.1
    H2load,
    /// h2load over HTTP/2
    H2loadH2,
    Goose,
    K6,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Loadcore => "loadcore",
            Self::LoadcoreLto => "loadcore, fat LTO",
            Self::LoadcoreOrders => "loadcore, cookies + templates + JSON",
            Self::LoadcoreTwoCores => "loadcore, 2 cores",
            Self::HyperH2 => "bare hyper",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::H2load => "h2load --h1",
            Self::H2loadH2 => "h2load",
            Self::Goose => "goose",
            Self::K6 => "k6",
        })
    }
}

/// What the server is asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    /// HTTP/1.1 over TLS.
    Https,
    /// HTTP/2 without TLS, known to be spoken.
    Http2,
}

/// What a client has to do.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) url: String,
    pub(crate) speaks: Speaks,
    /// Connections, and VUs or users where there are such.
    pub(crate) connections: u64,
    pub(crate) seconds: u64,
    /// Whether each connection makes one request a second, or as many as it can.
    pub(crate) paced: bool,
    /// For what a client writes into a file.
    pub(crate) scratch: PathBuf,
}

/// What a client says of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
}

/// One client's command line and its output.
pub(crate) trait Client: Debug {
    /// The program and its arguments; nothing else of the command is used.
    fn command(&self, job: &Job) -> Command;

    /// Its own counts, from what it wrote.
    fn counted(&self, stdout: &str, job: &Job) -> Result<Counted>;
}

/// A client that can run.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: Name,
    pub(crate) version: String,
    /// How many it works on.
    pub(crate) cores: usize,
    pub(crate) client: Box<dyn Client>,
}

/// A client, or why there is none.
pub(crate) type Found = Result<Tool, (Name, String)>;

/// Finds or builds the clients that were asked for.
pub(crate) fn find(names: &[Name], common: &Common) -> Result<Vec<Found>> {
    let asked = |name: &&Name| common.only.is_empty() || common.only.contains(name);
    let found: Vec<Found> =
        names.iter().filter(asked).map(|&name| find_one(name, common)).collect::<Result<_>>()?;
    ensure!(!found.is_empty(), "this table has none of {:?}", common.only);
    Ok(found)
}

fn find_one(name: Name, common: &Common) -> Result<Found> {
    let programs = &common.programs;
    match name {
        Name::Loadcore | Name::LoadcoreLto | Name::LoadcoreOrders | Name::LoadcoreTwoCores => {
            loadcore::find(name).map(Ok)
        }
        Name::HyperH2 => hyper_h2::find().map(Ok),
        Name::Goose => Ok(goose::find().map_err(|error| (name, format!("not installed ({error:#})")))),
        Name::Wrk => installed(name, &programs.wrk, "-v", |program| Box::new(wrk::Wrk { program })),
        Name::Oha => installed(name, &programs.oha, "--version", |program| Box::new(oha::Oha { program })),
        Name::H2load | Name::H2loadH2 => {
            let http1 = name == Name::H2load;
            let client = |program| Box::new(h2load::H2load { program, http1 }) as Box<dyn Client>;
            installed(name, &programs.h2load, "--version", client)
        }
        Name::K6 => installed(name, &programs.k6, "version", |program| Box::new(k6::K6 { program })),
    }
}

/// A program that is asked for its version; none is not an error.
fn installed(
    name: Name,
    program: &Path,
    version: &str,
    client: impl FnOnce(PathBuf) -> Box<dyn Client>,
) -> Result<Found> {
    match first_line(Command::new(program).arg(version)) {
        Ok(line) => {
            // What follows is how it was built.
            let version = line.split([' ', '\t']).take(2).collect::<Vec<_>>().join(" ");
            Ok(Ok(Tool { name, version, cores: 1, client: client(program.to_owned()) }))
        }
        Err(error) if is_not_found(&error) => {
            Ok(Err((name, format!("not installed (no {})", program.display()))))
        }
        Err(error) => Err(error.context(format!("{name}'s version"))),
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

pub(crate) use loadcore::many_vus;

/// Where the scripts for k6 and wrk are.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

/// The line `requests_ok=N requests_failed=N` that our own scripts write.
fn counts_line(stdout: &str) -> Result<Counted> {
    let line = stdout.lines().find_map(|line| line.trim().strip_prefix("requests_ok="));
    let (ok, failed) = line.and_then(|line| line.split_once(" requests_failed=")).context("no counts")?;
    Ok(Counted { ok: ok.parse().context(ok.to_owned())?, failed: failed.parse().context(failed.to_owned())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_not_installed() {
        let client = |program| Box::new(wrk::Wrk { program }) as Box<dyn Client>;
        let (name, why) = installed(Name::Wrk, Path::new("no-such-wrk"), "-v", client).unwrap().unwrap_err();
        assert_eq!((name, why.as_str()), (Name::Wrk, "not installed (no no-such-wrk)"));
    }

    #[test]
    fn the_scripts_counts_are_read() {
        let counted = counts_line("starting\nrequests_ok=12 requests_failed=3\n").unwrap();
        assert_eq!(counted, Counted { ok: 12, failed: 3 });
        assert!(counts_line("requests_ok=12").is_err());
    }
}
