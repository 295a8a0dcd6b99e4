//! What connections run over: a socket whose bytes are counted, with or without TLS above it.

use super::socket::Socket;
use crate::run::Traffic;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
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

/// With or without TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Counted),
    Tls(Box<TlsStream<Counted>>),
}

/// What an HTTP/1.1 connection runs over.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// Ready if there may be something to read, or an end to see. Costs no system call.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether something has come that nobody has asked for yet.
    fn has_unread(&self) -> bool;
}

impl Wire for Stream {
    #[inline]
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Plain(stream) => stream.socket.poll_readable(cx),
            Self::Tls(stream) => stream.get_ref().0.socket.poll_readable(cx),
        }
    }

    #[inline]
    fn has_unread(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            // rustls wants no more while it has something to give, or after the server's goodbye.
            Self::Tls(stream) => !stream.get_ref().1.wants_read(),
        }
    }
}

/// Calls a method of whichever stream it is.
macro_rules! on_stream {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self {
            Self::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Self::Tls(stream) => {
                let $stream = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self.get_mut(), stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self.get_mut(), stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), stream => stream.poll_shutdown(cx))
    }
}
