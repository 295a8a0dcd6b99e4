//! One HTTP/1.1 connection, driven inside the task of the VU that uses it.
//!
//! ```text
//! mod.rs        the exchange as far as the head: write, read while writing, give up in time
//! outgoing.rs   a request on its way out
//! head.rs       the head of a response: status, fields, and what they say of the body (framing.rs, fields.rs)
//! receive.rs    the exchange's second half: the body, as a whole or in pieces
//! body.rs       what of it is there and what is to come, in chunks (chunked.rs) or not
//! refused.rs    what no server may send
//! buffer.rs     the memory of all that
//! ```
//!
//! An idle connection is little more than its socket: there is no task, no buffer, and one timer that is moved.

mod body;
mod buffer;
mod chunked;
mod fields;
mod framing;
mod head;
pub(crate) mod lookup;
mod outgoing;
mod receive;
mod refused;

pub(crate) use buffer::{Buffers, Lent};
pub(crate) use fields::Marks;
pub(crate) use outgoing::BodyLength;

use super::exchange::{Broken, Instants, Limits};
use super::pool::Place;
use super::stream::{Stream, Wire};
use super::tls::Suite;
use super::upload::Upload;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::head::{Head, Headers};
use crate::protocol::http::target::Origin;
use body::{Left, Pieces, refused};
use framing::Asked;
use head::HeadLimits;
use http::{Method, StatusCode};
use outgoing::Outgoing;
use refused::Refused;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::task::coop::has_budget_remaining;
use tokio::time::Sleep;

/// So many interim responses are looked at in one turn: hundreds may come in one read, and cost far more than it does.
const MOST_INTERIM: usize = 32;

/// A keep-alive connection of one VU.
pub(crate) struct Connection<W = Stream> {
    /// None in tests and benches.
    origin: Option<Rc<Origin>>,
    remote: Option<SocketAddr>,
    tls: Option<&'static Suite>,
    wire: W,
    buffers: Rc<Buffers>,
    /// The request, until all of it is written.
    outgoing: Option<Outgoing>,
    /// Why the rest of the request could not be written. The server may have answered all the same.
    unwritable: Option<Failure>,
    asked: Asked,
    /// A head that is not complete, and how much of it was looked through.
    arriving: Option<Lent>,
    scanned: usize,
    /// How long the head of the response is in its buffer.
    head: usize,
    /// What is still to come of the body.
    left: Left,
    pieces: Option<Box<Pieces>>,
    /// The server does not close it after the response.
    keeps_alive: bool,
    instants: Instants,
    opened: Instant,
    /// When the last response had been read.
    last_used: Instant,
    /// Moved forward for each request: far cheaper than a timer of its own for each.
    deadline: Pin<Box<Sleep>>,
    /// While a request uses it, where their number is limited. The last field: what is closed makes room afterwards.
    pub(super) place: Option<Place>,
}

impl<W: Wire> Connection<W> {
    pub(crate) fn open(
        origin: Option<Rc<Origin>>,
        wire: W,
        buffers: &Rc<Buffers>,
        remote: Option<SocketAddr>,
        tls: Option<&'static Suite>,
    ) -> Self {
        let opened = Instant::now();
        Self {
            origin,
            remote,
            tls,
            wire,
            buffers: Rc::clone(buffers),
            outgoing: None,
            unwritable: None,
            asked: Asked { is_head: false, is_connect: false },
            arriving: None,
            scanned: 0,
            head: 0,
            left: Left::Over,
            pieces: None,
            keeps_alive: true,
            instants: Instants::default(),
            opened,
            last_used: opened,
            deadline: Box::pin(tokio::time::sleep_until(opened.into())),
            place: None,
        }
    }

    pub(crate) fn origin(&self) -> Option<u32> {
        self.origin.as_ref().map(|origin| origin.id)
    }

    /// None over a Unix socket.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// What TLS has come to; `None` without.
    pub(crate) fn tls(&self) -> Option<&'static Suite> {
        self.tls
    }

    pub(crate) fn instants(&self) -> Instants {
        self.instants
    }

    /// How long it has not been used.
    #[inline]
    pub(crate) fn idle_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_used)
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened)
    }

    /// Whether the connection can take a request: the server has neither closed it since, nor sent what nobody asked for, which
    /// the next request would take for its answer. The system is asked only if it has reported something.
    #[inline]
    pub(crate) async fn is_usable(&mut self) -> bool {
        std::future::poll_fn(|cx| {
            let is_quiet = self.wire.poll_readable(cx).is_pending()
                || self.buffers.lend().poll_fill(&mut self.wire, cx).is_pending();
            if is_quiet && !has_budget_remaining() {
                // Nobody has looked: this task has had its turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(is_quiet)
        })
        .await
    }

    /// Notes the end of an exchange; tells whether the connection may serve another one later. It may not if the answer
    /// has ended before the request was written, or the server said more than it was asked.
    pub(crate) fn rest(&mut self, now: Instant) -> bool {
        self.last_used = now;
        // A request that is dropped before it begins must not look as if it had been written.
        self.instants = Instants::default();
        self.pieces = None;
        self.keeps_alive
            && self.left.is_over()
            && self.outgoing.is_none()
            && self.unwritable.is_none()
            && !self.wire.has_unread()
    }

    /// An empty buffer, to write the head of a request to.
    #[inline]
    pub(crate) fn buffer(&self) -> Lent {
        self.buffers.lend()
    }

    /// Takes a request whose head is in this buffer; what of the body is not comes with `upload`. Nothing is written until
    /// [`head`](Self::head) is polled.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        head: Lent,
        upload: Option<Upload>,
        sized: BodyLength,
        method: &Method,
        limits: &Limits,
    ) {
        self.instants = Instants::default();
        self.asked = Asked { is_head: *method == Method::HEAD, is_connect: *method == Method::CONNECT };
        self.deadline.as_mut().reset(limits.first_look().into());
        self.outgoing = Some(Outgoing::new(head, upload, sized));
    }

    /// Sends the request that was begun, and receives the head of the response.
    #[inline]
    pub(crate) async fn head(&mut self, limits: &Limits) -> Result<Head, Broken> {
        let head = std::future::poll_fn(|cx| self.poll_head(limits, cx)).await?;
        if limits.first_byte.is_some() {
            self.deadline.as_mut().reset(limits.deadline.into());
        }
        Ok(head)
    }

    fn poll_head(&mut self, limits: &Limits, cx: &mut Context<'_>) -> Poll<Result<Head, Broken>> {
        self.send(cx).map_err(|failure| self.broken(failure))?;
        loop {
            let mut buffer = self.arriving.take().unwrap_or_else(|| self.buffers.lend());
            if buffer.len() == self.scanned {
                match buffer.poll_fill(&mut self.wire, cx) {
                    Poll::Pending => {
                        if buffer.len() > 0 {
                            self.arriving = Some(buffer);
                        }
                        break;
                    }
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.closed(buffer))),
                    Poll::Ready(Ok(_)) => self.mark_read(),
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(self.broken(Failure::of_io(&error))));
                    }
                }
            }
            let came = buffer.len();
            if let Some(head) = self.look(buffer).map_err(|failure| self.broken(failure))? {
                return Poll::Ready(Ok(head));
            }
            if self.arriving.as_ref().map_or(0, |buffer| buffer.len()) < came {
                // Interim responses. Others have their turn before the next ones.
                cx.waker().wake_by_ref();
                break;
            }
        }
        while self.is_late(cx) {
            // What is not written yet cannot be answered.
            let written = self.instants.last_write.filter(|_| self.outgoing.is_none());
            match limits.without_head(written) {
                Ok(later) => self.deadline.as_mut().reset(later.into()),
                Err(kind) => return Poll::Ready(Err(Broken::underway(kind))),
            }
        }
        Poll::Pending
    }

    /// Writes what is left of the request, as far as the server takes it.
    #[inline]
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        let Some(outgoing) = &mut self.outgoing else { return Ok(()) };
        match outgoing.poll_write(&mut self.wire, cx, &mut self.instants.last_write) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(failure)) if failure.kind == ErrorKind::RequestBody => return Err(failure),
            Poll::Ready(Err(failure)) => self.unwritable = Some(failure),
        }
        self.outgoing = None;
        Ok(())
    }

    #[inline]
    fn mark_read(&mut self) {
        let now = Instant::now();
        self.instants.first_read.get_or_insert(now);
        self.instants.last_read = Some(now);
    }

    /// Looks for the head of the response in what has come; not all of it is looked at where there are too many interim ones.
    #[inline]
    fn look(&mut self, mut buffer: Lent) -> Result<Option<Head>, Failure> {
        // How much was interim responses, and empty lines before one. However many of them come: the request's time ends them.
        let mut interim = 0;
        for _ in 0..MOST_INTERIM {
            let (bytes, fields) = buffer.parts();
            let empty = head::empty_lines(&bytes[interim..]);
            self.scanned = self.scanned.saturating_sub(empty);
            interim += empty;
            let bytes = &mut bytes[interim..];
            let head = head::parse(bytes, self.scanned, fields, self.asked, &HeadLimits::default());
            let Some(head) = head.map_err(refused_head)? else {
                buffer.drain(interim);
                self.scanned = buffer.len();
                if buffer.room() == 0 {
                    buffer.double();
                }
                self.arriving = (buffer.len() > 0).then_some(buffer);
                return Ok(None);
            };
            self.scanned = 0;
            if head.is_interim() {
                interim += head.len;
                continue;
            }
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                // What follows is not HTTP.
                return Err(ErrorKind::SwitchedProtocols.into());
            }
            buffer.drain(interim);
            self.head = head.len;
            self.left = Left::new(head.body);
            self.keeps_alive = head.keeps_alive;
            let headers = Headers::raw(buffer, head.marks);
            return Ok(Some(Head { status: head.status, version: head.version, headers }));
        }
        buffer.drain(interim);
        self.arriving = (buffer.len() > 0).then_some(buffer);
        Ok(None)
    }

    /// Whether the time is over. A server that does not stop to send may use up what Tokio lets a task do at a time, so that no
    /// timer is ever ready: then the clock is asked.
    #[inline]
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().poll(cx).is_ready()
            || (!has_budget_remaining() && Instant::now() >= self.deadline.deadline().into_std())
    }

    /// The connection has ended without an answer.
    #[cold]
    fn closed(&mut self, buffer: Lent) -> Broken {
        if let Some(failure) = self.unwritable.take() {
            return self.broken(failure);
        }
        let problem = if buffer.len() > 0 { "in the head of the response" } else { "before a response" };
        // What came may have been wrong from the start: that tells more than that it is too short.
        self.scanned = 0;
        let wrong = if buffer.len() > 0 { self.look(buffer).err() } else { None };
        self.broken(wrong.unwrap_or_else(|| Failure::new(ErrorKind::ConnectionClosed, problem)))
    }

    #[cold]
    fn broken(&self, failure: Failure) -> Broken {
        let unanswered = self.instants.first_read.is_none();
        Broken { failure, unanswered, unprocessed: self.instants.last_write.is_none() }
    }
}

#[cold]
fn refused_head(problem: Refused) -> Failure {
    let mut failure = refused(problem);
    if matches!(problem, Refused::HeadTooLong { .. } | Refused::TooManyFields { .. }) {
        failure.kind = ErrorKind::HeadTooLarge;
    }
    failure
}

#[cfg(test)]
mod tests;
