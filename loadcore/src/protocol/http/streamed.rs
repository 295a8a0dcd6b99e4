//! A response whose body is read while it comes in.

use super::body::Inflater;
use super::error::{Failure, SendError};
use super::hop::Attempt;
use super::request::RequestBuilder;
use super::response::{Response, Timings};
use super::send::send_streaming;
use super::transport::exchange::Broken;
use super::{Statuses, UnexpectedStatus};
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, StatusCode};
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// So much is inflated before others on this core get their turn.
const TURN: usize = 256 << 10;

impl RequestBuilder {
    /// Sends the request and waits for the head of the response; its body is read piece by piece, whatever its size, in the
    /// memory of a few pieces. For downloads, for events that a server sends as they happen, for the time until the first of
    /// them.
    ///
    /// The request is counted when the body has ended. `receiving` is then the time until its last byte, including what your
    /// code did between the pieces; [`timeout`](Self::timeout) bounds all of it. A response that is dropped before its end
    /// counts as cancelled, and its connection is closed (over HTTP/2 its stream is reset). The end is there with the last piece
    /// of a body whose length the server has said, otherwise with the `None` after it.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let mut events = vu.get("/v1/events").timeout(mins(10)).send_streaming().await?.expect(200)?;
    /// while let Some(piece) = events.chunk().await? {
    ///     println!("{} bytes", piece.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is no head of a response.
    pub fn send_streaming(self) -> impl Future<Output = Result<StreamedResponse, SendError>> {
        send_streaming(self)
    }
}

/// A response whose body is still to come: see [`RequestBuilder::send_streaming`]. As a [`Stream`] it gives the same pieces
/// as [`chunk`](Self::chunk).
pub struct StreamedResponse(Box<Underway>);

struct Underway {
    attempt: Attempt<Rc<RequestBuilder>>,
    /// Without a body.
    response: Response,
    inflater: Option<Inflater>,
    /// The last byte has come.
    received: bool,
    /// The last piece was given out, or an error.
    over: bool,
    since_turn: usize,
}

impl StreamedResponse {
    /// Of an attempt that has got as far as the head of the response.
    pub(super) fn new(mut attempt: Attempt<Rc<RequestBuilder>>) -> Result<Self, SendError> {
        attempt.mark(true);
        let Some(head) = attempt.opened() else { unreachable!("there is an answer") };
        let inflater = match Inflater::of(head.headers.map()) {
            Ok(inflater) => inflater,
            Err(failure) => {
                let undone = attempt.undone(Broken::underway(failure));
                return Err(attempt.failed(undone));
            }
        };
        let request = &attempt.request;
        let response = Response {
            method: request.method.clone(),
            status: head.status,
            version: head.version,
            headers: head.headers.map().clone().into(),
            body: None,
            timings: attempt.timings,
            remote: attempt.remote(),
            tls: attempt.tls(),
            target: Rc::clone(&attempt.target),
            redirects: request.hops,
        };
        let (received, over, since_turn) = (false, false, 0);
        let mut underway = Underway { attempt, response, inflater, received, over, since_turn };
        // What has no body is complete: nobody is woken for it.
        underway.look_for_end(&mut Context::from_waker(Waker::noop()));
        Ok(Self(Box::new(underway)))
    }

    /// The next piece of the body, in whatever sizes they come; `None` at its end. A body that is compressed is inflated.
    ///
    /// # Errors
    /// If the body does not come to its end. The request is counted as failed then, and there are no further pieces.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        std::future::poll_fn(|cx| self.0.poll_chunk(cx)).await.transpose()
    }

    /// This response, if its status is one of these; see [`Response::expect`]. Otherwise nobody waits for its body: the
    /// request counts as answered with that status, and its connection is closed.
    ///
    /// # Errors
    /// If the status is another one.
    pub fn expect(mut self, statuses: impl Into<Statuses>) -> Result<Self, UnexpectedStatus> {
        match self.0.response.unexpected(&statuses.into()) {
            None => Ok(self),
            Some(unexpected) => {
                self.0.leave();
                Err(unexpected)
            }
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.response.status()
    }

    /// The protocol, as the `proto` tag says it: `HTTP/1.1`, `HTTP/2.0`.
    pub fn protocol(&self) -> &'static str {
        self.0.response.protocol()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.response.headers()
    }

    /// One header's first value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.response.header(name)
    }

    /// The URL that answered: after redirects the last one. Without credentials.
    pub fn url(&self) -> String {
        self.0.response.url()
    }

    /// How many redirects led here. Each was a request of its own.
    pub fn redirects(&self) -> u32 {
        self.0.response.redirects()
    }

    /// The address that answers; `None` over a Unix socket.
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.0.response.remote_addr()
    }

    /// How long each phase took. Until the body has ended, `receiving` is not known, and about zero.
    pub fn timings(&self) -> &Timings {
        self.0.response.timings()
    }
}

impl Stream for StreamedResponse {
    type Item = Result<Bytes, SendError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_chunk(cx)
    }
}

impl Underway {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, SendError>>> {
        while !self.over {
            if self.since_turn >= TURN {
                self.since_turn = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.inflated() {
                // It has done much, and has nothing yet.
                Ok(Some(piece)) if piece.is_empty() => self.since_turn = TURN,
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if self.received => self.finish(),
                Ok(None) => {
                    let piece = ready!(self.poll_wire(cx));
                    self.look_for_end(cx);
                    if let Some(piece) = piece {
                        return Poll::Ready(Some(piece));
                    }
                }
                Err(failure) => return Poll::Ready(Some(Err(self.spoilt(failure)))),
            }
        }
        Poll::Ready(None)
    }

    /// A body of known length is complete with its last piece, whether or not somebody asks for another one.
    fn look_for_end(&mut self, cx: &mut Context<'_>) {
        let is_there = self.attempt.is_at_end();
        if self.over || self.received || !is_there || self.poll_wire(cx).is_pending() {
            return;
        }
        if self.inflater.is_none() {
            self.finish();
        }
    }

    /// What is there already.
    fn inflated(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(inflater) = &mut self.inflater else { return Ok(None) };
        let piece = inflater.piece()?;
        self.since_turn += piece.as_ref().map_or(0, Bytes::len);
        Ok(piece)
    }

    /// Takes a piece from the wire; `None` if it is none yet to give out.
    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, SendError>>> {
        let piece = ready!(self.attempt.poll_piece(cx));
        Poll::Ready(match (piece, &mut self.inflater) {
            (Some(Ok(piece)), Some(inflater)) => {
                inflater.feed(piece);
                None
            }
            (Some(Ok(piece)), None) => (!piece.is_empty()).then_some(Ok(piece)),
            (Some(Err(undone)), _) => {
                self.over = true;
                Some(Err(self.attempt.failed(undone)))
            }
            (None, inflater) => {
                self.received = true;
                if let Some(inflater) = inflater {
                    inflater.end();
                }
                None
            }
        })
    }

    fn finish(&mut self) {
        self.over = true;
        self.response.timings = self.attempt.timings;
        let head = self.attempt.take_head();
        // The text is for a person who looks at a journey.
        self.attempt.finish(&head, b"(streamed)");
    }

    /// Its head was all that somebody wanted.
    fn leave(&mut self) {
        if !self.over {
            self.over = true;
            self.attempt.mark(true);
            self.attempt.finish_unread();
        }
    }

    fn spoilt(&mut self, failure: Failure) -> SendError {
        self.over = true;
        let undone = match self.received {
            true => self.attempt.received_in_vain(failure),
            false => {
                self.attempt.mark(false);
                self.attempt.undone(Broken::underway(failure))
            }
        };
        self.attempt.failed(undone)
    }
}

impl fmt::Debug for StreamedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedResponse")
            .field("status", &self.status())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
