//! A server's side of a connection: it answers once it was asked, in pieces, and closes or waits for the next request.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;

use super::Case;

/// What a second request on the same connection is answered with.
pub(crate) const SECOND: &[u8] = b"HTTP/1.1 299 Second\r\ncontent-length: 6\r\n\r\nsecond";

#[derive(Debug)]
pub(crate) struct Script {
    pieces: VecDeque<Vec<u8>>,
    stalls: bool,
    closes: bool,
    takes: usize,
    /// The piece that comes next is there.
    is_due: bool,
    /// The next write finds no room.
    is_full: bool,
    requests: Requests,
    /// Who waits for the request to be complete.
    reader: Option<Waker>,
}

/// What the server has read.
#[derive(Debug, Default)]
struct Requests {
    text: Vec<u8>,
    complete: usize,
}

impl Script {
    pub(crate) fn of(case: &Case) -> Self {
        let mut start = 0;
        let ends = case.cuts.iter().copied().chain([case.bytes.len()]);
        let pieces = ends.map(|end| case.bytes[std::mem::replace(&mut start, end)..end].to_vec());
        // An empty read would be the end of the connection.
        let pieces = pieces.filter(|piece| !piece.is_empty()).collect();
        let &Case { stalls, closes, takes, .. } = case;
        let requests = Requests::default();
        Self { pieces, stalls, closes, takes, is_due: false, is_full: false, requests, reader: None }
    }

    fn take(&mut self, bytes: &[u8]) {
        let requests = &mut self.requests;
        requests.text.extend_from_slice(bytes);
        if !requests.text.ends_with(b"\r\n\r\n") {
            return;
        }
        requests.text.clear();
        requests.complete += 1;
        if requests.complete == 2 {
            self.pieces.push_back(SECOND.to_vec());
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // As a socket does.
        let turn = ready!(poll_proceed(cx));
        let was_asked = this.requests.complete > 0;
        if !was_asked || (this.pieces.is_empty() && !this.closes) {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if this.stalls && !std::mem::replace(&mut this.is_due, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        turn.made_progress();
        if let Some(piece) = this.pieces.front_mut() {
            let len = piece.len().min(room.remaining());
            room.put_slice(&piece[..len]);
            piece.drain(..len);
            if piece.is_empty() {
                this.pieces.pop_front();
                this.is_due = false;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let len = bytes.len().min(this.takes);
        if len < bytes.len() && !std::mem::replace(&mut this.is_full, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.is_full = false;
        this.take(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
