//! `run --debug`: each request and response in full.

use super::head::Head;
use super::request::RequestBuilder;
use super::response::Timings;
use super::target::Target;
use super::transport::upload::Upload;
use crate::plan::format_duration;
use crate::run::Narrator;
use http::Request;
use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http_body::Body as _;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Shows the requests of one core.
#[derive(Debug)]
pub(super) struct Dump(Arc<Narrator>);

impl Dump {
    pub(super) fn new(narrator: Arc<Narrator>) -> Self {
        Self(narrator)
    }

    /// Shows a request that is about to be written; gives it a number.
    pub(super) fn request(
        &self,
        request: &RequestBuilder,
        target: &Target,
        message: &Request<Upload>,
    ) -> u64 {
        let number = self.0.next_request();
        let (vu, mut text) = (&request.vu, String::new());
        let place = [vu.scenario(), &vu.group_path()].concat();
        let scheme = if target.origin.tls { "https" } else { "http" };
        let _ = writeln!(text, "\n→ request {number} of {place} to {scheme}://{}", target.origin.authority);
        let _ = writeln!(text, "{} {} {:?}", message.method(), message.uri(), message.version());
        push_headers(&mut text, message.headers());
        if ![CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| message.headers().contains_key(name)) {
            // Added when the head is written.
            match message.body().size_hint().exact() {
                Some(0) => {}
                Some(length) => drop(writeln!(text, "content-length: {length}")),
                None => text.push_str("transfer-encoding: chunked\n"),
            }
        }
        push_body(&mut text, &request.whole_body());
        if request.streams_body() {
            text.push_str("\n(streamed)\n");
        }
        self.0.say(&text);
        number
    }

    pub(super) fn response(
        &self,
        number: Option<u64>,
        head: &Head,
        body: &[u8],
        remote: Option<SocketAddr>,
        tls: Option<&str>,
        timings: &Timings,
    ) {
        let remote = remote.map_or_else(|| "a Unix socket".to_owned(), |remote| remote.to_string());
        let tls = tls.map_or_else(String::new, |tls| format!(" over {tls}"));
        let number = number.unwrap_or_default();
        let mut text = format!("\n← response to request {number} from {remote}{tls}\n");
        let _ = writeln!(text, "{:?} {}", head.version, head.status);
        push_headers(&mut text, head.headers.map());
        push_body(&mut text, body);
        push_timings(&mut text, timings);
        self.0.say(&text);
    }

    /// Shows that a request got no answer. Without a number it never was on its way.
    pub(super) fn failure(&self, number: Option<u64>, what: &dyn std::fmt::Display, timings: &Timings) {
        let mut text = String::new();
        let _ = match number {
            Some(number) => writeln!(text, "\n✗ no response to request {number}: {what}"),
            None => writeln!(text, "\n✗ no request: {what}"),
        };
        push_timings(&mut text, timings);
        self.0.say(&text);
    }
}

fn push_headers(text: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {}", shown(value.as_bytes()));
    }
}

/// The whole body, after an empty line.
fn push_body(text: &mut String, body: &[u8]) {
    if !body.is_empty() {
        let _ = writeln!(text, "\n{}", shown(body).trim_end_matches('\n'));
    }
}

/// As text if it is text. Nothing in it may steer a terminal.
fn shown(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.escape_ascii().to_string() };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

fn push_timings(text: &mut String, timings: &Timings) {
    let whole = |duration: Duration| Duration::from_micros(duration.as_micros() as u64);
    let phases = [
        ("blocked", timings.blocked),
        ("looking up", timings.looking_up),
        ("connecting", timings.connecting),
        ("tls", timings.tls_handshaking),
        ("sending", timings.sending),
        ("waiting", timings.waiting),
        ("receiving", timings.receiving),
        ("duration", timings.duration()),
    ];
    let phases: Vec<_> = phases
        .into_iter()
        .map(|(name, time)| (name, whole(time)))
        .filter(|(name, time)| *name == "duration" || !time.is_zero())
        .map(|(name, time)| format!("{name} {}", format_duration(time)))
        .collect();
    let _ = writeln!(text, "  {}", phases.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_shown_in_full_and_cannot_steer_a_terminal() {
        assert_eq!(shown("a\tb\nü".as_bytes()), "a\tb\nü");
        assert_eq!(shown(b"\x1b[2J\r"), "\\u{1b}[2J\\r");
        assert_eq!(shown(&[0, 159, b'a']), "\\x00\\x9fa");
        let mut text = String::new();
        push_body(&mut text, &b"x".repeat(100_000));
        assert_eq!(text.len(), 100_002);
    }

    #[test]
    fn only_phases_that_took_time_are_told() {
        let timings = Timings { waiting: Duration::from_nanos(1_234_567), ..Timings::default() };
        let mut text = String::new();
        push_timings(&mut text, &timings);
        assert_eq!(text, "  waiting 1.234ms, duration 1.234ms\n");
    }
}
