//! A stream that marks the instants of its use.

use crate::protocol::http::transport::stream::Stream;
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Instants of the running exchange.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The last write of the request that the socket took.
    pub(super) last_write: Cell<Option<Instant>>,
    /// The first read after it.
    pub(super) first_read: Cell<Option<Instant>>,
    /// How many reads are left for this poll of the connection, where they are counted.
    pub(super) reads_left: Cell<Option<u8>>,
}

/// A stream with or without TLS that marks the instants of its use.
#[derive(Debug)]
pub(super) struct Marked {
    stream: Stream,
    marks: Rc<Marks>,
}

impl Marked {
    pub(super) fn new(stream: Stream, marks: Rc<Marks>) -> Self {
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
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before && self.marks.first_read.get().is_none() {
            self.marks.first_read.set(Some(Instant::now()));
        }
        result
    }
}

impl AsyncWrite for Marked {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
