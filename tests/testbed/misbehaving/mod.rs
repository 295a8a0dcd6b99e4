//! A server that plays scripts: what a client must survive, step by step and repeatable.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use testbed::misbehaving::{Misbehaving, answers, hang_up_mid_body};
//!
//! // The first connection is cut in mid-body, all others are served well.
//! let server = Misbehaving::start([hang_up_mid_body(), answers()]).await?;
//! println!("{}", server.url());
//! assert_eq!(server.connections(), 0);
//! # Ok(())
//! # }
//! ```

mod play;
mod scripts;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use self::scripts::{
    answers, closes_after_each_response, closes_unannounced, dribbles, garbage, hang_up_mid_body,
    hang_up_mid_head, hangs_up_at_once, never_answers, resets, stale_keep_alive,
};
use crate::authority::Identity;
use crate::tls;
use crate::wire::Request;

/// One thing that the server does on a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Reads and counts one whole request. Ends the script when the client has closed the connection, or when what
    /// came is not a request.
    ReadRequest,
    /// Sends these bytes, whatever they are.
    Send(Bytes),
    /// Sends these bytes again and again until the client closes the connection.
    Flood(Bytes),
    /// Sends these bytes below TLS, where there is TLS: what the client reads is none.
    SendBelow(Bytes),
    /// Does nothing for that long; reads nothing either.
    Wait(Duration),
    /// Does nothing until the client closes the connection. What the client sends is read and thrown away.
    Hang,
    /// Closes the connection, with TLS's goodbye where there is TLS. So does the end of a script.
    Close,
    /// Closes the connection without a word of TLS, as if somebody between had cut it.
    Cut,
    /// Closes the connection with a reset (RST) instead of an orderly end.
    Reset,
    /// Starts the script again on the same connection.
    Again,
}

/// What the server does on one connection, in this order.
pub type Script = Vec<Step>;

/// A running server; it and its connections end when this is dropped.
#[derive(Debug)]
pub struct Misbehaving {
    addr: SocketAddr,
    with_tls: bool,
    seen: Arc<Seen>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    kept: Mutex<Vec<Request>>,
}

impl Misbehaving {
    /// Listens on a free loopback port, on the caller's Tokio runtime. The nth connection plays the nth script, and
    /// all further ones the last; without any script every connection is closed at once.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> io::Result<Misbehaving> {
        Self::start_with(None, scripts).await
    }

    /// The same with TLS below, which behaves, under this certificate. It offers `http/1.1` by ALPN.
    ///
    /// # Errors
    /// When the port cannot be opened, or certificate and key do not belong together.
    pub async fn start_tls(
        identity: &Identity,
        scripts: impl IntoIterator<Item = Script>,
    ) -> io::Result<Misbehaving> {
        let config = tls::config(identity).map_err(io::Error::other)?;
        Self::start_with(Some(TlsAcceptor::from(Arc::new(config))), scripts).await
    }

    async fn start_with(
        tls: Option<TlsAcceptor>,
        scripts: impl IntoIterator<Item = Script>,
    ) -> io::Result<Misbehaving> {
        let scripts: Vec<Arc<Script>> = scripts.into_iter().map(Arc::new).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let (seen, with_tls) = (Arc::<Seen>::default(), tls.is_some());
        let task = tokio::spawn(serve(listener, tls, scripts, Arc::clone(&seen))).abort_handle();
        Ok(Misbehaving { addr, with_tls, seen, task })
    }

    /// The base URL, without a trailing slash; with TLS under the name `localhost`.
    pub fn url(&self) -> String {
        if self.with_tls {
            format!("https://localhost:{}", self.addr.port())
        } else {
            format!("http://{}", self.addr)
        }
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many connections have been accepted.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many whole requests [`Step::ReadRequest`] has read.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// The first 10,000 of these requests.
    pub fn received(&self) -> Vec<Request> {
        self.seen.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl Drop for Misbehaving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, scripts: Vec<Arc<Script>>, seen: Arc<Seen>) {
    // Connections end with this set, and the set with the server.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let nth = seen.connections.fetch_add(1, Ordering::SeqCst);
        let script = scripts.get(nth).or(scripts.last()).cloned().unwrap_or_default();
        let (tls, seen) = (tls.clone(), Arc::clone(&seen));
        connections.spawn(async move {
            // An error is the client going away, which some clients do when mistreated.
            let _ = play::play(stream, tls, &script, &seen).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
