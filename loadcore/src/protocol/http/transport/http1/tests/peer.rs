//! The other side: what it takes, and when it says what.

use crate::protocol::http::transport::stream::Wire;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One thing that the server says.
#[derive(Debug, Clone)]
pub(super) enum Say {
    Bytes(Vec<u8>),
    /// It closes the connection.
    End,
    Error(io::ErrorKind),
}

/// A server, and the network before it.
pub(super) struct Server {
    /// So many bytes are taken by one write, and then none by the next.
    pub(super) takes: Cell<usize>,
    /// After so many bytes the server reads no more.
    pub(super) room: Cell<usize>,
    /// After so many bytes writing fails.
    pub(super) breaks: Cell<usize>,
    /// What is written is on its way only when it is flushed, as TLS may have it.
    pub(super) holds: Cell<bool>,
    /// What is read is sent back, and at most so many bytes of it are on their way.
    pub(super) echoes: Cell<Option<usize>>,
    pub(super) got: RefCell<Vec<u8>>,
    pub(super) writes: Cell<usize>,
    /// Each is said when so many bytes have come.
    says: RefCell<VecDeque<(usize, Say)>>,
    /// Written, and not flushed.
    held: RefCell<Vec<u8>>,
    was_full: Cell<bool>,
    /// Who wants to know what the server has got.
    pub(super) watcher: RefCell<Option<Waker>>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

impl Server {
    /// One that takes everything at once.
    pub(super) fn new(says: impl IntoIterator<Item = (usize, Say)>) -> Rc<Self> {
        Rc::new(Self {
            takes: Cell::new(usize::MAX),
            room: Cell::new(usize::MAX),
            breaks: Cell::new(usize::MAX),
            holds: Cell::new(false),
            echoes: Cell::new(None),
            got: RefCell::default(),
            writes: Cell::new(0),
            says: RefCell::new(says.into_iter().collect()),
            held: RefCell::default(),
            was_full: Cell::new(false),
            watcher: RefCell::default(),
            reader: RefCell::default(),
            writer: RefCell::default(),
        })
    }

    /// One that says this as soon as something has come.
    pub(super) fn saying(bytes: impl Into<Vec<u8>>) -> Rc<Self> {
        Self::new([(1, Say::Bytes(bytes.into()))])
    }

    /// The same, piece by piece, and then it closes.
    pub(super) fn saying_in_pieces(bytes: &[u8], cuts: &[usize]) -> Rc<Self> {
        let mut at = 0;
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let pieces = ends.map(|end| bytes[std::mem::replace(&mut at, end)..end].to_vec());
        let says = pieces.filter(|piece| !piece.is_empty()).map(Say::Bytes).chain([Say::End]);
        Self::new(says.map(|say| (1, say)))
    }

    fn receive(&self, bytes: &[u8]) {
        if self.echoes.get().is_some() {
            let mut says = self.says.borrow_mut();
            match says.back_mut() {
                Some((0, Say::Bytes(last))) => last.extend_from_slice(bytes),
                _ => says.push_back((0, Say::Bytes(bytes.to_vec()))),
            }
        } else {
            self.got.borrow_mut().extend_from_slice(bytes);
        }
        wake(&self.reader);
        wake(&self.watcher);
    }

    /// How much there is room for on the way.
    fn free(&self) -> usize {
        let Some(most) = self.echoes.get() else { return self.room.get() - self.got.borrow().len() };
        let says = self.says.borrow();
        most.saturating_sub(
            says.iter().map(|(_, say)| if let Say::Bytes(bytes) = say { bytes.len() } else { 0 }).sum(),
        )
    }
}

fn wake(waker: &RefCell<Option<Waker>>) {
    if let Some(waker) = waker.borrow_mut().take() {
        waker.wake();
    }
}

/// Our end of the connection.
pub(super) struct Peer(pub(super) Rc<Server>);

impl Wire for Peer {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn has_unread(&self) -> bool {
        false
    }
}

impl AsyncRead for Peer {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let server = &self.0;
        let got = server.got.borrow().len();
        let mut says = server.says.borrow_mut();
        let Some((_, say)) = says.front_mut().filter(|(after, _)| *after <= got) else {
            *server.reader.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        };
        match say {
            Say::End => Poll::Ready(Ok(())),
            Say::Error(kind) => Poll::Ready(Err((*kind).into())),
            Say::Bytes(bytes) => {
                let len = bytes.len().min(room.remaining());
                room.put_slice(&bytes[..len]);
                bytes.drain(..len);
                if bytes.is_empty() {
                    says.pop_front();
                }
                wake(&server.writer);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Peer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let server = &self.0;
        let got = server.got.borrow().len();
        if got >= server.breaks.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let len = bytes.len().min(server.takes.get()).min(server.free()).min(server.breaks.get() - got);
        if len == 0 {
            *server.writer.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if server.takes.get() < usize::MAX && !server.was_full.replace(!server.was_full.get()) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        server.writes.set(server.writes.get() + 1);
        if server.holds.get() {
            server.held.borrow_mut().extend_from_slice(&bytes[..len]);
        } else {
            server.receive(&bytes[..len]);
        }
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let held = self.0.held.take();
        if !held.is_empty() {
            self.0.receive(&held);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
