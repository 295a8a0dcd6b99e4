//! One hop of a request: get a connection, exchange, measure, count.

use super::ErrorKind;
use super::body;
use super::body::Received;
use super::count::{Seen, count, count_one, count_unsent};
use super::error::{Failure, SendError, lack};
use super::head::Head;
use super::message::{message, says_close, write_message};
use super::options::Speaks;
use super::request::RequestBuilder;
use super::response::Timings;
use super::target::Target;
use super::transport::connect::acquire;
use super::transport::connection::Connection;
use super::transport::exchange::{Broken, Limits, Opened};
use super::transport::tls::Suite;
use crate::metric::MetricId;
use bytes::Bytes;
use http::Method;
use std::net::SocketAddr;
use std::ops::Deref;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// What one hop has brought.
pub(super) struct Answer {
    pub(super) head: Head,
    /// Empty if it was thrown away.
    pub(super) body: Received,
    pub(super) timings: Timings,
    pub(super) remote: Option<SocketAddr>,
    pub(super) tls: Option<&'static Suite>,
    /// Where a client that follows redirects itself has come to.
    #[cfg(feature = "reqwest")]
    pub(super) landed: Option<Rc<Target>>,
}

/// Sends the request as it stands to one target, once, and counts it.
///
/// Both instants are the request's: a redirect's later hops have a start of their own and one deadline.
pub(super) async fn exchange(
    request: &RequestBuilder,
    target: &Rc<Target>,
    started: Instant,
    deadline: Instant,
) -> Result<Answer, SendError> {
    #[cfg(feature = "reqwest")]
    if super::reqwest::carries(request) {
        // Boxed: it would otherwise make the future of every request larger.
        return Box::pin(super::reqwest::exchange(request, target, deadline)).await;
    }
    let mut attempt = Attempt::new(request, Rc::clone(target), started, deadline);
    match attempt.run().await {
        Ok(body) => Ok(attempt.succeeded(body)),
        Err(undone) => Err(attempt.failed(undone)),
    }
}

/// A request that was not answered. Without `seen` it never got as far as a connection.
pub(super) struct Undone {
    failure: Failure,
    seen: Option<Seen>,
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self { failure, seen: None }
    }
}

/// A request under way. If it is dropped, it counts as cancelled as soon as a byte of it was written.
pub(super) struct Attempt<R: Deref<Target = RequestBuilder>> {
    pub(super) request: R,
    pub(super) target: Rc<Target>,
    started: Instant,
    deadline: Instant,
    pub(super) timings: Timings,
    connection: Option<Connection>,
    opened: Option<Opened>,
    /// It was sent once before, and the server has not looked at it.
    was_refused: bool,
    exchange_begun: Instant,
    ended: Instant,
    /// It has come to its end, and is counted.
    over: bool,
    /// Its number, where requests are shown.
    number: Option<u64>,
}

impl<R: Deref<Target = RequestBuilder>> Attempt<R> {
    pub(super) fn new(request: R, target: Rc<Target>, started: Instant, deadline: Instant) -> Self {
        let timings = Timings::default();
        Self {
            request,
            target,
            started,
            deadline,
            timings,
            connection: None,
            opened: None,
            was_refused: false,
            exchange_begun: started,
            ended: started,
            over: false,
            number: None,
        }
    }

    /// From the connection to the body.
    async fn run(&mut self) -> Result<Received, Undone> {
        self.open().await?;
        let keeps = self.request.keeps_body() || self.request.http.core.dump.is_some();
        let body = self.receive(keeps.then_some(self.request.http.core.options.http.bodies.most)).await?;
        match &self.opened {
            Some(Opened { head, .. })
                if body::is_to_inflate(&self.request, head.status, &head.headers, body.is_empty()) =>
            {
                let body = body.bytes(head.headers.buffer()).clone();
                // Boxed: few responses are compressed.
                let inflated = Box::pin(body::inflate_answer(&self.request, &head.headers, body)).await;
                inflated.map(Received::from).map_err(|failure| self.received_in_vain(failure))
            }
            _ => Ok(body),
        }
    }

    /// Gets as far as the head of the response.
    pub(super) async fn open(&mut self) -> Result<(), Undone> {
        let mut is_reused = self.reuse().await;
        loop {
            if !is_reused {
                // Boxed: it is rare, and would otherwise make the future of every request three times as large.
                is_reused = Box::pin(self.connect()).await?;
            }
            // Most requests begin at once: reading the clock again would tell nothing.
            match self.ask().await {
                Ok(()) => return Ok(()),
                Err(broken) if self.may_retry(&broken, is_reused) => {
                    self.count_one(self.request.http.core.retries);
                    self.was_refused |= is_refused(&broken);
                    is_reused = false;
                }
                Err(broken) => return Err(self.undone(broken)),
            }
        }
    }

    /// Takes a connection that is there, if there is one.
    #[inline]
    async fn reuse(&mut self) -> bool {
        let (http, origin) = (&self.request.http, &self.target.origin);
        if origin.speaks.get() != Speaks::Http1 {
            let seat = http.pool.shared.seat(origin.id, &http.core.options.http);
            self.connection = seat.map(Connection::Http2);
            return self.connection.is_some();
        }
        let Some(mut connection) = http.pool.take(origin.id, self.started) else { return false };
        let is_usable = connection.is_usable().await;
        self.connection = Some(Connection::Http1(connection));
        is_usable
    }

    /// Opens a connection, or waits for one; tells whether it was used before.
    async fn connect(&mut self) -> Result<bool, Failure> {
        let (vu, http) = (&self.request.vu, &self.request.http);
        let acquiring = acquire(http, &self.target.origin, vu, self.connection.take());
        let outcome = tokio::time::timeout_at(self.deadline.into(), acquiring).await;
        self.timings = Timings { blocked: self.started.elapsed(), ..Timings::default() };
        let acquired = outcome.unwrap_or_else(|_| Err(ErrorKind::Timeout.into()))?;
        self.exchange_begun = Instant::now();
        self.timings = acquired.times.map_or_else(Timings::default, Timings::connected);
        self.timings.blocked = self.exchange_begun - self.started;
        self.connection = Some(acquired.connection);
        Ok(acquired.times.is_none())
    }

    /// Sends the request over the connection, and waits for the head of the response.
    async fn ask(&mut self) -> Result<(), Broken> {
        let http = &self.request.http.core;
        let unsent = |failure| Broken { failure, unanswered: true, unprocessed: true };
        let first_byte = http.options.http.connections.first_byte_timeout;
        let limits = Limits { deadline: self.deadline, first_byte };
        let outcome = match &mut self.connection {
            None => return Err(unsent(ErrorKind::Other.into())),
            Some(Connection::Http1(connection)) => {
                let shown = match &http.dump {
                    None => None,
                    Some(dump) => {
                        let message = message(&self.request, &self.target).map_err(unsent)?;
                        self.number = Some(dump.request(&self.request, &self.target, &message));
                        Some(message)
                    }
                };
                write_message(connection, &self.request, &self.target, shown, &limits).map_err(unsent)?;
                connection.head(&limits).await.map(|head| self.opened = Some(head.into()))
            }
            Some(Connection::Http2(seat)) => {
                let mut message = message(&self.request, &self.target).map_err(unsent)?;
                seat.prepare(&mut message).map_err(unsent)?;
                if let Some(dump) = &http.dump {
                    self.number = Some(dump.request(&self.request, &self.target, &message));
                }
                // Boxed: the VUs of HTTP/1.1 would carry it too.
                Box::pin(seat.ask(message, &limits, &mut self.opened)).await
            }
        };
        if outcome.is_err() {
            self.mark(false);
        }
        outcome
    }

    /// Receives the body, and keeps `most` bytes of it at most, or nothing.
    pub(super) async fn receive(&mut self, most: Option<usize>) -> Result<Received, Undone> {
        let (Some(connection), Some(opened)) = (&mut self.connection, &mut self.opened) else {
            return Ok(Received::default());
        };
        let outcome = connection.body(opened, most).await;
        self.mark(outcome.is_ok());
        outcome.map_err(|broken| self.undone(broken))
    }

    /// Whether the last piece of the body has been given out, as far as its length was known.
    pub(super) fn is_at_end(&self) -> bool {
        let (Some(connection), Some(opened)) = (&self.connection, &self.opened) else { return true };
        connection.is_at_end(opened)
    }

    /// The next piece of the body; `None` at its end.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Undone>>> {
        let (Some(connection), Some(opened)) = (&mut self.connection, &mut self.opened) else {
            return Poll::Ready(None);
        };
        let piece = ready!(connection.poll_piece(opened, cx));
        if !matches!(piece, Some(Ok(_))) {
            self.mark(piece.is_none());
        }
        Poll::Ready(piece.map(|piece| piece.map_err(|failure| self.undone(Broken::underway(failure)))))
    }

    /// The response was received to its end, but is of no use. The connection is.
    pub(super) fn received_in_vain(&mut self, failure: Failure) -> Undone {
        let undone = self.undone(Broken::underway(failure));
        self.give_back();
        undone
    }

    /// Notes the instants until now. What is complete has ended with its last read; what is not, the wait for the rest is part of.
    pub(super) fn mark(&mut self, is_complete: bool) {
        let Some(connection) = &self.connection else { return };
        let instants = connection.instants();
        self.ended = instants.last_read.filter(|_| is_complete).unwrap_or_else(Instant::now);
        self.timings = self.timings.exchanged(self.exchange_begun, self.ended, instants);
    }

    /// A keep-alive connection may be closed by the server just when it is used again. The request may then be sent
    /// once more if it was not written at all, or if nothing was answered and its method is idempotent (RFC 9110 9.2.2). What
    /// an HTTP/2 server has refused is sent once more in any case.
    fn may_retry(&self, broken: &Broken, is_reused: bool) -> bool {
        if !self.request.is_repeatable() {
            return false;
        }
        if is_refused(broken) {
            return !self.was_refused;
        }
        let closed = broken.failure.kind.is_of_ended_connection();
        is_reused
            && closed
            && (broken.unprocessed || (broken.unanswered && is_idempotent(&self.request.method)))
    }

    fn count_one(&self, metric: MetricId) {
        count_one(&self.request, metric);
    }

    pub(super) fn undone(&self, broken: Broken) -> Undone {
        let mut failure = broken.failure;
        if let Some(problem) = self.request.body_problem() {
            // Whatever the connection made of it.
            failure = Failure::new(ErrorKind::RequestBody, problem);
        }
        let seen = self.connection.as_ref().map(|connection| Seen::broken(failure.kind, connection));
        Undone { failure, seen }
    }

    /// The request has got its answer.
    fn succeeded(mut self, body: Received) -> Answer {
        let head = self.take_head();
        let (remote, tls) = self.finish(&head, body.slice(head.headers.buffer()));
        Answer {
            head,
            body,
            timings: self.timings,
            remote,
            tls,
            #[cfg(feature = "reqwest")]
            landed: None,
        }
    }

    /// What came before the body. Without an answer there is none to take.
    pub(super) fn take_head(&mut self) -> Head {
        match self.opened.take() {
            Some(opened) => opened.head,
            None => unreachable!("there is an answer"),
        }
    }

    pub(super) fn opened(&self) -> Option<&Head> {
        self.opened.as_ref().map(|opened| &opened.head)
    }

    /// Counts an answered request, and keeps its connection.
    pub(super) fn finish(
        &mut self,
        head: &Head,
        body: &[u8],
    ) -> (Option<SocketAddr>, Option<&'static Suite>) {
        let told = self.answered(head, body);
        self.give_back();
        told
    }

    /// Counts a request whose answer has a body that nobody wants. Its connection is closed.
    pub(super) fn finish_unread(&mut self) {
        let head = self.take_head();
        self.answered(&head, b"(not read)");
        self.connection = None;
    }

    /// Counts an answered request.
    fn answered(&mut self, head: &Head, body: &[u8]) -> (Option<SocketAddr>, Option<&'static Suite>) {
        self.over = true;
        let Some(connection) = &self.connection else { unreachable!("an answer came over a connection") };
        let (remote, tls) = (connection.remote(), connection.tls());
        let seen = Seen::answered(head, connection);
        count(&self.request, &self.target, seen, &self.timings);
        if let Some(dump) = &self.request.http.core.dump {
            dump.response(self.number, head, body, remote, seen.tls, &self.timings);
        }
        (remote, tls)
    }

    /// Counts a request without a complete answer.
    pub(super) fn failed(&mut self, undone: Undone) -> SendError {
        self.over = true;
        let Undone { failure, seen } = undone;
        match seen {
            Some(seen) => count(&self.request, &self.target, seen, &self.timings),
            None => count_unsent(&self.request, Some(&self.target), failure.kind, self.timings.blocked),
        }
        let instants = self.connection.as_ref().map(Connection::instants);
        let detail = failure.detail.or_else(|| lack(failure.kind, instants, self.request.timeout));
        let error = SendError::new(failure.kind, &self.request.method, &self.target.url(), detail);
        if let Some(dump) = &self.request.http.core.dump {
            dump.failure(self.number, &error, &self.timings);
        }
        self.connection = None;
        error
    }

    fn give_back(&mut self) {
        if let Some(Connection::Http1(mut connection)) = self.connection.take()
            && connection.rest(self.ended)
            && !says_close(&self.request, &self.target)
        {
            self.request.http.pool.give_back(connection, self.ended);
        }
    }

    pub(super) fn remote(&self) -> Option<SocketAddr> {
        self.connection.as_ref()?.remote()
    }

    pub(super) fn tls(&self) -> Option<&'static Suite> {
        self.connection.as_ref()?.tls()
    }
}

impl<R: Deref<Target = RequestBuilder>> Drop for Attempt<R> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if let Some(dump) = &self.request.http.core.dump {
            dump.failure(self.number, &ErrorKind::Cancelled.text(), &self.timings);
        }
        let Some(connection) = self.connection.as_ref().filter(|connection| connection.is_begun()) else {
            // What was never written was never asked: the server knows nothing of it.
            return self.count_one(self.request.http.core.abandoned);
        };
        // Its time so far is recorded: leaving out the requests that were given up would flatter the target.
        let timings = self.timings.exchanged(self.exchange_begun, Instant::now(), connection.instants());
        count(&self.request, &self.target, Seen::broken(ErrorKind::Cancelled, connection), &timings);
    }
}

/// An HTTP/2 server has said that it did not look at the request.
fn is_refused(broken: &Broken) -> bool {
    broken.unprocessed && matches!(broken.failure.kind, ErrorKind::Http2GoAway(_) | ErrorKind::Http2Stream(_))
}

fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}
