//! A request as it is written.

use super::ErrorKind;
use super::error::Failure;
use super::follow::CREDENTIALS;
use super::options::TRACEPARENT;
use super::request::RequestBuilder;
use super::target::Target;
use super::transport::exchange::Limits;
use super::transport::http1::{BodyLength, Connection, Lent};
use super::transport::upload::Upload;
use crate::trace::{SpanId, traceparent};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Request};
use http_body::Body as _;

/// The request with all its headers, in the form that HTTP/2 and a person are given. Called again for a retry, which gets a span of its own.
pub(super) fn message(request: &RequestBuilder, target: &Target) -> Result<Request<Upload>, Failure> {
    let mut headers = target.origin.headers.clone();
    if request.is_abroad() {
        CREDENTIALS.iter().for_each(|name| drop(headers.remove(name)));
        // What the test says of the host is not meant for another one either.
        if let Ok(host) = HeaderValue::from_str(&target.origin.authority) {
            headers.insert(HOST, host);
        }
    }
    if let Some(auth) = &target.auth {
        headers.insert(AUTHORIZATION, auth.clone());
    }
    if request.http.core.traces {
        headers.insert(&TRACEPARENT, trace_header(request));
    }
    if let Some(content_type) = request.body_type() {
        headers.insert(CONTENT_TYPE, content_type);
    }
    let body = Upload::new(request);
    if request.has_no_body() && means_body(&request.method) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    for (index, (name, value)) in request.headers.iter().enumerate() {
        if *name == CONTENT_LENGTH && request.built_stream().is_none() {
            check_length(value, &body)?;
        }
        // The first of a name replaces a default; a second one is a second value.
        if request.headers[..index].iter().any(|(earlier, _)| earlier == name) {
            headers.append(name, value.clone());
        } else {
            headers.insert(name, value.clone());
        }
    }
    if let Some(cookie) = &request.cookie {
        headers.insert(COOKIE, cookie.clone());
    }
    let mut message = Request::new(body);
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target.path.clone().into();
    *message.headers_mut() = headers;
    Ok(message)
}

/// The server would believe the header, and cut the body or wait for more of it.
fn check_length(said: &HeaderValue, body: &Upload) -> Result<(), Failure> {
    let said = String::from_utf8_lossy(said.as_bytes());
    let problem = match body.size_hint().exact() {
        Some(length) if said == length.to_string() => return Ok(()),
        Some(length) => {
            format!("content-length is {said}, but the body has {length} bytes: leave that header out")
        }
        None => "body_length() says how long a stream is: leave the header content-length out".to_owned(),
    };
    Err(Failure::new(ErrorKind::InvalidRequest, problem))
}

fn trace_header(request: &RequestBuilder) -> HeaderValue {
    // Hexadecimal digits and dashes are always a valid header.
    let mut value =
        HeaderValue::from_bytes(&trace_text(request)).unwrap_or_else(|_| HeaderValue::from_static(""));
    // No request has it again: HTTP/2 need not remember it, nor look whether it does.
    value.set_sensitive(true);
    value
}

#[inline]
fn trace_text(request: &RequestBuilder) -> [u8; 55] {
    let span = SpanId::from_bytes(request.vu.state.core.new_span().to_be_bytes());
    traceparent(request.vu.trace().trace_id, span)
}

/// The headers that every request to an origin starts from, as HTTP/1.1 writes them.
#[derive(Debug)]
pub(super) struct Lines {
    text: Box<[u8]>,
    /// Of those headers.
    names: Vec<HeaderName>,
    /// They say that each request is the last one of its connection.
    close: bool,
}

impl Lines {
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let (mut text, mut names) = (Vec::new(), Vec::new());
        // An empty traceparent keeps the place of the real one.
        for (name, value) in headers.iter().filter(|(name, value)| *name != TRACEPARENT || !value.is_empty())
        {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                text.extend_from_slice(part);
            }
            names.push(name.clone());
        }
        Self { text: text.into(), names, close: headers.get_all(CONNECTION).iter().any(is_close) }
    }

    /// Whether one of them has this name.
    #[inline]
    pub(super) fn have(&self, name: &HeaderName) -> bool {
        self.names.contains(name)
    }

    /// Whether what a request says itself only comes after them: nothing replaces one of them, or another one of its own, or
    /// says how long the body is.
    #[inline]
    fn suit(&self, request: &RequestBuilder, target: &Target) -> bool {
        let own = [
            (&AUTHORIZATION, target.auth.is_some()),
            (&CONTENT_TYPE, request.has_body_type()),
            (&COOKIE, request.cookie.is_some()),
            (&TRACEPARENT, request.http.core.traces),
        ];
        let is_written = |name: &HeaderName| own.iter().any(|(own, written)| *written && *own == name);
        let is_free = |name: &HeaderName| !is_written(name) && !frames(name);
        !request.is_abroad()
            && self.names.iter().all(is_free)
            && request.headers.iter().all(|(name, _)| is_free(name) && !self.have(name))
    }
}

/// Whether a request says that it is the last one of its connection (RFC 9112, 9.6).
#[inline]
pub(super) fn says_close(request: &RequestBuilder, target: &Target) -> bool {
    let mut own = request.headers.iter().filter(|(name, _)| *name == CONNECTION).peekable();
    if own.peek().is_none() { target.origin.lines.close } else { own.any(|(_, value)| is_close(value)) }
}

fn is_close(connection: &HeaderValue) -> bool {
    let options = connection.as_bytes().split(|byte| *byte == b',');
    options.map(<[u8]>::trim_ascii).any(|option| option.eq_ignore_ascii_case(b"close"))
}

/// Whether a header says how long the body is: that, the body itself tells.
#[inline]
fn frames(name: &HeaderName) -> bool {
    *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING
}

/// Writes a request for an HTTP/1.1 connection. `shown` is what a person has been told of it.
#[inline]
pub(super) fn write_message(
    connection: &mut Connection,
    request: &RequestBuilder,
    target: &Target,
    shown: Option<Request<Upload>>,
    limits: &Limits,
) -> Result<(), Failure> {
    let mut head = connection.buffer();
    head.push(request.method.as_str().as_bytes());
    head.push(b" ");
    head.push(target.path.as_str().as_bytes());
    head.push(b" HTTP/1.1\r\n");
    if shown.is_none() && target.origin.lines.suit(request, target) {
        write_lines(&mut head, request, target);
        let (upload, sized) = write_body(&mut head, request);
        connection.begin(head, upload, sized, &request.method, limits);
        return Ok(());
    }
    let message = shown.map_or_else(|| message(request, target), Ok)?;
    let (upload, sized) = write_any(&mut head, request, message)?;
    connection.begin(head, upload, sized, &request.method, limits);
    Ok(())
}

/// The usual headers.
#[inline]
fn write_lines(head: &mut Lent, request: &RequestBuilder, target: &Target) {
    head.push(&target.origin.lines.text);
    if let Some(auth) = &target.auth {
        push(head, b"authorization", auth.as_bytes());
    }
    if request.http.core.traces {
        push(head, b"traceparent", &trace_text(request));
    }
    if let Some(content_type) = request.body_type() {
        push(head, b"content-type", content_type.as_bytes());
    }
    for (name, value) in &request.headers {
        push(head, name.as_str().as_bytes(), value.as_bytes());
    }
    if let Some(cookie) = &request.cookie {
        push(head, b"cookie", cookie.as_bytes());
    }
}

/// The length of the body and, if it is small, the body; what is left of it.
#[inline]
fn write_body(head: &mut Lent, request: &RequestBuilder) -> (Option<Upload>, BodyLength) {
    if request.more_body().is_some() {
        return write_more(head, request);
    }
    let body = &request.body;
    if !body.is_empty() || means_body(&request.method) {
        push_length(head, body.len() as u64);
    }
    head.push(b"\r\n");
    if body.len() <= head.room() {
        head.push(body);
        return (None, BodyLength::Known);
    }
    (Some(Upload::new(request)), BodyLength::Known)
}

/// The same for a body that is not in one piece.
fn write_more(head: &mut Lent, request: &RequestBuilder) -> (Option<Upload>, BodyLength) {
    let upload = Upload::new(request);
    let sized = match upload.size_hint().exact() {
        Some(length) => {
            push_length(head, length);
            BodyLength::Known
        }
        None => {
            head.push(b"transfer-encoding: chunked\r\n");
            BodyLength::Chunked
        }
    };
    head.push(b"\r\n");
    (Some(upload), sized)
}

/// Whatever headers the user has put together.
#[cold]
fn write_any(
    head: &mut Lent,
    request: &RequestBuilder,
    message: Request<Upload>,
) -> Result<(Option<Upload>, BodyLength), Failure> {
    let headers = message.headers();
    for (name, value) in headers.iter().filter(|(name, _)| !frames(name)) {
        push(head, name.as_str().as_bytes(), value.as_bytes());
    }
    let chunked = is_chunked(headers)?;
    if !chunked {
        return Ok(write_body(head, request));
    }
    head.push(b"transfer-encoding: chunked\r\n\r\n");
    Ok((Some(message.into_body()), BodyLength::Chunked))
}

/// Whether the user wants chunks.
fn is_chunked(headers: &HeaderMap) -> Result<bool, Failure> {
    for coding in headers.get_all(TRANSFER_ENCODING) {
        if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            let coding = String::from_utf8_lossy(coding.as_bytes());
            let problem = format_args!("transfer-encoding: {coding}: only `chunked` can be written");
            return Err(Failure::new(ErrorKind::InvalidRequest, problem));
        }
    }
    Ok(headers.contains_key(TRANSFER_ENCODING))
}

/// Whether a server expects a body, so that none is said to be empty (RFC 9110, 8.6): some answer 411 otherwise.
#[inline]
fn means_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn push_length(head: &mut Lent, length: u64) {
    push(head, b"content-length", itoa::Buffer::new().format(length).as_bytes());
}

#[inline]
fn push(head: &mut Lent, name: &[u8], value: &[u8]) {
    head.push(name);
    head.push(b": ");
    head.push(value);
    head.push(b"\r\n");
}
