//! Scripts that tests ask for by name.

use std::time::Duration;

use bytes::Bytes;

use super::{Script, Step};
use crate::wire;

/// A small JSON answer that leaves the connection open.
fn ok() -> Step {
    Step::Send(wire::response(200, "application/json", br#"{"ok":true}"#).into())
}

fn send(text: &'static str) -> Step {
    Step::Send(Bytes::from_static(text.as_bytes()))
}

/// Behaves: answers every request with 200 and keeps the connection open.
pub fn answers() -> Script {
    vec![Step::ReadRequest, ok(), Step::Again]
}

/// Promises 100 bytes of body, sends 10 and closes the connection.
pub fn hang_up_mid_body() -> Script {
    vec![Step::ReadRequest, send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789"), Step::Close]
}

/// Closes the connection in the middle of the response's head.
pub fn hang_up_mid_head() -> Script {
    vec![Step::ReadRequest, send("HTTP/1.1 200 OK\r\ncontent-le"), Step::Close]
}

/// Reads the request and closes the connection without a word. On a fresh connection this is not a stale one: a
/// client that tries again asks for trouble.
pub fn hangs_up_at_once() -> Script {
    vec![Step::ReadRequest, Step::Close]
}

/// Reads the request and never answers; the connection stays open until the client gives up.
pub fn never_answers() -> Script {
    vec![Step::ReadRequest, Step::Hang]
}

/// Reads the request and resets the connection.
pub fn resets() -> Script {
    vec![Step::ReadRequest, Step::Reset]
}

/// Answers one request, says `connection: close`, and closes: polite, but every request needs a connection.
pub fn closes_after_each_response() -> Script {
    vec![
        Step::ReadRequest,
        send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"),
        Step::Close,
    ]
}

/// Answers one request as if the connection stayed open, and closes it at once.
pub fn closes_unannounced() -> Script {
    vec![Step::ReadRequest, ok(), Step::Close]
}

/// Answers one request and closes the idle connection 50 ms later: the stale keep-alive that a client may find out
/// about only when it sends its next request.
pub fn stale_keep_alive() -> Script {
    vec![Step::ReadRequest, ok(), Step::Wait(Duration::from_millis(50)), Step::Close]
}

/// Answers with something that is not HTTP.
pub fn garbage() -> Script {
    vec![Step::ReadRequest, send("220 mail.example.com ESMTP ready\r\n\r\n\0\u{1}\u{2}"), Step::Close]
}

/// Answers well but slowly: ten bytes of body, `pause` before each.
pub fn dribbles(pause: Duration) -> Script {
    let mut script = vec![Step::ReadRequest, send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")];
    for _ in 0..10 {
        script.extend([Step::Wait(pause), send("x")]);
    }
    script.push(Step::Again);
    script
}
