//! One request from end to end: get a connection, exchange, measure, count.

use super::ErrorKind;
use super::connect::connect;
use super::connection::{Broken, Connection, Exchanged, Instants};
use super::error::{Failure, SendError};
use super::metrics::{RequestTags, Trends, method_index};
use super::options::TRACEPARENT;
use super::request::RequestBuilder;
use super::response::{Response, Timings};
use super::target::Target;
use super::upload::Upload;
use crate::metric::MetricId;
use crate::trace::{SpanId, traceparent};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode, Version};
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

pub(super) async fn send(request: RequestBuilder) -> Result<Response, SendError> {
    let target = match &request.target {
        Ok(target) => Rc::clone(target),
        Err(error) => {
            if let Some(dump) = &request.http.core.dump {
                dump.failure(None, error, &Timings::default());
            }
            // Without a base URL there is nobody whom it could have reached: it says nothing of any target.
            if error.kind() != ErrorKind::NoBaseUrl {
                count_unsent(&request, None, error.kind(), Duration::ZERO);
            }
            return Err(error.clone());
        }
    };
    if let Some(cap) = &request.http.core.options.rate_cap {
        // Before the request's clock starts: this wait is in none of its timings. Boxed, since few tests ask for it.
        Box::pin(cap.wait(&request.vu.state.core.clock)).await;
    }
    let started = Instant::now();
    let mut attempt = Attempt::new(&request, &target, started);
    let outcome = attempt.run().await;
    let (timings, ended) = (attempt.timings, attempt.ended);
    match outcome {
        Ok(exchanged) => {
            let mut connection = attempt.settle();
            let remote = connection.remote();
            let seen = Seen::answered(&exchanged, &connection);
            count(&request, &target, seen, &timings);
            if let Some(dump) = &request.http.core.dump {
                dump.response(attempt.number, &exchanged, remote, seen.tls, &timings);
            }
            if connection.rest(ended, Upload::is_large(&request.body)) {
                request.http.give_back(connection, ended);
            }
            let Exchanged { head, body } = exchanged;
            let (status, version, headers) = (head.status, head.version, head.headers);
            let body = keeps_body(&request).then_some(body);
            Ok(Response { status, version, headers, body, timings, remote, target: Rc::clone(&target) })
        }
        Err(Undone { failure, seen }) => {
            attempt.defuse();
            match seen {
                Some(seen) => count(&request, &target, seen, &timings),
                None => count_unsent(&request, Some(&target), failure.kind, timings.blocked),
            }
            let number = attempt.number;
            let error = SendError::new(failure.kind, &request.method, &target.url(), failure.detail);
            if let Some(dump) = &request.http.core.dump {
                dump.failure(number, &error, &timings);
            }
            Err(error)
        }
    }
}

fn keeps_body(request: &RequestBuilder) -> bool {
    !request.http.core.options.discard_bodies
}

/// What a sample's tags say of the answer.
#[derive(Debug, Clone, Copy)]
struct Seen {
    status: Option<StatusCode>,
    version: Option<Version>,
    tls: Option<&'static str>,
    error: Option<ErrorKind>,
}

impl Seen {
    fn answered(exchanged: &Exchanged, connection: &Connection) -> Self {
        let (status, version) = (Some(exchanged.head.status), Some(exchanged.head.version));
        Self { status, version, tls: connection.tls_version(), error: None }
    }

    /// Without a complete answer there is no status, as in k6, even if the response's head had come.
    fn broken(kind: ErrorKind, connection: &Connection) -> Self {
        Self { status: None, version: None, tls: connection.tls_version(), error: Some(kind) }
    }
}

/// A request that was not answered. Without `seen` it never got as far as a connection.
struct Undone {
    failure: Failure,
    seen: Option<Seen>,
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self { failure, seen: None }
    }
}

/// A request under way. If it is dropped, it counts as cancelled as soon as a byte of it was written.
struct Attempt<'a> {
    request: &'a RequestBuilder,
    target: &'a Rc<Target>,
    started: Instant,
    deadline: Instant,
    timings: Timings,
    connection: Option<Box<Connection>>,
    exchange_begun: Instant,
    ended: Instant,
    /// It has come to its end, and is counted elsewhere.
    over: bool,
    /// Its number, where requests are shown.
    number: Option<u64>,
}

impl<'a> Attempt<'a> {
    fn new(request: &'a RequestBuilder, target: &'a Rc<Target>, started: Instant) -> Self {
        let most = Duration::from_secs(365 * 24 * 3600);
        let deadline = started + request.timeout.min(most);
        let timings = Timings::default();
        Self {
            request,
            target,
            started,
            deadline,
            timings,
            connection: None,
            exchange_begun: started,
            ended: started,
            over: false,
            number: None,
        }
    }

    async fn run(&mut self) -> Result<Exchanged, Undone> {
        if let Some(connection) = self.request.http.take(self.target.origin.id) {
            let usable = self.connection.insert(connection).is_usable(self.started, self.deadline).await;
            if usable {
                // Most requests begin at once: reading the clock again would tell nothing.
                match self.exchange().await {
                    Err(broken) if self.may_retry(&broken) => {
                        self.count_one(self.request.http.core.retries);
                    }
                    outcome => return outcome.map_err(|broken| self.undone(broken)),
                }
            }
        }
        // Boxed: it is rare, and would otherwise make the future of every request three times as large.
        Box::pin(self.connect()).await?;
        self.exchange().await.map_err(|broken| self.undone(broken))
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        self.connection = None;
        let (vu, core) = (&self.request.vu, &self.request.http.core);
        let connecting = connect(core, &self.target.origin, &vu.state.scope.traffic);
        let outcome = tokio::time::timeout_at(self.deadline.into(), connecting).await;
        self.timings = Timings { blocked: self.started.elapsed(), ..Timings::default() };
        let (connection, times) = outcome.unwrap_or_else(|_| Err(ErrorKind::Timeout.into()))?;
        self.exchange_begun = Instant::now();
        self.timings = Timings::connected(times);
        self.timings.blocked = self.exchange_begun - self.started;
        self.connection = Some(connection);
        Ok(())
    }

    async fn exchange(&mut self) -> Result<Exchanged, Broken> {
        let http = &self.request.http.core;
        let keep_body = keeps_body(self.request) || http.dump.is_some();
        let unsent = |failure| Broken { failure, unanswered: true, unsent: true };
        let message = message(self.request, self.target).map_err(unsent)?;
        if let Some(dump) = &http.dump {
            self.number = Some(dump.request(self.request, self.target, &message));
        }
        let Some(connection) = &mut self.connection else {
            return Err(unsent(ErrorKind::Other.into()));
        };
        let response = pin!(connection.begin(message, self.deadline));
        let outcome = connection.answer(response, keep_body).await;
        let instants = connection.instants();
        self.ended = Instant::now();
        self.timings = self.timings.exchanged(self.exchange_begun, self.ended, instants);
        outcome
    }

    /// A keep-alive connection may be closed by the server just when it is used again. The request may then be sent
    /// once more if it was not written at all, or if nothing was answered and its method is idempotent (RFC 9110 9.2.2).
    fn may_retry(&self, broken: &Broken) -> bool {
        let closed = matches!(broken.failure.kind, ErrorKind::ConnectionClosed | ErrorKind::ConnectionReset);
        closed && (broken.unsent || (broken.unanswered && is_idempotent(&self.request.method)))
    }

    fn count_one(&self, metric: MetricId) {
        let core = &self.request.vu.state.core;
        let now = core.clock.now();
        core.recorder.borrow_mut().sample(metric, self.request.tags, 1.0, now);
    }

    fn undone(&self, broken: Broken) -> Undone {
        let seen = self.connection.as_ref().map(|connection| Seen::broken(broken.failure.kind, connection));
        Undone { failure: broken.failure, seen }
    }

    /// Takes the connection out: the request is over.
    fn settle(&mut self) -> Box<Connection> {
        self.over = true;
        match self.connection.take() {
            Some(connection) => connection,
            None => unreachable!("an answer came over a connection"),
        }
    }

    fn defuse(&mut self) {
        self.over = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if let Some(dump) = &self.request.http.core.dump {
            dump.failure(self.number, &ErrorKind::Cancelled.text(), &self.timings);
        }
        let instants = self.connection.as_ref().map(|connection| connection.instants());
        let (Some(connection), Some(instants @ Instants { last_write: Some(_), .. })) =
            (&self.connection, instants)
        else {
            // What was never written was never asked: the server knows nothing of it.
            return self.count_one(self.request.http.core.abandoned);
        };
        // Its time so far is recorded: leaving out the requests that were given up would flatter the target.
        let timings = self.timings.exchanged(self.exchange_begun, Instant::now(), instants);
        count(self.request, self.target, Seen::broken(ErrorKind::Cancelled, connection), &timings);
    }
}

fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}

/// The request as hyper takes it. Called again for a retry, which gets a span of its own.
fn message(request: &RequestBuilder, target: &Target) -> Result<Request<Upload>, Failure> {
    let mut headers = target.origin.headers.clone();
    if let Some(auth) = &target.auth {
        headers.insert(AUTHORIZATION, auth.clone());
    }
    if request.http.core.traces {
        headers.insert(&TRACEPARENT, trace_header(request));
    }
    if let Some(content_type) = request.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (index, (name, value)) in request.headers.iter().enumerate() {
        // The first of a name replaces a default; a second one is a second value.
        if request.headers[..index].iter().any(|(earlier, _)| earlier == name) {
            headers.append(name, value.clone());
        } else {
            headers.insert(name, value.clone());
        }
    }
    let mut message = Request::new(Upload::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = request.path(target)?.into();
    *message.headers_mut() = headers;
    Ok(message)
}

fn trace_header(request: &RequestBuilder) -> HeaderValue {
    let span = SpanId::from_bytes(request.vu.state.core.new_span().to_be_bytes());
    let text = traceparent(request.vu.trace().trace_id, span);
    // Hexadecimal digits and dashes are always a valid header.
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn count(request: &RequestBuilder, target: &Target, seen: Seen, timings: &Timings) {
    record(request, request.name_or(target.name), seen, timings.samples());
}

/// Counts a request that never got a connection: all that is known is how long it tried.
fn count_unsent(request: &RequestBuilder, target: Option<&Target>, kind: ErrorKind, blocked: Duration) {
    let name = target.map_or_else(|| request.http.core.intern_name("(invalid)"), |target| target.name);
    let seen = Seen { status: None, version: None, tls: None, error: Some(kind) };
    let trends = Timings { blocked, ..Timings::default() }.samples_until_connected();
    record(request, request.name_or(name), seen, trends);
}

fn record(request: &RequestBuilder, name: u32, seen: Seen, trends: Trends) {
    let http = &request.http.core;
    let tags = RequestTags {
        base: request.tags,
        name,
        method: method_index(&request.method).unwrap_or(u8::MAX),
        status: seen.status,
        version: seen.version,
        tls: seen.tls,
        error: seen.error,
    };
    let mut recorder = request.vu.state.core.recorder.borrow_mut();
    tags.record(&mut recorder, &http.row, trends, || http.name(name));
}
