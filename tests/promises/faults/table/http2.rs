//! The faults of HTTP/2, with and without TLS.

use loadcore::http::{ErrorKind, H2Code, HttpVersions};
use loadcore::prelude::*;
use testbed::Authority;
use testbed::http2::{Act, Http2Server, RunningHttp2};

use super::http1::limited;
use super::{Bout, Front};
use crate::bodies::{bomb, gzip};

use ErrorKind::{
    BodyTooLarge, ConnectionClosed, ConnectionReset, Decompression, Http2Connection, Http2GoAway,
    Http2Stream, Timeout,
};

const END_HEADERS: u8 = 4;

/// A frame that is not one of the scripts' own.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Act {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    Act::Raw([&[a, b, c, kind, flags][..], &stream.to_be_bytes(), payload].concat().into())
}

/// A head of the connection's first request, as HPACK writes it.
fn head(flags: u8, fields: &[u8]) -> Act {
    frame(1, END_HEADERS | flags, 1, fields)
}

/// The beginning of one.
fn begun_head() -> Act {
    frame(1, 0, 1, b"\x88")
}

/// A head that goes on and on.
fn endless_headers() -> Vec<Act> {
    let field = [&b"\x00\x06x-more\x7f\x81\x07"[..], &[b'x'; 1024]].concat();
    let goes_on = frame(9, 0, 1, &field.repeat(15));
    [vec![begun_head()], vec![goes_on; 1_000]].concat()
}

/// The status 103, as a frame of its own.
fn interim() -> Vec<u8> {
    [&[0, 0, 5, 1, END_HEADERS, 0, 0, 0, 1][..], b"\x08\x03103"].concat()
}

/// A response that says that its body is compressed.
fn gzipped(body: Vec<u8>) -> Vec<Act> {
    vec![head(0, b"\x88\x0f\x0b\x04gzip"), Act::Last(body.into())]
}

/// A response that says that its body has two bytes.
fn of_two(body: &'static str) -> Vec<Act> {
    vec![head(0, b"\x88\x0f\x0d\x012"), Act::Last(body.into())]
}

/// Comes, but not in time.
fn dribbles() -> Vec<Act> {
    let piece = vec![Act::Wait(millis(100)), Act::Data("o".into())];
    [vec![Act::Head], vec![piece; 10].concat(), vec![Act::Last("k".into())]].concat()
}

/// What a server does about the first request of a connection, and what it is called.
fn faults() -> Vec<(&'static str, Vec<Act>, ErrorKind)> {
    vec![
        ("reset before the head", vec![Act::Wait(millis(20)), Act::Abort], ConnectionReset),
        ("reset after the head", vec![Act::Head, Act::Wait(millis(20)), Act::Abort], ConnectionReset),
        ("reset within the head", vec![begun_head(), Act::Wait(millis(20)), Act::Abort], ConnectionReset),
        (
            "reset within the body",
            vec![Act::Head, Act::Data("o".into()), Act::Wait(millis(20)), Act::Abort],
            ConnectionReset,
        ),
        ("closed before the head", vec![Act::Close], ConnectionClosed),
        ("closed within the head", vec![begun_head(), Act::Close], ConnectionClosed),
        ("closed within the body", vec![Act::Head, Act::Data("o".into()), Act::Close], ConnectionClosed),
        ("no answer", Act::never(), Timeout),
        ("no body", vec![Act::Head], Timeout),
        ("slow body", dribbles(), Timeout),
        ("RST_STREAM", vec![Act::Reset(2)], Http2Stream(H2Code::InternalError)),
        (
            "RST_STREAM in the body",
            vec![Act::Head, Act::Data("o".into()), Act::Reset(11)],
            Http2Stream(H2Code::EnhanceYourCalm),
        ),
        ("RST_STREAM of no standard", vec![Act::Head, Act::Reset(99)], Http2Stream(H2Code::Unknown)),
        (
            "GOAWAY in the body",
            vec![Act::Head, Act::Data("o".into()), Act::GoAwayAfter(2), Act::Close],
            Http2GoAway(H2Code::InternalError),
        ),
        ("body shorter than it says", of_two("o"), Http2Stream(H2Code::ProtocolError)),
        ("body longer than it says", of_two("oops"), Http2Stream(H2Code::ProtocolError)),
        ("not gzip", gzipped(b"hello".to_vec()), Decompression),
        ("gzip cut short", gzipped(gzip(b"hello")[..12].to_vec()), Decompression),
        ("decompression bomb", gzipped(bomb(8)), Decompression),
        (
            "endless body",
            [vec![Act::Head], vec![Act::Data(vec![0; 16 << 10].into()); 80]].concat(),
            BodyTooLarge,
        ),
        ("headers that are none", vec![head(0, &[0xff; 8])], Http2Connection(H2Code::ProtocolError)),
        ("endless headers", endless_headers(), Http2Connection(H2Code::EnhanceYourCalm)),
        ("endless interim responses", vec![Act::Raw(interim().repeat(100_000).into())], Timeout),
        // HTTP/2 knows no such thing, and goes on waiting as after other interim responses.
        ("an unasked switch", vec![head(0, b"\x08\x03101")], Timeout),
        (
            "a frame that is too large",
            vec![frame(0, 0, 1, &[0; 16_385])],
            Http2Connection(H2Code::FrameSizeError),
        ),
    ]
}

/// The servers, to be kept, and the bouts with them.
pub(super) async fn bouts(with_tls: bool, rounds: u64) -> (Vec<(RunningHttp2, Option<Front>)>, Vec<Bout>) {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"]);
    let (mut servers, mut bouts) = (Vec::new(), Vec::new());
    for (fault, script, kind) in faults() {
        let scripts = (0..rounds).flat_map(|_| [script.clone(), Act::answer("ok")]);
        let server = Http2Server::new(scripts).start().await.unwrap();
        let front = if with_tls { Some(Front::of(&server.url(), &identity).await) } else { None };
        let url = front.as_ref().map_or_else(|| server.url(), Front::url);
        // On a connection that was used before, an idempotent request would be sent again.
        let http = limited(&authority).versions(HttpVersions::Http2).no_vu_connection_reuse(true);
        let over = if with_tls { "HTTP/2, TLS" } else { "HTTP/2" };
        bouts.push(Bout { name: format!("{fault} ({over})"), url, next: "/next".to_owned(), http, kind });
        servers.push((server, front));
    }
    (servers, bouts)
}
