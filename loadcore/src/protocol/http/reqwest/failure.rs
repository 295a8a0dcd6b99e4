//! What reqwest's errors mean.

use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::transport::tls;
use std::error::Error as StdError;
use std::io;

/// An error of reqwest as ours.
pub(super) fn of_reqwest(error: ::reqwest::Error, is_tls: bool) -> Failure {
    if error.is_connect()
        && let Some(failure) = found(&error).map(tls::of_tls)
    {
        return failure;
    }
    let kind = kind_of(&error, is_tls);
    // Its URL is told beside it, and may have secrets in its query.
    Failure::new(kind, chain(&error.without_url()))
}

fn kind_of(error: &::reqwest::Error, is_tls: bool) -> ErrorKind {
    if error.is_builder() {
        ErrorKind::InvalidRequest
    } else if error.is_dns() {
        innermost(error).map_or(ErrorKind::Dns, ErrorKind::of_lookup)
    } else if error.is_connect() {
        of_connect(error, is_tls)
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else if let Some(hyper) = found(error) {
        ErrorKind::of_hyper(hyper)
    } else {
        innermost(error).map_or(ErrorKind::Other, ErrorKind::of_io)
    }
}

/// Of a connection that was not made, to the target or to the proxy.
fn of_connect(error: &::reqwest::Error, is_tls: bool) -> ErrorKind {
    match innermost(error) {
        _ if error.is_timeout() => ErrorKind::ConnectTimeout,
        Some(io) if io.kind() == io::ErrorKind::UnexpectedEof && is_tls => ErrorKind::Tls,
        Some(io) => ErrorKind::of_connect(io),
        None => ErrorKind::Connect,
    }
}

/// The system's own word: what wraps it has a kind that says nothing.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    causes(error).filter_map(|cause| cause.downcast_ref()).last()
}

fn found<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The error and all that it comes from. An [`io::Error`] leaves out of its sources the very error that it holds.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        held.map(|held| held as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

/// All messages, outermost first, as `a: b: c`.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error) {
        let message = cause.to_string();
        // An error may repeat the one that it holds.
        if !text.ends_with(&message) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&message);
        }
    }
    text
}
