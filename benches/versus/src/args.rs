//! The command line.

use crate::tools::Name;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// loadcore beside other load generators: client CPU of each request, in alternating runs against one nginx.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
    #[command(flatten)]
    pub(crate) throughput: Throughput,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Peak memory of N VUs, each with one keep-alive connection that is idle most of the time.
    Memory(Memory),
    /// The GET loop over HTTPS, beside wrk.
    Https(Throughput),
    /// The GET loop over HTTP/2, beside bare hyper and h2load.
    Http2(Throughput),
    /// Cookies, URL templates and JSON bodies, beside the plain GET loop.
    Features(Throughput),
    /// Two cores beside one.
    Cores(Throughput),
    /// Memory of loadcore's VUs that wait: with a connection, with TLS, without.
    Idle(Idle),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Throughput {
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) connections: u64,
    /// Seconds of each run.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// How often each client runs; medians are shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rounds: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Memory {
    /// How many VUs; two or more counts, for the memory of one is the slope between them.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000, 10_000])]
    pub(crate) vus: Vec<u64>,
    /// Seconds of each run, from when all VUs have started (loadcore and the tools without VUs: from the start).
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) seconds: u64,
    /// How often each client runs with each count; medians are shown.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rounds: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Idle {
    /// How many VUs.
    #[arg(long, value_delimiter = ',', default_values_t = [5000, 15_000])]
    pub(crate) vus: Vec<u64>,
    /// Seconds that all of them wait together.
    #[arg(long, visible_alias = "seconds", default_value_t = 10)]
    pub(crate) hold: u64,
    /// How often each case runs with each count; medians are shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rounds: u64,
    /// Write every run and the machine to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Only its version is told.
    #[arg(long, env = "NGINX", value_name = "PROGRAM", default_value = "nginx", hide = true)]
    pub(crate) nginx: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// Only these clients, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    pub(crate) only: Vec<Name>,
    /// Write every run, the medians and the versions to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// The server's core.
    #[arg(long, default_value_t = 0)]
    pub(crate) server_core: usize,
    /// The client's core.
    #[arg(long, default_value_t = 1)]
    pub(crate) client_core: usize,
    #[command(flatten)]
    pub(crate) programs: Programs,
}

/// The programs that are not built here.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The server.
    #[arg(long, env = "NGINX", value_name = "PROGRAM", default_value = "nginx")]
    pub(crate) nginx: PathBuf,
    #[arg(long, env = "WRK", value_name = "PROGRAM", default_value = "wrk")]
    pub(crate) wrk: PathBuf,
    #[arg(long, env = "OHA", value_name = "PROGRAM", default_value = "oha")]
    pub(crate) oha: PathBuf,
    #[arg(long, env = "H2LOAD", value_name = "PROGRAM", default_value = "h2load")]
    pub(crate) h2load: PathBuf,
    #[arg(long, env = "K6", value_name = "PROGRAM", default_value = "k6")]
    pub(crate) k6: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let args = Args::parse_from(["versus", "memory", "--vus", "10,20", "--only", "wrk,loadcore-lto"]);
        let Some(Mode::Memory(memory)) = args.mode else { panic!("not the memory mode") };
        assert_eq!(memory.vus, [10, 20]);
        assert_eq!(memory.common.only, [Name::Wrk, Name::LoadcoreLto]);
    }
}
