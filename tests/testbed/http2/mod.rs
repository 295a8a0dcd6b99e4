//! A server of HTTP/2, without TLS ("prior knowledge"), that plays scripts frame by frame: what a client must survive.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use testbed::http2::{Act, Http2Server};
//!
//! // The first request is reset with CANCEL, all others are answered.
//! let server = Http2Server::new([vec![Act::Reset(8)], Act::answer("hello")]).start().await?;
//! println!("{}", server.url());
//! # Ok(())
//! # }
//! ```

mod frames;
mod serve;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// One thing that the server does about a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Act {
    /// The head of a response with status 200.
    Head,
    /// A piece of its body, at most 16,384 bytes.
    Data(Bytes),
    /// The last piece.
    Last(Bytes),
    /// Nothing, for that long.
    Wait(Duration),
    /// `RST_STREAM` with this code.
    Reset(u32),
    /// `GOAWAY` with this code, which says that this request is the last one that was looked at.
    GoAwayAfter(u32),
    /// `GOAWAY` with this code, which says that this request was not looked at.
    GoAwayBefore(u32),
    /// Closes the connection.
    Close,
    /// Closes it with a reset (RST).
    Abort,
    /// These bytes, whatever they are.
    Raw(Bytes),
    /// These bytes again and again, until the connection ends.
    Endless(Bytes),
}

impl Act {
    /// A whole response.
    pub fn answer(body: impl Into<Bytes>) -> Vec<Act> {
        vec![Act::Head, Act::Last(body.into())]
    }

    /// No response at all; pings are answered.
    pub fn never() -> Vec<Act> {
        Vec::new()
    }
}

/// What a server is to do.
#[derive(Clone, Debug)]
#[must_use = "nothing listens before `.start()`"]
pub struct Http2Server {
    scripts: Vec<Vec<Act>>,
    max_streams: Option<u32>,
    answers_pings: bool,
    lets_upload: bool,
}

/// A running server; it and its connections end when this is dropped.
#[derive(Debug)]
pub struct RunningHttp2 {
    addr: SocketAddr,
    seen: Arc<Seen>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    open_connections: AtomicUsize,
    requests: AtomicUsize,
    refused: AtomicUsize,
    most_streams: AtomicUsize,
    body_bytes: AtomicUsize,
    goaways: AtomicUsize,
    resets: Mutex<Vec<u32>>,
    settings: Mutex<Vec<(u16, u32)>>,
}

impl Http2Server {
    /// The nth request plays the nth script, whatever its connection, and all further ones the last.
    pub fn new(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let scripts = scripts.into_iter().collect();
        Self { scripts, max_streams: None, answers_pings: true, lets_upload: true }
    }

    /// Says that so many requests may be under way on a connection, and refuses what is more.
    pub fn max_streams(mut self, most: u32) -> Self {
        self.max_streams = Some(most);
        self
    }

    /// Leaves pings unanswered, like a server that is gone.
    pub fn ignores_pings(mut self) -> Self {
        self.answers_pings = false;
        self
    }

    /// Never lets a client send more than the 65,535 bytes that every connection begins with.
    pub fn takes_no_uploads(mut self) -> Self {
        self.lets_upload = false;
        self
    }

    /// Listens on a free loopback port, on the caller's Tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start(self) -> io::Result<RunningHttp2> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let seen = Arc::<Seen>::default();
        let task = tokio::spawn(serve::serve(listener, Arc::new(self), Arc::clone(&seen))).abort_handle();
        Ok(RunningHttp2 { addr, seen, task })
    }
}

impl RunningHttp2 {
    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How many connections have been accepted.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many of them are open.
    pub fn open_connections(&self) -> usize {
        self.seen.open_connections.load(Ordering::SeqCst)
    }

    /// How many requests were looked at.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// How many were too many at a time, and refused.
    pub fn refused(&self) -> usize {
        self.seen.refused.load(Ordering::SeqCst)
    }

    /// The most requests that were under way at a time on one connection.
    pub fn most_streams(&self) -> usize {
        self.seen.most_streams.load(Ordering::SeqCst)
    }

    /// How many bytes of bodies have come.
    pub fn body_bytes(&self) -> usize {
        self.seen.body_bytes.load(Ordering::SeqCst)
    }

    /// How many connections the client has ended with `GOAWAY`.
    pub fn goaways(&self) -> usize {
        self.seen.goaways.load(Ordering::SeqCst)
    }

    /// The codes of the client's `RST_STREAM` frames, in their order.
    pub fn resets(&self) -> Vec<u32> {
        self.seen.resets.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// What the client has set, by the numbers of RFC 9113 section 6.5.2. The increments of a connection's window count as
    /// setting 0.
    pub fn settings(&self) -> Vec<(u16, u32)> {
        self.seen.settings.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl Drop for RunningHttp2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}
