//! A socket of either kind.

#[cfg(feature = "test-util")]
use super::memory::Memory;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// What a connection stands on.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "test-util")]
    Memory(Memory),
}

/// Calls a method of whichever socket it is.
macro_rules! on_socket {
    ($self:expr, $socket:ident => $call:expr) => {
        match $self {
            Self::Tcp($socket) => $call,
            #[cfg(unix)]
            Self::Unix($socket) => $call,
            #[cfg(feature = "test-util")]
            Self::Memory($socket) => $call,
        }
    };
}

impl Socket {
    /// Ready if the system has reported something to read, or the end. It is not asked for it.
    #[inline]
    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error is found by whoever reads.
        on_socket!(self, socket => socket.poll_read_ready(cx)).map(drop)
    }
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_socket!(self.get_mut(), socket => Pin::new(socket).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        on_socket!(self.get_mut(), socket => Pin::new(socket).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_socket!(self.get_mut(), socket => Pin::new(socket).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        on_socket!(self, socket => socket.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self.get_mut(), socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self.get_mut(), socket => Pin::new(socket).poll_shutdown(cx))
    }
}
