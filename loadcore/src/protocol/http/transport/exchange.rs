//! What an exchange is made of, whatever the protocol version: its end, its instants, its body as it comes in.

use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::head::Head;
use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::Body as _;
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// A response whose head is there.
pub(crate) struct Opened {
    pub(crate) head: Head,
    /// What hyper is to be asked for the body, over HTTP/2.
    pub(super) incoming: Option<Incoming>,
}

impl From<Head> for Opened {
    fn from(head: Head) -> Self {
        Self { head, incoming: None }
    }
}

impl From<Response<Incoming>> for Opened {
    fn from(response: Response<Incoming>) -> Self {
        let (head, incoming) = response.into_parts();
        Self { head: head.into(), incoming: Some(incoming) }
    }
}

/// An exchange that failed, and what may still be done about it.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) failure: Failure,
    /// Nothing of a response was seen.
    pub(crate) unanswered: bool,
    /// The server has certainly done nothing about the request: sending it again cannot do harm.
    pub(crate) unprocessed: bool,
}

impl Broken {
    /// It went wrong when an answer had begun, or might have.
    pub(crate) fn underway(failure: impl Into<Failure>) -> Self {
        Self { failure: failure.into(), unanswered: false, unprocessed: false }
    }
}

/// When a request's time is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) deadline: Instant,
    /// How long the head of the response may take after the last byte of the request.
    pub(crate) first_byte: Option<Duration>,
}

impl Limits {
    /// When it is time to look for the first time.
    #[inline]
    pub(super) fn first_look(&self) -> Instant {
        match self.first_byte {
            None => self.deadline,
            Some(most) => self.deadline.min(Instant::now() + most.min(MOST)),
        }
    }

    /// It is time, and there is no head: when to look again, or why not.
    #[cold]
    pub(super) fn without_head(&self, last_write: Option<Instant>) -> Result<Instant, ErrorKind> {
        let (now, Some(most)) = (Instant::now(), self.first_byte) else { return Err(ErrorKind::Timeout) };
        if now >= self.deadline {
            return Err(ErrorKind::Timeout);
        }
        // What is not written yet cannot be answered.
        let due = last_write.unwrap_or(now) + most.min(MOST);
        if due <= now { Err(ErrorKind::FirstByteTimeout) } else { Ok(self.deadline.min(due)) }
    }
}

/// What no deadline needs to exceed.
pub(crate) const MOST: Duration = Duration::from_secs(365 * 24 * 3600);

/// When the parts of an exchange happened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Instants {
    pub(crate) last_write: Option<Instant>,
    pub(crate) first_read: Option<Instant>,
    /// The last read so far, where that is known: once the response is complete, the one that brought its end.
    pub(crate) last_read: Option<Instant>,
}

/// Receives a body from hyper to its end, and keeps `most` bytes of it at most, or nothing.
pub(super) async fn receive(
    incoming: &mut Incoming,
    most: Option<usize>,
    deadline: &mut Pin<Box<Sleep>>,
) -> Result<Bytes, Failure> {
    let mut body = Collected::default();
    let mut frames = 0_u32;
    std::future::poll_fn(|cx| {
        loop {
            let Some(piece) = ready!(poll_piece(incoming, deadline, cx)) else {
                return Poll::Ready(Ok::<(), Failure>(()));
            };
            let piece = piece?;
            if let Some(most) = most {
                body.push(piece, most)?;
            }
            frames = frames.wrapping_add(1);
            if frames.is_multiple_of(64) {
                in_time(deadline)?;
            }
        }
    })
    .await?;
    Ok(body.finish())
}

/// The next piece of a body; `None` at its end. While pieces keep coming nobody looks at the timer: see [`in_time`].
#[inline]
pub(super) fn poll_piece(
    incoming: &mut Incoming,
    deadline: &mut Pin<Box<Sleep>>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, Failure>>> {
    if incoming.is_end_stream() {
        return Poll::Ready(None);
    }
    loop {
        match Pin::new(&mut *incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                // Anything else are trailers.
                if let Ok(data) = frame.into_data() {
                    return Poll::Ready(Some(Ok(data)));
                }
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Failure::of_hyper(&error)))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => {
                ready!(deadline.as_mut().poll(cx));
                return Poll::Ready(Some(Err(ErrorKind::Timeout.into())));
            }
        }
    }
}

/// Whether the request's time is not over.
pub(super) fn in_time(deadline: &Pin<Box<Sleep>>) -> Result<(), Failure> {
    if Instant::now() < deadline.deadline().into_std() { Ok(()) } else { Err(ErrorKind::Timeout.into()) }
}

/// A body has more bytes than may be kept of it.
#[cold]
pub(super) fn too_large(most: usize) -> Failure {
    let problem = format_args!("it has more than {most} bytes; Http::max_response_body allows more");
    Failure::new(ErrorKind::BodyTooLarge, problem)
}

/// A body as it comes in: one piece is passed on as it is, several are joined.
#[derive(Default)]
pub(crate) struct Collected {
    first: Bytes,
    joined: Option<BytesMut>,
}

impl Collected {
    pub(crate) fn push(&mut self, data: Bytes, most: usize) -> Result<(), Failure> {
        let len = self.joined.as_ref().map_or(self.first.len(), BytesMut::len);
        if len + data.len() > most {
            return Err(too_large(most));
        }
        match &mut self.joined {
            Some(joined) => joined.extend_from_slice(&data),
            None if self.first.is_empty() => self.first = data,
            None => {
                let mut joined = BytesMut::with_capacity(2 * (self.first.len() + data.len()));
                joined.extend_from_slice(&self.first);
                joined.extend_from_slice(&data);
                self.joined = Some(joined);
            }
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Bytes {
        self.joined.map_or(self.first, BytesMut::freeze)
    }
}
