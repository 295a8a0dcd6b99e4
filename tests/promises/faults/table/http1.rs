//! The faults of HTTP/1.1, with and without TLS.

use loadcore::http::{ErrorKind, Http, Tls};
use loadcore::prelude::*;
use testbed::misbehaving::{self, Misbehaving, Script, Step};
use testbed::{Authority, Identity};

use super::Bout;
use crate::bodies::{bomb, gzip};

use ErrorKind::{
    BodyTooLarge, BrokenTls, ConnectionClosed, ConnectionReset, Decompression, HeadTooLarge, InvalidResponse,
    SwitchedProtocols, Timeout,
};

fn send(text: &'static str) -> Step {
    Step::Send(text.into())
}

/// Reads the request and answers with this, then does `after`.
fn says(text: &'static str, after: Step) -> Script {
    vec![Step::ReadRequest, send(text), after]
}

/// A whole response that ends the connection.
fn serves() -> Script {
    vec![
        Step::ReadRequest,
        send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"),
        Step::Close,
    ]
}

/// Sends a part, gives it the time to arrive alone, and resets.
fn resets_after(text: &'static str) -> Script {
    vec![Step::ReadRequest, send(text), Step::Wait(millis(20)), Step::Reset]
}

/// Answers with these headers and this body, and keeps the connection open.
fn answers(headers: &str, body: &str) -> Script {
    let answer = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}");
    vec![Step::ReadRequest, Step::Send(answer.into()), Step::Hang]
}

/// A whole response with a body that says that it is compressed, which ends the connection.
fn gzipped(body: &[u8]) -> Script {
    let fields = "connection: close\r\ncontent-encoding: gzip\r\ncontent-length";
    let head = format!("HTTP/1.1 200 OK\r\n{fields}: {}\r\n\r\n", body.len());
    vec![Step::ReadRequest, Step::Send([head.as_bytes(), body].concat().into()), Step::Close]
}

fn wrong_checksum() -> Vec<u8> {
    let mut body = gzip(b"hello");
    // The last eight bytes are the checksum and the length.
    let first = body.len() - 8;
    body[first] ^= 1;
    body
}

fn floods(first: &'static str, then: &'static str) -> Script {
    vec![Step::ReadRequest, send(first), Step::Flood(then.repeat(1000).into())]
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const OF_TEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
const PART_OF_TEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
const CHUNKED: &str = "transfer-encoding: chunked";
const CHUNK: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";

/// What a server does, and what it is called.
fn faults() -> Vec<(&'static str, Script, ErrorKind)> {
    vec![
        ("reset at once", vec![Step::Reset], ConnectionReset),
        ("reset before the head", misbehaving::resets(), ConnectionReset),
        ("reset within the head", resets_after(HEAD), ConnectionReset),
        ("reset after the head", resets_after(OF_TEN), ConnectionReset),
        ("reset within the body", resets_after(PART_OF_TEN), ConnectionReset),
        ("reset within chunks", resets_after(CHUNK), ConnectionReset),
        ("closed before the head", misbehaving::hangs_up_at_once(), ConnectionClosed),
        ("closed within the head", misbehaving::hang_up_mid_head(), ConnectionClosed),
        ("closed after the head", says(OF_TEN, Step::Close), ConnectionClosed),
        ("body cut short", misbehaving::hang_up_mid_body(), ConnectionClosed),
        ("body cut without a word", says(PART_OF_TEN, Step::Cut), ConnectionClosed),
        ("chunks cut short", says(CHUNK, Step::Close), ConnectionClosed),
        ("no answer", misbehaving::never_answers(), Timeout),
        ("no end of the head", says(HEAD, Step::Hang), Timeout),
        ("no body", says(OF_TEN, Step::Hang), Timeout),
        ("content-length too long, and no end", says(PART_OF_TEN, Step::Hang), Timeout),
        ("no last chunk", says(CHUNK, Step::Hang), Timeout),
        ("slow body", misbehaving::dribbles(millis(100)), Timeout),
        ("endless headers", floods(HEAD, "x-more: and more of them\r\n"), HeadTooLarge),
        ("an endless header", floods("HTTP/1.1 200 OK\r\nx-more: ", "and more "), HeadTooLarge),
        ("an endless reason", floods("HTTP/1.1 200 ", "OK "), HeadTooLarge),
        ("endless interim responses", floods("", "HTTP/1.1 103 Early Hints\r\n\r\n"), Timeout),
        ("content-length no number", answers("content-length: ten", ""), InvalidResponse),
        ("content-length negative", answers("content-length: -1", ""), InvalidResponse),
        ("content-length huge", answers("content-length: 99999999999999999999", ""), InvalidResponse),
        ("two lengths", answers("content-length: 1\r\ncontent-length: 2", "ok"), InvalidResponse),
        ("chunk size no number", answers(CHUNKED, "zz\r\nhello\r\n"), InvalidResponse),
        ("chunk size too large", answers(CHUNKED, "fffffffffffffffff\r\n"), InvalidResponse),
        ("chunk longer than it says", answers(CHUNKED, "2\r\nhello\r\n0\r\n\r\n"), InvalidResponse),
        ("not gzip", gzipped(b"hello"), Decompression),
        ("gzip cut short", gzipped(&gzip(b"hello")[..12]), Decompression),
        ("gzip with a wrong checksum", gzipped(&wrong_checksum()), Decompression),
        ("decompression bomb", gzipped(&bomb(8)), Decompression),
        ("endless body", floods("HTTP/1.1 200 OK\r\n\r\n", "more and more "), BodyTooLarge),
        ("another protocol", misbehaving::garbage(), InvalidResponse),
        ("no such version", says("HTTP/9.9 200 OK\r\n\r\n", Step::Hang), InvalidResponse),
        ("no status", says("HTTP/1.1 OK\r\n\r\n", Step::Hang), InvalidResponse),
        ("an unasked switch", says(SWITCH, Step::Hang), SwitchedProtocols),
        ("an unasked switch, then closed", says(SWITCH, Step::Close), SwitchedProtocols),
    ]
}

/// What only a connection with TLS can suffer.
fn faults_of_tls() -> Vec<(&'static str, Script, ErrorKind)> {
    let to_the_end = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall there is";
    vec![
        // Anybody between could have cut it.
        ("a body to the end, cut without a word", says(to_the_end, Step::Cut), ConnectionClosed),
        (
            "a record that is none",
            vec![Step::ReadRequest, Step::SendBelow("HTTP/1.1".into()), Step::Hang],
            BrokenTls,
        ),
    ]
}

/// Bodies have limits, so that what has no end is not waited for.
pub(super) fn limited(authority: &Authority) -> Http {
    let tls = Tls::new().root_certificates(authority.pem());
    Http::new().tls(tls).max_inflated_body(2 << 20).max_response_body(1 << 20)
}

/// The servers, to be kept, and the bouts with them.
pub(super) async fn bouts(with_tls: bool, rounds: u64) -> (Vec<Misbehaving>, Vec<Bout>) {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"]);
    let (mut servers, mut bouts) = (Vec::new(), Vec::new());
    let of_tls = if with_tls { faults_of_tls() } else { Vec::new() };
    for (fault, script, kind) in faults().into_iter().chain(of_tls) {
        let scripts = (0..rounds).flat_map(|_| [script.clone(), serves()]);
        let server = start(with_tls.then_some(&identity), scripts.collect()).await;
        let (url, http) = (server.url(), limited(&authority));
        let over = if with_tls { "TLS" } else { "HTTP/1.1" };
        bouts.push(Bout { name: format!("{fault} ({over})"), url, next: "/next".to_owned(), http, kind });
        servers.push(server);
    }
    (servers, bouts)
}

async fn start(identity: Option<&Identity>, scripts: Vec<Script>) -> Misbehaving {
    match identity {
        None => Misbehaving::start(scripts).await,
        Some(identity) => Misbehaving::start_tls(identity, scripts).await,
    }
    .unwrap()
}
