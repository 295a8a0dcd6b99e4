//! Receiving a body.

use super::Connection;
use super::body::{Pieces, Whole};
use super::buffer::Lent;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::body::Received;
use crate::protocol::http::error::Failure;
use crate::protocol::http::head::Head;
use crate::protocol::http::transport::exchange::Broken;
use crate::protocol::http::transport::stream::Wire;
use bytes::Bytes;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::task::coop::poll_proceed;

/// What receiving may cost until others have their turn, in small pieces of a body.
const TURN: u64 = 1024;

impl<W: Wire> Connection<W> {
    /// Receives the body that follows the head, and keeps `most` bytes of it at most, or nothing.
    #[inline]
    pub(crate) async fn body(&mut self, head: &mut Head, most: Option<usize>) -> Result<Received, Broken> {
        let Some(buffer) = head.headers.buffer_mut() else { return Ok(Received::default()) };
        let mut whole = Whole::new(self.head, most);
        // The usual body has come with its head.
        if !whole.look(&mut self.left, buffer).map_err(Broken::underway)? {
            std::future::poll_fn(|cx| self.poll_whole(&mut whole, buffer, cx)).await?;
        }
        self.keeps_alive &= !whole.leaves_over(buffer);
        let body = whole.finish(buffer);
        buffer.settle();
        Ok(body)
    }

    fn poll_whole(
        &mut self,
        whole: &mut Whole,
        buffer: &mut Lent,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        self.send(cx).map_err(Broken::underway)?;
        let most = whole.effort() + TURN;
        while whole.effort() < most {
            match whole.poll_read(&mut self.left, buffer, &mut self.wire, cx) {
                Poll::Ready(read) => read.map_err(Broken::underway)?,
                Poll::Pending if self.is_late(cx) => {
                    return Poll::Ready(Err(Broken::underway(ErrorKind::Timeout)));
                }
                Poll::Pending => return Poll::Pending,
            }
            self.mark_read();
            if whole.look(&mut self.left, buffer).map_err(Broken::underway)? {
                return Poll::Ready(Ok(()));
            }
        }
        if self.is_late(cx) {
            return Poll::Ready(Err(Broken::underway(ErrorKind::Timeout)));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether nothing more of the body comes.
    pub(crate) fn is_at_end(&self) -> bool {
        self.left.is_over()
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) fn poll_piece(
        &mut self,
        head: &Head,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        // What becomes of the rest of the request does not matter to a body that is there.
        if !self.left.is_over()
            && let Err(failure) = self.send(cx)
        {
            return Poll::Ready(Some(Err(failure)));
        }
        let mut pieces = self.pieces.take().unwrap_or_else(|| {
            let begins = head.headers.buffer().map_or(&[][..], |buffer| &buffer[self.head..]);
            Box::new(Pieces::new(begins))
        });
        let piece = self.poll_next(&mut pieces, cx);
        self.pieces = Some(pieces);
        piece.map(Result::transpose)
    }

    fn poll_next(
        &mut self,
        pieces: &mut Pieces,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Failure>> {
        loop {
            // Told whether there is budget left or not: the end is there with the last piece.
            if self.left.is_over() {
                self.keeps_alive &= !pieces.leaves_over();
                return Poll::Ready(Ok(None));
            }
            // A piece counts as a read does: a read may bring thousands, during which nobody else would have a turn.
            let turn = match poll_proceed(cx) {
                Poll::Ready(turn) => turn,
                Poll::Pending if self.is_late(cx) => return Poll::Ready(Err(ErrorKind::Timeout.into())),
                Poll::Pending => return Poll::Pending,
            };
            if let Some(piece) = pieces.next(&mut self.left)? {
                turn.made_progress();
                // What keeps coming must not outlive its time either.
                let late = Instant::now() >= self.deadline.deadline().into_std();
                return Poll::Ready(if late { Err(ErrorKind::Timeout.into()) } else { Ok(Some(piece)) });
            }
            if self.left.is_over() {
                continue;
            }
            // It would give back what the read costs.
            drop(turn);
            match pieces.poll_read(&mut self.left, &mut self.wire, cx) {
                Poll::Ready(read) => read?,
                Poll::Pending if self.is_late(cx) => return Poll::Ready(Err(ErrorKind::Timeout.into())),
                Poll::Pending => return Poll::Pending,
            }
            self.mark_read();
        }
    }
}
