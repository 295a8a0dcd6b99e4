//! Where a request's body comes from: one piece of memory, several, or a stream.

use crate::error::Error;
use crate::protocol::http::RequestBuilder;
use crate::run::catch;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt as _;
use http::HeaderValue;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Error>>>>;

/// A body that is not one piece of memory.
#[derive(Clone)]
pub(in crate::protocol::http) enum More {
    Parts(Rc<[Bytes]>),
    Stream(Rc<Streamed>),
}

/// A body that is made while it is sent: once.
pub(in crate::protocol::http) struct Streamed {
    pieces: RefCell<Pieces>,
    length: Cell<Option<u64>>,
    /// It has been asked for something.
    begun: Cell<bool>,
    /// Why it cannot be sent to its end.
    problem: RefCell<Option<String>>,
}

impl Streamed {
    /// What this stream gives.
    #[cfg(test)]
    pub(in crate::protocol::http) fn of(
        stream: impl Stream<Item = Result<Bytes, Error>> + 'static,
    ) -> Rc<Self> {
        Rc::new(Self {
            pieces: RefCell::new(Box::pin(stream)),
            length: Cell::new(None),
            begun: Cell::new(false),
            problem: RefCell::default(),
        })
    }

    pub(in crate::protocol::http) fn length(&self) -> Option<u64> {
        self.length.get()
    }

    /// The next piece. An error is noted, and is the end.
    pub(in crate::protocol::http) fn poll(
        &self,
        sent: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ()>>> {
        self.begun.set(true);
        if let Some(length) = self.length.get().filter(|length| *length == sent) {
            let problem = self.problem_beyond(length, cx);
            return Poll::Ready(problem.and_then(|problem| self.broken(problem)));
        }
        let piece = match ready!(self.next(cx)) {
            Ok(piece) => piece,
            Err(problem) => return Poll::Ready(self.broken(problem)),
        };
        let Some(length) = self.length.get() else { return Poll::Ready(piece.map(Ok)) };
        let sent = sent + piece.as_ref().map_or(0, Bytes::len) as u64;
        let problem = match piece {
            None if sent < length => {
                Some(format!("it ended after {sent} of the {length} bytes of its body_length"))
            }
            Some(_) if sent > length => Some(too_long(length)),
            // Perhaps nobody asks again when all that was announced is sent.
            Some(_) if sent == length => self.problem_beyond(length, cx),
            _ => None,
        };
        Poll::Ready(match problem {
            Some(problem) => self.broken(problem),
            None => piece.map(Ok),
        })
    }

    /// What the stream gives, or why it gives nothing more.
    fn next(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, String>> {
        // It may run in a connection's task, where a panic would end more than this request.
        match catch(|| self.pieces.borrow_mut().as_mut().poll_next(cx)) {
            Ok(next) => next.map(|next| next.transpose().map_err(|error| error.chain())),
            Err(panic) => Poll::Ready(Err(format!("it panicked at {}: {}", panic.place, panic.message))),
        }
    }

    /// What is wrong with what the stream has beyond its length. It is not waited for: it may be open as long as the answer is
    /// awaited.
    fn problem_beyond(&self, length: u64, cx: &mut Context<'_>) -> Option<String> {
        loop {
            return match self.next(cx) {
                Poll::Ready(Ok(Some(piece))) if piece.is_empty() => continue,
                Poll::Ready(Ok(Some(_))) => Some(too_long(length)),
                Poll::Ready(Err(problem)) => Some(problem),
                Poll::Ready(Ok(None)) | Poll::Pending => None,
            };
        }
    }

    fn broken(&self, problem: String) -> Option<Result<Bytes, ()>> {
        *self.problem.borrow_mut() = Some(problem);
        Some(Err(()))
    }
}

fn too_long(length: u64) -> String {
    format!("it has more than the {length} bytes of its body_length")
}

impl RequestBuilder {
    /// Sends what this stream gives, as it gives it: the memory it needs is that of a few pieces. Unless its
    /// [length](Self::body_length) is said, it goes in chunks (`transfer-encoding: chunked`).
    ///
    /// It can be sent once. So the request is not sent again when a kept connection turns out to be closed, and a redirect
    /// that asks for the body again (307, 308) is handed out instead of followed. The request fails if the stream does
    /// (`request body failed`).
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # use futures_util::stream;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let lines = stream::iter(0..1_000_000).map(|i| Ok::<_, std::io::Error>(format!("line {i}\n")));
    /// # use futures_util::StreamExt;
    /// vu.put("/v1/logs").body_stream(lines).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn body_stream<B, E>(mut self, stream: impl Stream<Item = Result<B, E>> + 'static) -> Self
    where
        B: Into<Bytes>,
        E: Into<Error>,
    {
        // Fused: after its end it may be asked again.
        let pieces = stream.map(|piece| piece.map(Into::into).map_err(Into::into)).fuse();
        self.set_more(More::Stream(Rc::new(Streamed {
            pieces: RefCell::new(Box::pin(pieces)),
            length: Cell::new(None),
            begun: Cell::new(false),
            problem: RefCell::new(None),
        })));
        self
    }

    /// Says how many bytes the [stream](Self::body_stream) will give: `content-length`. The request fails if there are
    /// fewer, or if there are more already when the last of them is sent; what the stream gives later is not waited for.
    pub fn body_length(self, bytes: u64) -> Self {
        match self.streamed() {
            Some(stream) => stream.length.set(Some(bytes)),
            None => {
                return self
                    .fail("body_length() comes after body_stream(..); other bodies know their length");
            }
        }
        self
    }

    /// Replaces the body.
    pub(in crate::protocol::http) fn set_body(&mut self, body: Bytes) {
        self.body = body;
        if let Some(extras) = &mut self.extras {
            extras.drop_more();
        }
    }

    pub(super) fn set_more(&mut self, more: More) {
        self.set_body(Bytes::new());
        self.extras().more = Some(more);
    }

    /// Takes the body away, and what was said of it.
    pub(in crate::protocol::http) fn drop_body(&mut self) {
        self.set_body(Bytes::new());
        self.content_type = None;
        if let Some(extras) = &mut self.extras {
            extras.content_type = None;
        }
    }

    /// What of the body comes after `self.body`.
    #[inline]
    pub(in crate::protocol::http) fn more_body(&self) -> Option<&More> {
        self.extras.as_ref()?.more.as_ref()
    }

    fn streamed(&self) -> Option<&Streamed> {
        match self.more_body()? {
            More::Stream(stream) => Some(stream),
            More::Parts(_) => None,
        }
    }

    #[inline]
    pub(in crate::protocol::http) fn has_no_body(&self) -> bool {
        self.body.is_empty() && self.more_body().is_none() && self.built_stream().is_none()
    }

    /// Whether the body can be sent only once.
    pub(in crate::protocol::http) fn streams_body(&self) -> bool {
        self.streamed().is_some()
    }

    /// Whether the body is still there, so that the request can be sent again.
    pub(in crate::protocol::http) fn is_repeatable(&self) -> bool {
        self.built_stream() != Some(false) && self.streamed().is_none_or(|stream| !stream.begun.get())
    }

    /// Whether a stream that came with a request of reqwest's is still there; `None` if none came.
    #[cfg(feature = "reqwest")]
    pub(in crate::protocol::http) fn built_stream(&self) -> Option<bool> {
        Some(self.extras.as_ref()?.executed.as_ref()?.stream.as_ref()?.borrow().is_some())
    }

    /// None comes without the feature.
    #[cfg(not(feature = "reqwest"))]
    pub(in crate::protocol::http) fn built_stream(&self) -> Option<bool> {
        None
    }

    /// Why the body could not be sent, if it was its own fault.
    pub(in crate::protocol::http) fn body_problem(&self) -> Option<String> {
        self.streamed()?.problem.borrow().clone()
    }

    /// The body in one piece; without what is streamed.
    pub(in crate::protocol::http) fn whole_body(&self) -> Bytes {
        match self.more_body() {
            Some(More::Parts(parts)) => parts.concat().into(),
            Some(More::Stream(_)) | None => self.body.clone(),
        }
    }

    #[inline]
    pub(in crate::protocol::http) fn has_body_type(&self) -> bool {
        self.content_type.is_some()
            || self.extras.as_ref().is_some_and(|extras| extras.content_type.is_some())
    }

    /// The content type that goes with the body, if no header says another.
    #[inline]
    pub(in crate::protocol::http) fn body_type(&self) -> Option<HeaderValue> {
        match self.content_type {
            Some(content_type) => Some(HeaderValue::from_static(content_type)),
            None => self.extras.as_ref()?.content_type.clone(),
        }
    }
}
