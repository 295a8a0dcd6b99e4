//! One HTTP/1.1 connection, driven inside the task of the VU that uses it.
//!
//! This is the transport boundary: [`Connection::begin`] and [`Connection::answer`] send one request and get one response
//! with its marks.
//! hyper speaks the protocol; it is polled here rather than in a task of its own, which saves a task's memory and two
//! wake-ups for each request.

use super::ErrorKind;
use super::error::Failure;
use super::stream::{Marked, Marks};
use super::upload::Upload;
use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How long an idle connection is kept beside others (Go's default, and so k6's).
const MOST_IDLE: Duration = Duration::from_secs(90);
/// How long a connection counts as just used.
const RECENT: Duration = Duration::from_millis(1);

/// A keep-alive connection of one VU.
pub(super) struct Connection {
    origin: u32,
    remote: SocketAddr,
    tls_version: Option<&'static str>,
    sender: http1::SendRequest<Upload>,
    driver: http1::Connection<TokioIo<Marked>, Upload>,
    /// The driver has ended: the connection is closed.
    closed: bool,
    marks: Rc<Marks>,
    /// When the last response had been read.
    last_used: Instant,
    /// Moved forward for each request: far cheaper than a timer of its own for each.
    deadline: Pin<Box<Sleep>>,
}

/// hyper's word on a request that was handed to it.
type Begun = Result<Response<Incoming>, TrySendError<Request<Upload>>>;

/// A complete response.
#[derive(Debug)]
pub(super) struct Exchanged {
    pub(super) head: Parts,
    pub(super) body: Bytes,
}

/// An exchange that failed, and what may still be done about it.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) failure: Failure,
    /// Nothing of a response was seen.
    pub(super) unanswered: bool,
    /// Not a byte of the request was written: sending it again cannot do harm.
    pub(super) unsent: bool,
}

/// When the parts of an exchange happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instants {
    pub(super) last_write: Option<Instant>,
    pub(super) first_read: Option<Instant>,
}

impl Connection {
    pub(super) async fn open(
        origin: u32,
        stream: Marked,
        marks: Rc<Marks>,
        remote: SocketAddr,
        tls_version: Option<&'static str>,
    ) -> Result<Self, Failure> {
        // Heads and small bodies in one plain write: the kernel serves it faster than a vectored one.
        let handshake = http1::Builder::new().writev(false).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(|error| Failure::new(ErrorKind::of_hyper(&error), error))?;
        let last_used = Instant::now();
        let deadline = Box::pin(tokio::time::sleep_until(last_used.into()));
        Ok(Self { origin, remote, tls_version, sender, driver, closed: false, marks, last_used, deadline })
    }

    pub(super) fn origin(&self) -> u32 {
        self.origin
    }

    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(super) fn tls_version(&self) -> Option<&'static str> {
        self.tls_version
    }

    pub(super) fn instants(&self) -> Instants {
        Instants { last_write: self.marks.last_write.get(), first_read: self.marks.first_read.get() }
    }

    /// Lets hyper read and write what it can.
    #[inline]
    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.closed {
            // An error of the connection also reaches the request that waits on it.
            self.closed = Pin::new(&mut self.driver).poll(cx).is_ready();
        }
    }

    /// Whether the connection can take a request, after an idle time in which the server may have closed it.
    pub(super) async fn is_usable(&mut self, now: Instant, deadline: Instant) -> bool {
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

    /// Whether nobody would expect the server to have kept it until now.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_used) > MOST_IDLE
    }

    /// Notes the end of an exchange; tells whether the connection may serve another one later. After a large upload it
    /// may not if the server has answered before it read everything: the next request would queue behind the rest.
    pub(super) fn rest(&mut self, now: Instant, large_upload: bool) -> bool {
        self.last_used = now;
        // A request that is dropped before it begins must not look as if it had been written.
        self.marks.begin();
        !self.closed && !self.sender.is_closed() && (!large_upload || self.sender.is_ready())
    }

    /// Hands a request to hyper. Nothing is sent until [`answer`](Self::answer) is polled with what this returns: two
    /// steps, so that the request is moved once and not kept in a future beside it.
    pub(super) fn begin(
        &mut self,
        request: Request<Upload>,
        deadline: Instant,
    ) -> impl Future<Output = Begun> + use<> {
        self.marks.begin();
        self.deadline.as_mut().reset(deadline.into());
        self.sender.try_send_request(request)
    }

    /// Sends the request that was begun, and receives the whole response.
    pub(super) async fn answer(
        &mut self,
        mut response: Pin<&mut impl Future<Output = Begun>>,
        keep_body: bool,
    ) -> Result<Exchanged, Broken> {
        let head = std::future::poll_fn(|cx| {
            self.drive(cx);
            if let Poll::Ready(outcome) = response.as_mut().poll(cx) {
                return Poll::Ready(outcome.map_err(|error| self.unanswered(error)));
            }
            let timeout = || Broken { failure: ErrorKind::Timeout.into(), unanswered: false, unsent: false };
            self.deadline.as_mut().poll(cx).map(|()| Err(timeout()))
        })
        .await?;
        let (head, mut incoming) = head.into_parts();
        let closing = closes(&head);
        let received = self.receive(&mut incoming, keep_body).await;
        let body = received.map_err(|failure| Broken { failure, unanswered: false, unsent: false })?;
        if closing {
            // Let hyper notice the end, so that the socket is not kept.
            std::future::poll_fn(|cx| {
                self.drive(cx);
                Poll::Ready(())
            })
            .await;
            self.closed = true;
        }
        Ok(Exchanged { head, body })
    }

    #[cold]
    fn unanswered(&self, mut error: TrySendError<Request<Upload>>) -> Broken {
        let unanswered = self.marks.first_read.get().is_none();
        let unsent = error.take_message().is_some() || self.marks.last_write.get().is_none();
        let error = error.into_error();
        let failure = Failure::new(ErrorKind::of_hyper(&error), describe(&error));
        Broken { failure, unanswered, unsent }
    }

    async fn receive(&mut self, incoming: &mut Incoming, keep: bool) -> Result<Bytes, Failure> {
        let mut body = Collected::default();
        let mut frames = 0_u32;
        std::future::poll_fn(|cx| {
            if incoming.is_end_stream() {
                return Poll::Ready(Ok(()));
            }
            let mut driven = false;
            loop {
                match Pin::new(&mut *incoming).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        if let (true, Ok(data)) = (keep, frame.into_data()) {
                            body.push(data);
                        }
                        driven = false;
                        frames = frames.wrapping_add(1);
                        // While data keeps coming the timer below is never asked.
                        if frames.is_multiple_of(64) && Instant::now() >= self.deadline.deadline().into_std()
                        {
                            return Poll::Ready(Err(ErrorKind::Timeout.into()));
                        }
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(Failure::new(ErrorKind::of_hyper(&error), describe(&error))));
                    }
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                    Poll::Pending if driven => {
                        ready!(self.deadline.as_mut().poll(cx));
                        return Poll::Ready(Err(ErrorKind::Timeout.into()));
                    }
                    Poll::Pending => {
                        self.drive(cx);
                        driven = true;
                    }
                }
            }
        })
        .await?;
        Ok(body.finish())
    }
}

/// A body as it comes in: one piece is passed on as it is, several are joined.
#[derive(Default)]
struct Collected {
    first: Bytes,
    joined: Option<BytesMut>,
}

impl Collected {
    fn push(&mut self, data: Bytes) {
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
    }

    fn finish(self) -> Bytes {
        self.joined.map_or(self.first, BytesMut::freeze)
    }
}

/// Whether the server will close the connection after this response.
fn closes(head: &Parts) -> bool {
    match head.headers.get(http::header::CONNECTION) {
        Some(value) => value.as_bytes().eq_ignore_ascii_case(b"close"),
        None => head.version == Version::HTTP_10,
    }
}

/// hyper's message with the cause it hides.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
