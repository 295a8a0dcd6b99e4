//! Requests on their way out.

use super::super::buffer::SIZE;
use super::peer::{Say, Server};
use super::{Answer, BodyLength, OK, POST, exchange, parts};
use crate::protocol::http::ErrorKind;
use crate::protocol::http::body::{More, Streamed};
use crate::protocol::http::transport::upload::Upload;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::io;
use std::rc::Rc;
use std::task::Poll;

/// The request with this body, as it stands on the wire.
fn wire(body: &[u8]) -> Vec<u8> {
    [POST, body].concat()
}

/// A server that answers when it has all of this.
fn after(request: &[u8]) -> Rc<Server> {
    Server::new([(request.len(), Say::Bytes(OK.to_vec()))])
}

#[test]
fn a_request_arrives_whole_however_little_of_it_is_taken_at_a_time() {
    let pieces = ["a", "bcdef", "", "gh"];
    let large = "x".repeat(SIZE);
    let in_chunks = format!("1\r\na\r\n5\r\nbcdef\r\n2\r\ngh\r\n2000\r\n{large}\r\n0\r\n\r\n");
    let known = format!("abcdefgh{large}");
    for (sized, body) in [(BodyLength::Known, known), (BodyLength::Chunked, in_chunks)] {
        let request = wire(body.as_bytes());
        for takes in (1..70).chain([SIZE - 1, SIZE, SIZE + 1, usize::MAX]) {
            let server = after(&request);
            server.takes.set(takes);
            let upload = parts(pieces.iter().map(|piece| piece.to_string()).chain([large.clone()]));
            assert_eq!(exchange(&server, Some(upload), sized), Ok(Answer::ok()), "{takes}");
            assert!(*server.got.borrow() == request, "{takes} {sized:?}");
        }
    }
}

#[test]
fn small_pieces_leave_together_with_the_head() {
    for sized in [BodyLength::Known, BodyLength::Chunked] {
        let server = Server::new([(POST.len() + 1000, Say::Bytes(OK.to_vec()))]);
        let upload = parts(vec!["0123456789"; 100]);
        assert_eq!(exchange(&server, Some(upload), sized), Ok(Answer::ok()));
        assert_eq!(server.writes.get(), 1, "{sized:?}");
    }
    // What does not fit together takes no more writes than it must.
    let request = POST.len() + 100_000;
    let server = Server::new([(request, Say::Bytes(OK.to_vec()))]);
    assert_eq!(
        exchange(&server, Some(parts(vec!["0123456789"; 10_000])), BodyLength::Known),
        Ok(Answer::ok())
    );
    assert_eq!(server.got.borrow().len(), request);
    assert!(server.writes.get() <= request.div_ceil(SIZE / 2), "{}", server.writes.get());
}

#[test]
fn a_body_without_a_byte_ends_in_chunks_too() {
    for pieces in [vec![], vec![""], vec!["", ""]] {
        let request = wire(b"0\r\n\r\n");
        let server = after(&request);
        assert_eq!(exchange(&server, Some(parts(pieces)), BodyLength::Chunked), Ok(Answer::ok()));
        assert!(*server.got.borrow() == request);
    }
}

#[test]
fn bodies_at_the_ends_of_the_buffer_arrive_whole() {
    let around = |size: usize| size - 3..size + 4;
    let rest = SIZE - POST.len();
    // What is left of the buffer behind the head, with or without the size of a chunk; half of it; all of it.
    let lengths =
        around(rest).chain(around(rest - 6)).chain(around(SIZE / 2 - POST.len())).chain(around(SIZE));
    for len in lengths {
        let body = Bytes::from_iter((0..len).map(|at| at as u8));
        for pieces in [vec![body.clone()], vec![body.clone(), body.clone()], vec!["x".into(), body.clone()]] {
            let known = wire(&pieces.concat());
            let mut in_chunks = POST.to_vec();
            for piece in &pieces {
                in_chunks.extend([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
            }
            in_chunks.extend(b"0\r\n\r\n");
            for (sized, request) in [(BodyLength::Known, known), (BodyLength::Chunked, in_chunks)] {
                let server = after(&request);
                assert_eq!(exchange(&server, Some(parts(pieces.clone())), sized), Ok(Answer::ok()), "{len}");
                assert!(*server.got.borrow() == request, "{len} {sized:?}");
            }
        }
    }
}

#[test]
fn an_answer_to_a_part_of_the_request_is_delivered_and_is_the_last() {
    let refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno";
    for (takes, room) in [(usize::MAX, 100_000), (1000, 100_000), (usize::MAX, POST.len()), (7, 20)] {
        let server = Server::new([(room.min(50_000), Say::Bytes(refusal.to_vec()))]);
        server.takes.set(takes);
        server.room.set(room);
        let upload = parts(vec![vec![b'x'; 1 << 20]; 4]);
        let answer = exchange(&server, Some(upload), BodyLength::Known).unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..], answer.is_kept), (413, &b"no"[..], false));
    }
}

#[test]
fn an_answer_is_delivered_even_if_the_request_cannot_be_written_to_its_end() {
    for breaks in [POST.len(), 50_000] {
        let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno".to_vec();
        let server = Server::new([(breaks, Say::Bytes(refusal)), (breaks, Say::End)]);
        server.breaks.set(breaks);
        let answer = exchange(&server, Some(parts([vec![b'x'; 100_000]])), BodyLength::Chunked).unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..], answer.is_kept), (403, &b"no"[..], false));
    }
}

#[test]
fn without_an_answer_the_failed_write_is_the_error() {
    for (end, kind) in [
        (Say::End, ErrorKind::BrokenPipe),
        // It tells more of the server than that writing has failed.
        (Say::Error(io::ErrorKind::ConnectionReset), ErrorKind::ConnectionReset),
    ] {
        let server = Server::new([(1000, end)]);
        server.breaks.set(1000);
        assert_eq!(exchange(&server, Some(parts([vec![b'x'; 100_000]])), BodyLength::Known), Err(kind));
    }
}

#[test]
fn what_a_stream_has_given_is_on_its_way_before_it_gives_more() {
    // Its second piece only comes when the server has the first.
    let request = wire(b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
    for holds in [false, true] {
        let server = after(&request);
        server.holds.set(holds);
        let seen = Rc::clone(&server);
        let first = stream::iter([Ok(Bytes::from_static(b"first"))]);
        let second = stream::poll_fn(move |cx| {
            if seen.got.borrow().ends_with(b"first") {
                return Poll::Ready(Some(Ok(Bytes::from_static(b"second"))));
            }
            *seen.watcher.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        });
        let upload = Upload::of(More::Stream(Streamed::of(first.chain(second.take(1)))));
        assert_eq!(exchange(&server, Some(upload), BodyLength::Chunked), Ok(Answer::ok()), "held: {holds}");
        assert!(*server.got.borrow() == request);
    }
}
