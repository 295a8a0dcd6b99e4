//! A server that says what it hears, before it has heard all: neither side may wait for the other.

use super::peer::{Say, Server};
use super::{BodyLength, connect, drive, limits, parts, post};
use bytes::Bytes;
use http::Method;
use std::rc::Rc;

const PIECE: usize = 1 << 20;
const PIECES: usize = 100;

/// It keeps 64 KiB at most.
fn echo() -> Rc<Server> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", PIECE * PIECES);
    let server = Server::new([(0, Say::Bytes(head.into_bytes()))]);
    server.echoes.set(Some(64 << 10));
    server
}

/// The same bytes again and again, and once more at the end: so any place of the body can be compared with a part of it.
fn pattern() -> Bytes {
    (0..2 * PIECE).map(|at| (at % PIECE % 251) as u8).collect()
}

#[test]
fn a_hundred_megabytes_go_out_and_come_back_piece_by_piece() {
    let (server, pattern) = (echo(), pattern());
    let upload = parts(vec![pattern.slice(..PIECE); PIECES]);
    let read = drive(async {
        let mut connection = connect(&server);
        // Of the head of the request nothing comes back.
        let head = connection.buffer();
        connection.begin(head, Some(upload), BodyLength::Known, &Method::PUT, &limits());
        let head = connection.head(&limits()).await.unwrap();
        let mut read = 0;
        while let Some(piece) = std::future::poll_fn(|cx| connection.poll_piece(&head, cx)).await {
            let piece = piece.unwrap();
            assert!(
                piece == pattern[read % PIECE..][..piece.len()],
                "another byte in the {} after {read}",
                piece.len()
            );
            read += piece.len();
        }
        assert!(connection.rest(std::time::Instant::now()));
        read
    });
    assert_eq!(read, Some(PIECE * PIECES));
}

#[test]
fn a_hundred_megabytes_go_out_and_come_back_as_a_whole() {
    let (server, pattern) = (echo(), pattern());
    let upload = parts(vec![pattern.slice(..PIECE); PIECES]);
    let answer =
        drive(async { post(&mut connect(&server), Some(upload), BodyLength::Known, Some(usize::MAX)).await });
    let body = answer.unwrap().unwrap().body;
    // The head of the request has come back too.
    assert_eq!(body.len(), PIECE * PIECES);
    assert!(body.starts_with(super::POST));
    let sent = &body[super::POST.len()..];
    assert!(sent.chunks(PIECE).all(|piece| piece == &pattern[..piece.len()]));
}
