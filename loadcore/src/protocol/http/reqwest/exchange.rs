//! One hop of a request that reqwest sends, measured by what reqwest lets one see.

use super::client::Clients;
use super::execute::Executed;
use super::failure::of_reqwest;
use super::options::Via;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::body;
use crate::protocol::http::count::{Seen, count_one, record};
use crate::protocol::http::error::{Failure, SendError};
use crate::protocol::http::head::Head;
use crate::protocol::http::hop::Answer;
use crate::protocol::http::message::message;
use crate::protocol::http::metrics::NO_DURATIONS;
use crate::protocol::http::options::{HttpOptions, USER_AGENT_VALUE};
use crate::protocol::http::request::RequestBuilder;
use crate::protocol::http::response::Timings;
use crate::protocol::http::target::Target;
use crate::protocol::http::transport::exchange::Collected;
use ::reqwest::{Client, Request, Response};
use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, StatusCode};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;
use tokio::time::timeout_at;
use url::Url;

/// As [`hop::exchange`](crate::protocol::http::hop::exchange), through reqwest.
pub(in crate::protocol::http) async fn exchange(
    request: &RequestBuilder,
    target: &Rc<Target>,
    deadline: Instant,
) -> Result<Answer, SendError> {
    let mut attempt = Attempt {
        request,
        target,
        started: Instant::now(),
        sent: false,
        head_at: None,
        ended: None,
        number: None,
        over: false,
    };
    let outcome = timeout_at(deadline.into(), attempt.run()).await;
    attempt.over = true;
    let timings = attempt.timings();
    match outcome.unwrap_or_else(|_| Err(ErrorKind::Timeout.into())) {
        Ok(Answered { head, body, remote, landed }) => {
            let (status, version) = (Some(head.status), Some(head.version));
            attempt.count(Seen { status, version, tls: None, error: None }, &timings);
            if let Some(dump) = &request.http.core.dump {
                dump.response(attempt.number, &head, &body, remote, None, &timings);
            }
            Ok(Answer { head, body: body.into(), timings, remote, tls: None, landed })
        }
        Err(failure) => {
            attempt.count(Seen::unanswered(failure.kind), &timings);
            let error = SendError::new(failure.kind, &request.method, &target.url(), failure.detail);
            if let Some(dump) = &request.http.core.dump {
                dump.failure(attempt.number, &error, &timings);
            }
            Err(error)
        }
    }
}

struct Answered {
    head: Head,
    body: Bytes,
    remote: Option<SocketAddr>,
    /// Where a client that follows redirects has come to.
    landed: Option<Rc<Target>>,
}

/// A request under way. If it is dropped, it counts as cancelled as soon as reqwest has got it.
struct Attempt<'a> {
    request: &'a RequestBuilder,
    target: &'a Rc<Target>,
    /// When reqwest got it.
    started: Instant,
    sent: bool,
    head_at: Option<Instant>,
    /// When the body had come.
    ended: Option<Instant>,
    number: Option<u64>,
    over: bool,
}

impl Attempt<'_> {
    async fn run(&mut self) -> Result<Answered, Failure> {
        let (http, origin) = (&self.request.http, &self.target.origin);
        if let Some(pattern) = http.core.options.http.names.blocked_by(&origin.host, origin.port) {
            return Err(Failure::new(ErrorKind::BlockedHost, format_args!("the test blocks {pattern}")));
        }
        let client = match self.executed().and_then(|executed| executed.client.clone()) {
            Some(client) => Clients::check(&http.core.options).map(|()| client)?,
            None => Clients::of(http, &origin.host).await?,
        };
        let outgoing = self.outgoing()?;
        let asked = outgoing.url().clone();
        let (mut response, mut body) = self.receive(&client, outgoing).await?;
        let landed = match response.url() {
            url if *url == asked => None,
            url => Some(Rc::new(self.target.landed(&http.core, url)?)),
        };
        let (status, version) = (response.status(), response.version());
        let headers = std::mem::take(response.headers_mut()).into();
        let head = Head { status, version, headers };
        if body::is_to_inflate(self.request, head.status, &head.headers, body.is_empty()) {
            body = body::inflate_answer(self.request, &head.headers, body).await?;
        }
        Ok(Answered { head, body, remote: response.remote_addr(), landed })
    }

    async fn receive(&mut self, client: &Client, outgoing: Request) -> Result<(Response, Bytes), Failure> {
        (self.sent, self.started) = (true, Instant::now());
        let is_tls = self.target.origin.tls;
        let mut response = match client.execute(outgoing).await {
            Ok(response) => response,
            Err(error) => {
                // Without a connection nothing was sent, and there is no duration.
                self.sent = !error.is_connect() && !error.is_builder();
                return Err(of_reqwest(error, is_tls));
            }
        };
        self.head_at = Some(Instant::now());
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(ErrorKind::SwitchedProtocols.into());
        }
        let keeps = self.request.keeps_body() || self.request.http.core.dump.is_some();
        let most = self.request.http.core.options.http.bodies.most;
        let mut body = Collected::default();
        while let Some(piece) = response.chunk().await.map_err(|error| of_reqwest(error, is_tls))? {
            if keeps {
                body.push(piece, most)?;
            }
        }
        self.ended = Some(Instant::now());
        Ok((response, body.finish()))
    }

    /// The request as reqwest takes it, with a span of its own.
    fn outgoing(&mut self) -> Result<Request, Failure> {
        let (request, target) = (self.request, self.target);
        let message = message(request, target)?;
        if let Some(dump) = &request.http.core.dump {
            self.number = Some(dump.request(request, target, &message));
        }
        let scheme = if target.origin.tls { "https" } else { "http" };
        let url = format!("{scheme}://{}{}", target.origin.authority, message.uri());
        let url = Url::parse(&url).map_err(|error| Failure::new(ErrorKind::InvalidRequest, error))?;
        let mut outgoing = Request::new(request.method.clone(), url);
        *outgoing.headers_mut() = self.headers(message.into_parts().0.headers);
        if request.timeout != HttpOptions::TIMEOUT {
            // What the request says goes before what its client says.
            *outgoing.timeout_mut() = Some(request.timeout);
        }
        if request.streams_body() {
            let problem = "reqwest does not send a body_stream: leave out the reqwest transport, or give the body as a whole";
            return Err(Failure::new(ErrorKind::InvalidRequest, problem));
        }
        let body = request.whole_body();
        if !body.is_empty() {
            *outgoing.body_mut() = Some(body.into());
        }
        if let Some(executed) = self.executed() {
            *outgoing.version_mut() = executed.version;
            if let Some(stream) = &executed.stream {
                *outgoing.body_mut() = stream.take();
            }
        }
        Ok(outgoing)
    }

    fn executed(&self) -> Option<&Executed> {
        self.request.extras.as_ref()?.executed.as_deref()
    }

    /// Without what reqwest, or the user's client, says itself.
    fn headers(&self, mut headers: HeaderMap) -> HeaderMap {
        if headers.get(HOST).is_some_and(|host| *host == *self.target.origin.authority) {
            headers.remove(HOST);
        }
        let is_users = matches!(self.request.http.core.options.http.via, Via::Client(_))
            || self.executed().is_some_and(|executed| executed.client.is_some());
        if is_users && headers.get(USER_AGENT).is_some_and(|agent| *agent == *USER_AGENT_VALUE) {
            headers.remove(USER_AGENT);
        }
        headers
    }

    /// From when reqwest got the request to the head, and from there to the end.
    fn timings(&self) -> Timings {
        let ended = self.ended.unwrap_or_else(Instant::now);
        let head_at = self.head_at.unwrap_or(ended);
        let waiting = head_at.saturating_duration_since(self.started);
        Timings { waiting, receiving: ended.saturating_duration_since(head_at), ..Timings::default() }
    }

    fn count(&self, seen: Seen, timings: &Timings) {
        let trends = if self.sent { timings.samples_of_reqwest() } else { NO_DURATIONS };
        record(self.request, self.request.name_at(self.target), seen, trends);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let timings = self.timings();
        if let Some(dump) = &self.request.http.core.dump {
            dump.failure(self.number, &ErrorKind::Cancelled.text(), &timings);
        }
        if self.sent {
            self.count(Seen::unanswered(ErrorKind::Cancelled), &timings);
        } else {
            count_one(self.request, self.request.http.core.abandoned);
        }
    }
}
