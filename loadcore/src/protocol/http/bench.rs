//! What benches and tests need of the inside: the recording of requests without sending any, and one HTTP/1.1 connection over
//! any stream.

use super::ErrorKind;
use super::metrics::{self, RequestTags};
use super::response::Timings;
use super::transport::exchange::{Broken, Limits};
use super::transport::http1::{BodyLength, Buffers, Connection};
use super::transport::stream::Wire;
use crate::metric::{EMPTY, Recorder, Registry, SeriesMemory};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Version};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Records requests as [`send`](super::RequestBuilder::send) does, into a recorder of its own.
pub struct Recording {
    recorder: Recorder,
    row: crate::metric::RowSpec<{ metrics::TREND_COUNT }>,
    names: Vec<Rc<str>>,
}

impl Recording {
    /// A recorder for requests of this many names.
    pub fn new(names: u32) -> Self {
        // The metrics of HTTP have valid names, each once.
        let registry = Arc::new(Registry::new(metrics::all()).unwrap_or_default());
        let row = metrics::row_spec(&registry);
        let memory = Arc::new(SeriesMemory::new(SeriesMemory::DEFAULT_CAP));
        let names = (0..names).map(|name| format!("/name/{name}").into()).collect();
        Self { recorder: Recorder::new(registry, memory), row, names }
    }

    /// Records one request on a reused connection, with these phases.
    #[inline]
    pub fn record(&mut self, name: u32, sending: Duration, waiting: Duration, receiving: Duration) {
        let timings =
            Timings { blocked: Duration::from_nanos(700), sending, waiting, receiving, ..Timings::default() };
        let tags = RequestTags {
            base: EMPTY,
            name,
            method: 0,
            status: Some(StatusCode::OK),
            version: Some(Version::HTTP_11),
            tls: None,
            error: None,
            expected: true,
        };
        let names = &self.names;
        tags.record(&mut self.recorder, &self.row, timings.samples(), || Rc::clone(&names[name as usize]));
    }

    /// Hands over the interval, as a core does each second; the number of series that had samples.
    pub fn drain(&mut self) -> usize {
        self.recorder.drain().values.len()
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("names", &self.names.len()).finish_non_exhaustive()
    }
}

/// An HTTP/1.1 connection as VUs use it, over a stream of the caller's.
pub struct Http1<S> {
    connection: Connection<Bare<S>>,
}

/// A response as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// Its status.
    pub status: StatusCode,
    /// Its version.
    pub version: Version,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The connection may serve another request.
    pub keeps_alive: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    /// Begins.
    pub fn new(stream: S) -> Self {
        let buffers = Rc::new(Buffers::default());
        Self { connection: Connection::open(None, Bare(stream), &buffers, None, None) }
    }

    /// Whether the server has sent nothing since the last response, and not closed the connection: what a VU asks before it
    /// sends another request over it.
    pub async fn is_usable(&mut self) -> bool {
        self.connection.is_usable().await
    }

    /// Sends a request without a body, and receives the response within `timeout`, as `send` does.
    ///
    /// # Errors
    /// Why there is no complete response: its kind, and a text.
    pub async fn exchange(
        &mut self,
        method: &Method,
        path: &str,
        timeout: Duration,
    ) -> Result<Exchanged, (ErrorKind, String)> {
        self.receive(method, path, timeout, Reading::Kept).await
    }

    /// The same with a body that is thrown away: that of what it gives is empty.
    ///
    /// # Errors
    /// As of [`exchange`](Self::exchange).
    pub async fn discard(
        &mut self,
        method: &Method,
        path: &str,
        timeout: Duration,
    ) -> Result<Exchanged, (ErrorKind, String)> {
        self.receive(method, path, timeout, Reading::Discarded).await
    }

    /// The same with a body that comes in pieces, as `send_streaming` does. They are put together again.
    ///
    /// # Errors
    /// As of [`exchange`](Self::exchange).
    pub async fn stream(
        &mut self,
        method: &Method,
        path: &str,
        timeout: Duration,
    ) -> Result<Exchanged, (ErrorKind, String)> {
        self.receive(method, path, timeout, Reading::Pieces).await
    }

    async fn receive(
        &mut self,
        method: &Method,
        path: &str,
        timeout: Duration,
        reading: Reading,
    ) -> Result<Exchanged, (ErrorKind, String)> {
        let failed = |broken: Broken| {
            (
                broken.failure.kind,
                broken.failure.detail.unwrap_or_else(|| broken.failure.kind.text().to_owned()),
            )
        };
        let limits = Limits { deadline: Instant::now() + timeout, first_byte: None };
        let mut head = self.connection.buffer();
        for part in [method.as_str(), " ", path, " HTTP/1.1\r\nhost: test\r\n\r\n"] {
            head.push(part.as_bytes());
        }
        self.connection.begin(head, None, BodyLength::Known, method, &limits);
        let mut head = self.connection.head(&limits).await.map_err(failed)?;
        let body = if reading == Reading::Pieces {
            let mut body = BytesMut::new();
            while let Some(piece) = poll_fn(|cx| self.connection.poll_piece(&head, cx)).await {
                body.extend_from_slice(&piece.map_err(|failure| failed(Broken::underway(failure)))?);
            }
            body.freeze()
        } else {
            let most = (reading == Reading::Kept).then_some(usize::MAX);
            let body = self.connection.body(&mut head, most).await.map_err(failed)?;
            body.bytes(head.headers.buffer()).clone()
        };
        Ok(Exchanged {
            status: head.status,
            version: head.version,
            headers: head.headers.map().clone(),
            body,
            keeps_alive: self.connection.rest(Instant::now()),
        })
    }
}

/// What becomes of a body.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    Kept,
    Discarded,
    Pieces,
}

impl<S> fmt::Debug for Http1<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1").finish_non_exhaustive()
    }
}

/// A stream that tells nothing but what it reads.
struct Bare<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Wire for Bare<S> {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn has_unread(&self) -> bool {
        false
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bare<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bare<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
