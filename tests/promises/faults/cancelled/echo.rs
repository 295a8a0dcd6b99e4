//! A server that answers each request with its tag, after a delay, and notes who did not wait for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::server::SendResponse;
use testbed::wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A running server; it and its connections end when this is dropped. It serves `/TAG/MICROSECONDS`.
#[derive(Debug)]
pub(super) struct Echo {
    addr: SocketAddr,
    seen: Arc<Seen>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicU64,
    open: AtomicU64,
    most_open: AtomicU64,
    requests: AtomicU64,
    answered: AtomicU64,
    /// Requests whose client closed the connection or reset the stream before the answer.
    left: AtomicU64,
}

impl Echo {
    pub(super) async fn http1() -> Self {
        Self::start(false).await
    }

    /// HTTP/2 without TLS.
    pub(super) async fn http2() -> Self {
        Self::start(true).await
    }

    async fn start(is_http2: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let task = tokio::spawn(serve(listener, is_http2, Arc::clone(&seen))).abort_handle();
        Self { addr, seen, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(super) fn connections(&self) -> u64 {
        self.seen.connections.load(SeqCst)
    }

    /// The most connections that were open at a time.
    pub(super) fn most_open(&self) -> u64 {
        self.seen.most_open.load(SeqCst)
    }

    /// How many requests nobody waited for.
    pub(super) fn left(&self) -> u64 {
        self.seen.left.load(SeqCst)
    }

    /// Waits until no connection is open, and checks that each request was either answered or left.
    pub(super) async fn has_been_left(&self) {
        let begun = Instant::now();
        while self.seen.open.load(SeqCst) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(5), "{self:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let [requests, answered] = [&self.seen.requests, &self.seen.answered].map(|count| count.load(SeqCst));
        assert_eq!(requests, answered + self.left(), "{self:?}");
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, is_http2: bool, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let seen = Arc::clone(&seen);
        seen.connections.fetch_add(1, SeqCst);
        seen.most_open.fetch_max(seen.open.fetch_add(1, SeqCst) + 1, SeqCst);
        connections.spawn(async move {
            // Whoever leaves in the middle of something is noted where it happens.
            if is_http2 {
                multiplex(stream, &seen).await.unwrap_or_default();
            } else {
                converse(stream, &seen).await.unwrap_or_default();
            }
            seen.open.fetch_sub(1, SeqCst);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// The tag and the delay of `/TAG/MICROSECONDS`.
fn read(target: &str) -> (String, Duration) {
    let (tag, micros) = target.trim_start_matches('/').split_once('/').unwrap();
    (tag.to_owned(), Duration::from_micros(micros.parse().unwrap()))
}

async fn converse(mut stream: TcpStream, seen: &Seen) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = wire::read_request(&mut stream, &mut buffer).await? {
        seen.requests.fetch_add(1, SeqCst);
        let (tag, delay) = read(&request.target);
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // The client sends nothing before it has its answer.
            read = stream.read_buf(&mut buffer) => {
                seen.left.fetch_add(1, SeqCst);
                assert_eq!(read.unwrap_or_default(), 0, "two requests at a time");
                return Ok(());
            }
        }
        seen.answered.fetch_add(1, SeqCst);
        stream.write_all(&wire::response(200, "text/plain", tag.as_bytes())).await?;
    }
    Ok(())
}

async fn multiplex(stream: TcpStream, seen: &Arc<Seen>) -> Result<(), h2::Error> {
    // Resets in any number are what the test is about.
    let mut builder = h2::server::Builder::new();
    builder.max_pending_accept_reset_streams(100_000).max_concurrent_reset_streams(100_000);
    let mut connection = builder.handshake::<_, Bytes>(stream).await?;
    // Dropped with the connection, so that no request is left unnoted.
    let mut requests = JoinSet::new();
    while let Some(accepted) = connection.accept().await {
        let Ok((request, respond)) = accepted else { break };
        seen.requests.fetch_add(1, SeqCst);
        let (tag, delay) = read(request.uri().path());
        requests.spawn(answer(respond, tag, delay, Arc::clone(seen)));
        while requests.try_join_next().is_some() {}
    }
    while requests.join_next().await.is_some() {}
    Ok(())
}

async fn answer(mut respond: SendResponse<Bytes>, tag: String, delay: Duration, seen: Arc<Seen>) {
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        reset = std::future::poll_fn(|cx| respond.poll_reset(cx)) => {
            // A run that is over closes the whole connection instead.
            assert!(reset.is_err() || reset.is_ok_and(|code| code == h2::Reason::CANCEL));
            seen.left.fetch_add(1, SeqCst);
            return;
        }
    }
    seen.answered.fetch_add(1, SeqCst);
    // It fails if the client has reset the stream just now.
    if let Ok(mut body) = respond.send_response(http::Response::new(()), false) {
        let _ = body.send_data(tag.into(), true);
    }
}
