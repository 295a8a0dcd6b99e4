//! HTTP/2's yardstick: hyper's client and nothing around it. Below it no client on hyper can be.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinSet;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct H2Outcome {
    /// Responses with status 2xx, received whole.
    pub ok: u64,
    /// The other responses.
    pub not_ok: u64,
}

/// Sends `GET /` over and over on each of `connections` HTTP/2 connections without TLS, one request at a time on each, for
/// `duration`, from this thread, which it blocks.
///
/// # Errors
/// The first error of any connection.
///
/// # Panics
/// Inside of a Tokio runtime, since it starts one of its own.
pub fn run_h2(addr: SocketAddr, connections: usize, duration: Duration) -> io::Result<H2Outcome> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(drive(addr, connections, duration))
}

#[derive(Default)]
struct Shared {
    ok: Cell<u64>,
    not_ok: Cell<u64>,
    /// Set when the time is over; cheaper than a clock read per request.
    over: Cell<bool>,
}

async fn drive(addr: SocketAddr, connections: usize, duration: Duration) -> io::Result<H2Outcome> {
    let shared = Rc::new(Shared::default());
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        // One after the other, so that the server's queue never overflows.
        let sender = connect(addr).await?;
        tasks.spawn_local(converse(sender, addr, Rc::clone(&shared)));
    }
    let over = Rc::clone(&shared);
    tokio::task::spawn_local(async move {
        tokio::time::sleep(duration).await;
        over.over.set(true);
    });
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(H2Outcome { ok: shared.ok.get(), not_ok: shared.not_ok.get() })
}

async fn connect(addr: SocketAddr) -> io::Result<SendRequest<Nothing>> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) =
        http2::handshake(Here, TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Why it has ended is told to whoever sends.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

async fn converse(mut sender: SendRequest<Nothing>, addr: SocketAddr, shared: Rc<Shared>) -> io::Result<()> {
    let uri: Uri = format!("http://{addr}/").parse().map_err(io::Error::other)?;
    while !shared.over.get() {
        let mut request = Request::new(Nothing);
        *request.uri_mut() = uri.clone();
        sender.ready().await.map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let count = if response.status().is_success() { &shared.ok } else { &shared.not_ok };
        let mut body = pin!(response.into_body());
        while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            frame.map_err(io::Error::other)?;
        }
        count.set(count.get() + 1);
    }
    Ok(())
}

/// No body.
struct Nothing;

impl Body for Nothing {
    type Data = &'static [u8];
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<&'static [u8]>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}

/// hyper's own tasks run on this thread, too.
#[derive(Clone)]
struct Here;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
