//! What an error of the layers below says beside its kind: where it helps, and nothing that the kind says already.

use super::classify::find;
use super::{ErrorKind, Failure};
use crate::protocol::http::transport::exchange::Instants;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

impl Failure {
    /// hyper's error as ours.
    pub(in super::super) fn of_hyper(error: &hyper::Error) -> Self {
        let kind = ErrorKind::of_hyper(error);
        Self { kind, detail: detail(kind, error) }
    }

    /// The system's error on an open connection, or rustls's, as ours.
    #[cold]
    pub(in super::super) fn of_io(error: &io::Error) -> Self {
        let kind = ErrorKind::of_io(error);
        Self { kind, detail: detail_of_io(kind, error.to_string()) }
    }
}

/// What there was not when a request's time was over. Without a connection it has no instants.
pub(in super::super) fn lack(
    kind: ErrorKind,
    instants: Option<Instants>,
    timeout: Duration,
) -> Option<String> {
    let lack = match instants.map(|instants| instants.first_read) {
        _ if kind != ErrorKind::Timeout => return None,
        None => "connection",
        Some(None) => "answer",
        Some(Some(_)) => "whole answer",
    };
    Some(format!("no {lack} within {timeout:?}"))
}

fn detail(kind: ErrorKind, error: &hyper::Error) -> Option<String> {
    // What hyper itself says of an error with a cause is only where it happened to see it.
    let cause = error.source().map(ToString::to_string);
    match kind {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionClosed => {
            cause.and_then(|cause| detail_of_io(kind, cause))
        }
        ErrorKind::Http2GoAway(_) | ErrorKind::Http2Stream(_) | ErrorKind::Http2Connection(_) => {
            find::<h2::Error>(error).map(of_h2)
        }
        _ => Some(cause.unwrap_or_else(|| error.to_string())),
    }
}

fn detail_of_io(kind: ErrorKind, text: String) -> Option<String> {
    match kind {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => None,
        // rustls adds the address of its manual.
        ErrorKind::ConnectionClosed if text.contains("close_notify") => {
            Some("without TLS's close_notify".to_owned())
        }
        _ => Some(text),
    }
}

/// Who said the code, which has been told, and what else.
fn of_h2(error: &h2::Error) -> String {
    let who = match (error.is_remote(), error.is_reset()) {
        (true, true) => "the server has reset the stream",
        (true, false) => "the server has closed the connection",
        (false, _) => "what the server has sent is none of HTTP/2",
    };
    // There is no other way to what came with a GOAWAY, or what h2 says of its own.
    let text = error.to_string();
    match text.split_once(" (b\"").and_then(|(_, more)| more.strip_suffix("\")")) {
        Some(more) => format!("{who}: {more}"),
        None => who.to_owned(),
    }
}
