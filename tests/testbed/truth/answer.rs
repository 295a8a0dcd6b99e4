//! What is answered to what.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::record::Record;
use crate::head::Head;

/// The body of most answers, about as long as a small JSON API's.
const HELLO: &str =
    r#"{"message":"this is what really happened","server":"truth","padding":"012345678901234567890123"}"#;

/// The part of a long body that is repeated.
pub(super) static FILLER: [u8; 64 << 10] = [b'x'; 64 << 10];

/// The answer to one request, decided when it was read and free of borrows, since it may have to wait.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) delay: Option<Duration>,
    kind: Kind,
    is_head: bool,
    pub(super) keep_alive: bool,
}

#[derive(Debug)]
enum Kind {
    Hello,
    Bytes(u64),
    Status(u16),
    Json(u16, Vec<u8>),
}

impl Answer {
    pub(super) fn to(head: &Head<'_>, body: &[u8], record: &Record) -> Answer {
        let path = head.target.split('?').next().unwrap_or_default();
        let number = |prefix: &str| path.strip_prefix(prefix).and_then(|digits| digits.parse::<u64>().ok());
        let mut delay = None;
        let kind = if path == "/" {
            Kind::Hello
        } else if path == "/mix" {
            delay = Some(record.next_delay());
            Kind::Hello
        } else if path == "/trace" {
            let [traceparent, iteration] = ["traceparent", "x-vu-iteration"].map(|name| head.field(name));
            record.traced(traceparent.as_deref().unwrap_or("-"), iteration.as_deref().unwrap_or("-"));
            Kind::Hello
        } else if path == "/echo" {
            Kind::Json(200, echo(head, body))
        } else if let Some(ms) = number("/delay/") {
            delay = Some(ms);
            Kind::Hello
        } else if let Some(len) = number("/bytes/") {
            Kind::Bytes(len)
        } else if let Some(code) = number("/status/").filter(|code| (200..1000).contains(code)) {
            Kind::Status(code as u16)
        } else {
            Kind::Json(404, br#"{"error":"no such page"}"#.to_vec())
        };
        Answer {
            delay: delay.map(Duration::from_millis),
            kind,
            is_head: head.method == "HEAD",
            keep_alive: head.keep_alive,
        }
    }

    /// The answer to what is not a request; the connection ends with it.
    pub(super) fn refusal(status: u16, why: &str) -> Answer {
        let body = json!({ "error": why }).to_string().into_bytes();
        Answer { delay: None, kind: Kind::Json(status, body), is_head: false, keep_alive: false }
    }

    /// Writes the response into `out`, which it clears; returns how many bytes of [`FILLER`] are to follow.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> u64 {
        out.clear();
        match &self.kind {
            Kind::Hello => self.write_json(200, HELLO.as_bytes(), out),
            Kind::Json(status, body) => self.write_json(*status, body, out),
            Kind::Status(status) => {
                // These two have no body and say nothing about its length.
                let length = if matches!(status, 204 | 304) { "" } else { "content-length: 0\r\n" };
                self.write_head(*status, length, out);
            }
            Kind::Bytes(len) => {
                let length = format!("content-type: application/octet-stream\r\ncontent-length: {len}\r\n");
                self.write_head(200, &length, out);
                if !self.is_head {
                    let now = (*len).min(FILLER.len() as u64);
                    out.extend_from_slice(&FILLER[..now as usize]);
                    return len - now;
                }
            }
        }
        0
    }

    fn write_json(&self, status: u16, body: &[u8], out: &mut Vec<u8>) {
        let mut length = [0_u8; 80];
        let mut rest = &mut length[..];
        // Infallible: the text and twenty digits fit.
        let _ = write!(rest, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        let unused = rest.len();
        let length = str::from_utf8(&length[..80 - unused]).unwrap_or_default();
        self.write_head(status, length, out);
        if !self.is_head {
            out.extend_from_slice(body);
        }
    }

    fn write_head(&self, status: u16, fields: &str, out: &mut Vec<u8>) {
        let close = if self.keep_alive { "" } else { "connection: close\r\n" };
        // Writing to memory cannot fail.
        let _ = write!(out, "HTTP/1.1 {status} {}\r\n{fields}{close}\r\n", reason(status));
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        // The phrase may be empty, and clients ignore it.
        _ => "",
    }
}

fn echo(head: &Head<'_>, body: &[u8]) -> Vec<u8> {
    let headers: Vec<_> = head
        .fields()
        .map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
        .collect();
    let echo = json!({
        "method": head.method,
        "target": head.target,
        "headers": headers,
        "body": String::from_utf8_lossy(body),
    });
    echo.to_string().into_bytes()
}
