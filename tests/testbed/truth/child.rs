//! The server as a child process.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use super::record::Stats;
use crate::wire;

/// A running `truth-server`; killed when dropped.
#[derive(Debug)]
pub struct TruthServer {
    child: Option<Child>,
    addr: SocketAddr,
    control: SocketAddr,
}

/// The headers of one request to `/trace`, each as it came and `-` when it was missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The `traceparent` header; several would be joined by commas.
    pub traceparent: String,
    /// The `x-vu-iteration` header.
    pub iteration: String,
}

impl TruthServer {
    /// Starts the program at `path`; in an integration test that is `env!("CARGO_BIN_EXE_truth-server")`.
    ///
    /// # Errors
    /// When the program does not start or does not say where it listens.
    pub fn spawn(path: impl AsRef<OsStr>) -> io::Result<TruthServer> {
        TruthServer::spawn_command(Command::new(path))
    }

    /// Starts a command that ends in the program, such as `taskset -c 1 /path/to/truth-server --seed 7`.
    ///
    /// # Errors
    /// As [`TruthServer::spawn`].
    pub fn spawn_command(mut command: Command) -> io::Result<TruthServer> {
        // The server ends when this pipe closes, so that a test which is killed leaves none behind.
        command.arg("--until-stdin-closes").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut server = TruthServer { child: Some(child), addr: nowhere(), control: nowhere() };
        server.addr = announced(&mut lines, "listening ")?;
        server.control = announced(&mut lines, "control ")?;
        Ok(server)
    }

    /// A server that already runs somewhere, given its two addresses. It is left alone when this is dropped.
    pub fn at(addr: SocketAddr, control: SocketAddr) -> TruthServer {
        TruthServer { child: None, addr, control }
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The server's process, for instance to ask for its CPU time. None for a server that was not started here.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What has happened since the start or the last reset.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn stats(&self) -> io::Result<Stats> {
        Ok(serde_json::from_slice(&self.ask("GET", "/stats").await?)?)
    }

    /// The same with every delay, in [`Delays::all`](super::Delays::all).
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn stats_with_delays(&self) -> io::Result<Stats> {
        Ok(serde_json::from_slice(&self.ask("GET", "/stats?delays=1").await?)?)
    }

    /// The headers of every request to `/trace`, in the order of their arrival.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn traces(&self) -> io::Result<Vec<Trace>> {
        let text = self.ask("GET", "/traces").await?;
        let lines = str::from_utf8(&text).map_err(io::Error::other)?.lines();
        // A traceparent may not, but could, contain spaces; an iteration's number does not.
        let split = lines.filter_map(|line| line.rsplit_once(' '));
        Ok(split
            .map(|(traceparent, iteration)| Trace {
                traceparent: traceparent.to_owned(),
                iteration: iteration.to_owned(),
            })
            .collect())
    }

    /// Forgets everything, also where it was in the mix of delays.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn reset(&self) -> io::Result<()> {
        self.ask("POST", "/reset").await.map(drop)
    }

    async fn ask(&self, method: &str, target: &str) -> io::Result<Vec<u8>> {
        let (status, body) = wire::fetch(self.control, method, target).await?;
        if status == 200 { Ok(body) } else { Err(io::Error::other(format!("{method} {target}: {status}"))) }
    }
}

impl Drop for TruthServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn nowhere() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}

fn announced(lines: &mut impl Iterator<Item = io::Result<String>>, label: &str) -> io::Result<SocketAddr> {
    for line in lines {
        if let Some(addr) = line?.strip_prefix(label) {
            return addr.parse().map_err(io::Error::other);
        }
    }
    Err(io::Error::other(format!("truth-server ended without a line that starts with {label:?}")))
}
