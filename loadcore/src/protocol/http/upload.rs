//! A request's body on its way to hyper.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// hyper copies each piece into its write buffer, and keeps that buffer as long as the connection: a large body in one
/// piece would stay there as a whole.
const PIECE: usize = 64 << 10;

/// A body that is there as a whole, and leaves piece by piece.
#[derive(Debug)]
pub(super) struct Upload(Bytes);

impl Upload {
    /// Whether a body may still be on its way when the answer is there.
    pub(super) fn is_large(body: &Bytes) -> bool {
        body.len() > PIECE
    }

    pub(super) fn new(body: Bytes) -> Self {
        Self(body)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.0.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.0.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
