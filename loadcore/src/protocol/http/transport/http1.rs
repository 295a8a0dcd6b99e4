//! One HTTP/1.1 connection, driven inside the task of the VU that uses it.
//!
//! hyper speaks the protocol; it is polled here rather than in a task of its own, which saves a task's memory and two
//! wake-ups for each request.

use super::exchange::{Broken, Instants, Limits, Opened, in_time, poll_piece, receive};
use super::pool::Place;
use super::stream::{Marked, Marks};
use super::tls::Suite;
use super::upload::Upload;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::target::Origin;
use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How long a connection counts as just used.
const RECENT: Duration = Duration::from_millis(1);

/// The most reads in one go: a response needs one or two. Without a limit hyper reads as long as something comes, and a server
/// that never stops would have the core for itself.
const READS: u8 = 4;

/// A keep-alive connection of one VU.
pub(crate) struct Connection {
    origin: Rc<Origin>,
    remote: Option<SocketAddr>,
    tls: Option<&'static Suite>,
    sender: http1::SendRequest<Upload>,
    driver: Driver,
    /// The driver has ended: the connection is closed.
    closed: bool,
    /// The server closes it after the response that is under way.
    closing: bool,
    marks: Rc<Marks>,
    opened: Instant,
    /// When the last response had been read.
    last_used: Instant,
    /// Moved forward for each request: far cheaper than a timer of its own for each.
    deadline: Pin<Box<Sleep>>,
    /// While a request uses it, where their number is limited. The last field: what is closed makes room afterwards.
    pub(super) place: Option<Place>,
}

type Driver = http1::Connection<TokioIo<Marked>, Upload>;

/// hyper's word on a request that was handed to it.
type Begun = Result<Response<Incoming>, TrySendError<Request<Upload>>>;

impl Connection {
    pub(crate) async fn open(
        origin: Rc<Origin>,
        stream: Marked,
        marks: Rc<Marks>,
        remote: Option<SocketAddr>,
        tls: Option<&'static Suite>,
    ) -> Result<Self, Failure> {
        // Heads and small bodies in one plain write: the kernel serves it faster than a vectored one.
        let handshake = http1::Builder::new().writev(false).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(|error| Failure::of_hyper(&error))?;
        let last_used = Instant::now();
        let deadline = Box::pin(tokio::time::sleep_until(last_used.into()));
        Ok(Self {
            origin,
            remote,
            tls,
            sender,
            driver,
            closed: false,
            closing: false,
            marks,
            opened: last_used,
            last_used,
            deadline,
            place: None,
        })
    }

    pub(crate) fn origin(&self) -> u32 {
        self.origin.id
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
        Instants { last_write: self.marks.last_write.get(), first_read: self.marks.first_read.get() }
    }

    #[inline]
    fn drive(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.driver, &mut self.closed, &self.marks, cx);
    }

    /// Whether the connection can take a request, after an idle time in which the server may have closed it.
    pub(crate) async fn is_usable(&mut self, now: Instant, deadline: Instant) -> bool {
        // A connection that was in use a moment ago need not be asked: if the server closes it just now, the request
        // itself finds out, and is sent again.
        if now.saturating_duration_since(self.last_used) < RECENT && self.sender.is_ready() {
            return true;
        }
        self.deadline.as_mut().reset(deadline.into());
        std::future::poll_fn(|cx| {
            self.drive(cx);
            if self.closed {
                return Poll::Ready(false);
            }
            match self.sender.poll_ready(cx) {
                Poll::Ready(ready) => Poll::Ready(ready.is_ok()),
                Poll::Pending => self.deadline.as_mut().poll(cx).map(|()| false),
            }
        })
        .await
    }

    /// How long it has not been used.
    #[inline]
    pub(crate) fn idle_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_used)
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened)
    }

    /// Notes the end of an exchange; tells whether the connection may serve another one later. After a large upload it
    /// may not if the server has answered before it read everything: the next request would queue behind the rest.
    pub(crate) fn rest(&mut self, now: Instant, large_upload: bool) -> bool {
        self.last_used = now;
        // A request that is dropped before it begins must not look as if it had been written.
        self.marks.begin();
        !self.closed && !self.sender.is_closed() && (!large_upload || self.sender.is_ready())
    }

    /// Hands a request to hyper. Nothing is sent until [`head`](Self::head) is polled with what this returns: two
    /// steps, so that the request is moved once and not kept in a future beside it.
    pub(crate) fn begin(
        &mut self,
        request: Request<Upload>,
        limits: &Limits,
    ) -> impl Future<Output = Begun> + use<> {
        self.marks.begin();
        self.deadline.as_mut().reset(limits.first_look().into());
        self.sender.try_send_request(request)
    }

    /// Sends the request that was begun, and receives the head of the response.
    pub(crate) async fn head(
        &mut self,
        mut response: Pin<&mut impl Future<Output = Begun>>,
        limits: &Limits,
        opened: &mut Opened,
    ) -> Result<(), Broken> {
        std::future::poll_fn(|cx| {
            self.drive(cx);
            match response.as_mut().poll(cx) {
                Poll::Ready(Ok(response)) => {
                    self.closing = closes(opened.insert(response));
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.unanswered(error))),
                Poll::Pending => {}
            }
            while self.deadline.as_mut().poll(cx).is_ready() || self.is_late() {
                match limits.without_head(self.marks.last_write.get()) {
                    Ok(later) => self.deadline.as_mut().reset(later.into()),
                    Err(kind) => return Poll::Ready(Err(Broken::underway(kind))),
                }
            }
            Poll::Pending
        })
        .await?;
        if limits.first_byte.is_some() {
            self.deadline.as_mut().reset(limits.deadline.into());
        }
        if opened.as_ref().is_some_and(|head| head.status() == StatusCode::SWITCHING_PROTOCOLS) {
            // What follows is not HTTP.
            return Err(Broken::underway(ErrorKind::SwitchedProtocols));
        }
        Ok(())
    }

    /// Whether the timer's moment has passed while the server did not stop to send, such as interim responses: that may use up
    /// what Tokio lets a task do at a time, so that no timer is ever ready.
    #[inline]
    fn is_late(&self) -> bool {
        self.marks.reads_left.get() == Some(0) && in_time(&self.deadline).is_err()
    }

    /// Receives the body, which follows the head.
    pub(crate) async fn body(
        &mut self,
        incoming: &mut Incoming,
        most: Option<usize>,
    ) -> Result<Bytes, Broken> {
        let Self { driver, closed, deadline, marks, .. } = self;
        let drive = |cx: &mut Context<'_>| drive(driver, closed, marks, cx);
        let body = receive(incoming, most, deadline, drive).await.map_err(Broken::underway)?;
        if self.closing {
            std::future::poll_fn(|cx| {
                self.close(cx);
                Poll::Ready(())
            })
            .await;
        }
        Ok(body)
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) fn poll_piece(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        let Self { driver, closed, deadline, marks, .. } = self;
        let mut drive = |cx: &mut Context<'_>| drive(driver, closed, marks, cx);
        let piece = ready!(poll_piece(incoming, deadline, &mut drive, cx));
        if piece.is_none() && self.closing {
            self.close(cx);
        }
        Poll::Ready(piece.map(|piece| piece.and_then(|piece| in_time(&self.deadline).map(|()| piece))))
    }

    /// The server closes: lets hyper notice the end, so that the socket is not kept.
    fn close(&mut self, cx: &mut Context<'_>) {
        self.drive(cx);
        self.closed = true;
    }

    #[cold]
    fn unanswered(&self, mut error: TrySendError<Request<Upload>>) -> Broken {
        let unanswered = self.marks.first_read.get().is_none();
        let unprocessed = error.take_message().is_some() || self.marks.last_write.get().is_none();
        Broken { failure: Failure::of_hyper(&error.into_error()), unanswered, unprocessed }
    }
}

/// Lets hyper read and write what it can.
#[inline]
fn drive(driver: &mut Driver, closed: &mut bool, marks: &Marks, cx: &mut Context<'_>) {
    if !*closed {
        marks.reads_left.set(Some(READS));
        // An error of the connection also reaches the request that waits on it.
        *closed = Pin::new(driver).poll(cx).is_ready();
    }
}

/// Whether the server will close the connection after this response.
fn closes(response: &Response<Incoming>) -> bool {
    match response.headers().get(http::header::CONNECTION) {
        Some(value) => value.as_bytes().eq_ignore_ascii_case(b"close"),
        None => response.version() == Version::HTTP_10,
    }
}
