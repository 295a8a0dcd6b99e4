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

mod scripts;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub use self::scripts::{
    answers, closes_after_each_response, closes_unannounced, dribbles, garbage, hang_up_mid_body,
    hang_up_mid_head, hangs_up_at_once, never_answers, resets, stale_keep_alive,
};
use crate::wire::{self, Request};

/// Requests kept at most, for [`Misbehaving::received`].
const MAX_KEPT: usize = 10_000;

/// One thing that the server does on a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Reads and counts one whole request. Ends the script when the client has closed the connection, or when what
    /// came is not a request.
    ReadRequest,
    /// Sends these bytes, whatever they are.
    Send(Bytes),
    /// Does nothing for that long; reads nothing either.
    Wait(Duration),
    /// Does nothing until the client closes the connection. What the client sends is read and thrown away.
    Hang,
    /// Closes the connection. So does the end of a script.
    Close,
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
        let scripts: Vec<Arc<Script>> = scripts.into_iter().map(Arc::new).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let seen = Arc::<Seen>::default();
        let task = tokio::spawn(serve(listener, scripts, Arc::clone(&seen))).abort_handle();
        Ok(Misbehaving { addr, seen, task })
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
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

async fn serve(listener: TcpListener, scripts: Vec<Arc<Script>>, seen: Arc<Seen>) {
    // Connections end with this set, and the set with the server.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let nth = seen.connections.fetch_add(1, Ordering::SeqCst);
        let script = scripts.get(nth).or(scripts.last()).cloned().unwrap_or_default();
        let seen = Arc::clone(&seen);
        connections.spawn(async move {
            // An error is the client going away, which some clients do when mistreated.
            let _ = play(stream, &script, &seen).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn play(mut stream: TcpStream, script: &Script, seen: &Seen) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut buffer, mut at) = (Vec::new(), 0);
    while let Some(step) = script.get(at) {
        at += 1;
        match step {
            Step::ReadRequest => {
                let Some(request) = wire::read_request(&mut stream, &mut buffer).await? else { break };
                let mut kept = seen.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if kept.len() < MAX_KEPT {
                    kept.push(request);
                }
                seen.requests.fetch_add(1, Ordering::SeqCst);
            }
            Step::Send(bytes) => stream.write_all(bytes).await?,
            Step::Wait(time) => tokio::time::sleep(*time).await,
            Step::Hang => {
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
            }
            Step::Close => break,
            Step::Reset => {
                stream.set_zero_linger()?;
                break;
            }
            // Gives way, so that a script without any waiting step cannot keep the thread for itself.
            Step::Again => {
                at = 0;
                tokio::task::yield_now().await;
            }
        }
    }
    Ok(())
}
