//! A request's body on its way out.

use super::http2::StreamMarks;
use crate::protocol::http::body::More;
use crate::protocol::http::request::RequestBuilder;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// So much of a body is offered to the socket at a time.
const PIECE: usize = 64 << 10;
/// A frame of HTTP/2, so that one has left when the next is taken.
const FRAME: usize = 16 << 10;

/// A body that leaves piece by piece.
pub(crate) struct Upload {
    body: Bytes,
    /// What comes after it.
    more: Option<Box<Rest>>,
    /// Of a stream that wants to know when it has left.
    marks: Option<Rc<StreamMarks>>,
}

/// A body's further pieces.
struct Rest {
    more: More,
    /// Parts, or bytes of the stream, that have left.
    taken: u64,
}

impl Upload {
    pub(crate) fn new(request: &RequestBuilder) -> Self {
        let more = request.more_body().map(|more| Box::new(Rest { more: more.clone(), taken: 0 }));
        Self { body: request.body.clone(), more, marks: None }
    }

    /// Of these pieces alone.
    #[cfg(test)]
    pub(super) fn of(more: More) -> Self {
        Self { body: Bytes::new(), more: Some(Box::new(Rest { more, taken: 0 })), marks: None }
    }

    /// Tells a stream what is taken of it.
    pub(crate) fn watch(&mut self, marks: Rc<StreamMarks>) {
        self.marks = Some(marks);
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(marks) = &self.marks {
            marks.taken();
        }
    }
}

impl Rest {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, h2::Error>>> {
        match &self.more {
            More::Parts(parts) => {
                let part = parts.get(self.taken as usize).cloned();
                self.taken += 1;
                Poll::Ready(part.map(Ok))
            }
            More::Stream(stream) => {
                let piece = ready!(stream.poll(self.taken, cx));
                if let Some(Ok(piece)) = &piece {
                    self.taken += piece.len() as u64;
                }
                // What went wrong is noted with the stream. The server is told that nothing more comes.
                Poll::Ready(piece.map(|piece| piece.map_err(|()| h2::Reason::CANCEL.into())))
            }
        }
    }

    /// How many bytes are left, if that is known.
    fn left(&self) -> Option<u64> {
        match &self.more {
            More::Parts(parts) => {
                Some(parts.iter().skip(self.taken as usize).map(|part| part.len() as u64).sum())
            }
            More::Stream(stream) => Some(stream.length()?.saturating_sub(self.taken)),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let piece = match &self.marks {
            Some(marks) => {
                marks.uploads();
                FRAME
            }
            None => PIECE,
        };
        while self.body.is_empty() {
            let Some(rest) = &mut self.more else { return Poll::Ready(None) };
            match ready!(rest.poll(cx)).transpose()? {
                Some(body) => self.body = body,
                None => self.more = None,
            }
        }
        let piece = self.body.len().min(piece);
        Poll::Ready(Some(Ok(Frame::data(self.body.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        let is_over = self.body.is_empty() && self.more.is_none();
        if let Some(marks) = &self.marks {
            marks.known(is_over);
        }
        is_over
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.len() as u64;
        match self.more.as_ref().map_or(Some(0), |rest| rest.left()) {
            Some(more) => SizeHint::with_exact(body + more),
            None => SizeHint::default(),
        }
    }
}
