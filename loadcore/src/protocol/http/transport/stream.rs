//! The socket, with what the metrics need to know of it: bytes counted below TLS, instants taken above it.

use super::socket::Socket;
use crate::run::Traffic;
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

/// A socket whose bytes are booked to its VU.
#[derive(Debug)]
pub(crate) struct Counted {
    socket: Socket,
    traffic: Rc<Traffic>,
}

impl Counted {
    pub(crate) fn new(socket: Socket, traffic: Rc<Traffic>) -> Self {
        Self { socket, traffic }
    }

    fn sent<E>(&self, result: &Poll<Result<usize, E>>) {
        if let Poll::Ready(Ok(bytes)) = result {
            self.traffic.sent.set(self.traffic.sent.get() + *bytes as u64);
        }
    }
}

impl AsyncRead for Counted {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buf);
        let bytes = (buf.filled().len() - before) as u64;
        self.traffic.received.set(self.traffic.received.get() + bytes);
        result
    }
}

impl AsyncWrite for Counted {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.sent(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.sent(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// Instants of the running exchange.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The last write of the request that the socket took.
    pub(crate) last_write: Cell<Option<Instant>>,
    /// The first read after it.
    pub(crate) first_read: Cell<Option<Instant>>,
    /// How many reads are left for this poll of the connection, where they are counted.
    pub(crate) reads_left: Cell<Option<u8>>,
}

impl Marks {
    pub(crate) fn begin(&self) {
        self.last_write.set(None);
        self.first_read.set(None);
    }
}

/// A stream with or without TLS that marks the instants of its use.
#[derive(Debug)]
pub(crate) struct Marked {
    stream: Stream,
    marks: Rc<Marks>,
}

/// With or without TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Counted),
    Tls(Box<TlsStream<Counted>>),
}

/// Calls a method of whichever stream it is.
macro_rules! on_stream {
    ($self:ident, $stream:ident => $call:expr) => {
        match &mut $self.stream {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl Marked {
    pub(crate) fn new(stream: Stream, marks: Rc<Marks>) -> Self {
        Self { stream, marks }
    }

    fn wrote<E>(&self, result: &Poll<Result<usize, E>>) {
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.marks.last_write.set(Some(Instant::now()));
        }
    }
}

impl AsyncRead for Marked {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(left) = self.marks.reads_left.get() {
            let Some(left) = left.checked_sub(1) else {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            };
            self.marks.reads_left.set(Some(left));
        }
        let before = buf.filled().len();
        let result = on_stream!(self, stream => stream.poll_read(cx, buf));
        if buf.filled().len() > before && self.marks.first_read.get().is_none() {
            self.marks.first_read.set(Some(Instant::now()));
        }
        result
    }
}

impl AsyncWrite for Marked {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = on_stream!(self, stream => stream.poll_write(cx, buf));
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = on_stream!(self, stream => stream.poll_write_vectored(cx, bufs));
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }
}
