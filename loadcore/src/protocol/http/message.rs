//! A request as it is written.

use super::ErrorKind;
use super::error::Failure;
use super::follow::CREDENTIALS;
use super::options::TRACEPARENT;
use super::request::RequestBuilder;
use super::target::Target;
use super::transport::upload::Upload;
use crate::trace::{SpanId, traceparent};
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{Method, Request};
use http_body::Body as _;

/// The request as hyper takes it. Called again for a retry, which gets a span of its own.
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
    if let Some((name, value)) = framing(request, &body) {
        headers.insert(name, value);
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

/// What hyper leaves out: that there is no body where a server expects one, as other clients say it (some servers answer 411
/// otherwise), and that there is one where it would not send it.
#[inline]
fn framing(request: &RequestBuilder, body: &Upload) -> Option<(HeaderName, HeaderValue)> {
    match request.method {
        Method::POST | Method::PUT | Method::PATCH if request.has_no_body() => {
            Some((CONTENT_LENGTH, HeaderValue::from_static("0")))
        }
        Method::GET | Method::HEAD if request.streams_body() && body.size_hint().exact().is_none() => {
            Some((TRANSFER_ENCODING, HeaderValue::from_static("chunked")))
        }
        _ => None,
    }
}

/// hyper would believe the header, and cut the body or wait for more of it.
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
    let span = SpanId::from_bytes(request.vu.state.core.new_span().to_be_bytes());
    let text = traceparent(request.vu.trace().trace_id, span);
    // Hexadecimal digits and dashes are always a valid header.
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
