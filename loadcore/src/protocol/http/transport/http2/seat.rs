//! One request's place on a shared connection.

use super::{Connection, StreamMarks};
use crate::protocol::http::error::Failure;
use crate::protocol::http::transport::exchange::{
    Broken, Instants, Limits, Opened, in_time, poll_piece, receive,
};
use crate::protocol::http::transport::tls::Suite;
use crate::protocol::http::transport::upload::Upload;
use crate::protocol::http::{ErrorKind, H2Code};
use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, Parts, Uri};
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;
use tokio::time::Sleep;

/// A place for one request. Given up before the response is complete, its stream is reset (`CANCEL`); the connection stays.
pub(crate) struct Seat {
    connection: Rc<Connection>,
    marks: Rc<StreamMarks>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// When the request was handed to hyper.
    begun: Instant,
}

/// hyper's word on a request that was handed to it.
type Begun = Result<Response<Incoming>, TrySendError<Request<Upload>>>;

impl Seat {
    pub(crate) fn on(connection: Rc<Connection>) -> Self {
        let streams = &connection.link.streams;
        streams.set(streams.get() + 1);
        let marks = Rc::new(StreamMarks::new(Rc::clone(&connection.socket)));
        Self { connection, marks, deadline: None, begun: Instant::now() }
    }

    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.connection.remote
    }

    /// What TLS has come to; `None` without.
    pub(crate) fn tls(&self) -> Option<&'static Suite> {
        self.connection.tls
    }

    /// Whether the server may know of the request.
    pub(crate) fn is_begun(&self) -> bool {
        self.marks.is_begun()
    }

    pub(crate) fn instants(&self) -> Instants {
        self.marks.instants()
    }

    /// Makes a request one of HTTP/2: its host stands in the URI, not in a header.
    pub(crate) fn prepare(&self, message: &mut Request<Upload>) -> Result<(), Failure> {
        let own = &self.connection.authority;
        let authority = match message.headers_mut().remove(HOST) {
            Some(host) if host.as_bytes() != own.as_str().as_bytes() => Authority::try_from(host.as_bytes()),
            _ => Ok(own.clone()),
        };
        let invalid = |error: &dyn std::error::Error| {
            Failure::new(ErrorKind::InvalidRequest, format_args!("host header: {error}"))
        };
        let mut parts = Parts::default();
        parts.scheme = Some(self.connection.scheme.clone());
        parts.authority = Some(authority.map_err(|error| invalid(&error))?);
        parts.path_and_query = message.uri().path_and_query().cloned();
        *message.uri_mut() = Uri::from_parts(parts).map_err(|error| invalid(&error))?;
        *message.version_mut() = Version::HTTP_2;
        Ok(())
    }

    /// Sends a request, and receives the head of the response.
    pub(crate) async fn ask(
        &mut self,
        message: Request<Upload>,
        limits: &Limits,
        opened: &mut Option<Opened>,
    ) -> Result<(), Broken> {
        let response = pin!(self.begin(message, limits));
        self.head(response, limits, opened).await
    }

    /// Hands a request to hyper. What this returns is polled by [`head`](Self::head).
    fn begin(
        &mut self,
        mut request: Request<Upload>,
        limits: &Limits,
    ) -> impl Future<Output = Begun> + use<> {
        request.body_mut().watch(Rc::clone(&self.marks));
        let deadline = limits.first_look();
        let timer = self.connection.timers.borrow_mut().pop();
        let mut timer = timer.unwrap_or_else(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        timer.as_mut().reset(deadline.into());
        self.deadline = Some(timer);
        self.begun = Instant::now();
        self.connection.sender.borrow_mut().try_send_request(request)
    }

    /// Receives the head of the response to the request that was begun.
    async fn head(
        &mut self,
        mut response: Pin<&mut impl Future<Output = Begun>>,
        limits: &Limits,
        opened: &mut Option<Opened>,
    ) -> Result<(), Broken> {
        let Some(mut deadline) = self.deadline.take() else {
            return Err(Broken::underway(ErrorKind::Other));
        };
        std::future::poll_fn(|cx| {
            let mut answer = Poll::Pending;
            if self.marks.is_awaited() {
                // It is brought here and now: nobody needs to be woken for it.
                answer = response.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
            self.marks.look(cx);
            if answer.is_pending() {
                answer = response.as_mut().poll(cx);
            }
            match answer {
                Poll::Ready(Ok(response)) => {
                    *opened = Some(response.into());
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.unanswered(error))),
                Poll::Pending => {}
            }
            while deadline.as_mut().poll(cx).is_ready() {
                match limits.without_head(self.marks.instants().last_write) {
                    Ok(later) => deadline.as_mut().reset(later.into()),
                    Err(kind) => {
                        self.too_late();
                        return Poll::Ready(Err(Broken::underway(kind)));
                    }
                }
            }
            Poll::Pending
        })
        .await?;
        if limits.first_byte.is_some() {
            deadline.as_mut().reset(limits.deadline.into());
        }
        self.marks.answered();
        self.deadline = Some(deadline);
        Ok(())
    }

    /// Receives the body, which follows the head.
    pub(crate) async fn body(
        &mut self,
        incoming: &mut Incoming,
        most: Option<usize>,
    ) -> Result<Bytes, Broken> {
        let Some(mut deadline) = self.deadline.take() else {
            return Err(Broken::underway(ErrorKind::Other));
        };
        let received = receive(incoming, most, &mut deadline).await;
        self.connection.timers.borrow_mut().push(deadline);
        received.map_err(|failure| Broken::underway(self.explained(failure)))
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) fn poll_piece(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        let Some(deadline) = &mut self.deadline else { return Poll::Ready(None) };
        let piece = ready!(poll_piece(incoming, deadline, cx));
        let in_time = in_time(deadline);
        if piece.is_none() {
            self.connection.timers.borrow_mut().extend(self.deadline.take());
        }
        let piece = piece.map(|piece| piece.and_then(|piece| in_time.map(|()| piece)));
        Poll::Ready(piece.map(|piece| piece.map_err(|failure| self.explained(failure))))
    }

    #[cold]
    fn unanswered(&self, mut error: TrySendError<Request<Upload>>) -> Broken {
        let returned = error.take_message().is_some();
        let failure = Failure::of_hyper(&error.into_error());
        // A stream that ends with the server's GOAWAY comes after the last one that the server looked at.
        let refused =
            matches!(failure.kind, ErrorKind::Http2GoAway(_) | ErrorKind::Http2Stream(H2Code::RefusedStream));
        let unprocessed = returned || refused || !self.marks.is_begun();
        Broken { failure: self.explained(failure), unanswered: !self.marks.is_answered(), unprocessed }
    }

    /// A connection that closes says why before.
    #[cold]
    fn explained(&self, mut failure: Failure) -> Failure {
        if matches!(failure.kind, ErrorKind::Timeout) {
            self.too_late();
            return failure;
        }
        let Connection { link, socket, .. } = &*self.connection;
        link.look();
        if matches!(failure.kind, ErrorKind::ConnectionClosed | ErrorKind::BrokenPipe) {
            // Broken pipe is what h2 calls the end of a connection on every stream that it cuts.
            let causes = [link.end.get(), socket.failed()];
            let cause = causes.into_iter().flatten().find(|cause| *cause != ErrorKind::BrokenPipe);
            failure.kind = cause.unwrap_or(ErrorKind::ConnectionClosed);
        }
        failure
    }

    /// The request's time is over. If the server has been silent all the while, nobody should wait for it again.
    #[cold]
    fn too_late(&self) {
        if self.connection.socket.last_read().is_none_or(|last| last < self.begun) {
            self.connection.retire();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.marks.end();
        let connection = &*self.connection;
        connection.last_used.set(Instant::now());
        connection.link.leave();
        if let Some(queue) = connection.queue.get() {
            queue.wake_first();
        }
    }
}
