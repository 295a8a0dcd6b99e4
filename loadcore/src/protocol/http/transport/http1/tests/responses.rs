//! Responses on their way in.

use super::super::buffer::SIZE;
use super::peer::{Say, Server};
use super::{Answer, BodyLength, OK, connect, drive, exchange, parts, post};
use crate::protocol::http::ErrorKind;
use std::io;
use std::rc::Rc;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";

/// Makes a response of a body.
type Frame = fn(&[u8]) -> Vec<u8>;

fn of_length(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// In two chunks.
fn in_chunks(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let (one, other) = body.split_at(body.len() / 2);
    for chunk in [one, other].into_iter().filter(|chunk| !chunk.is_empty()) {
        bytes.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn until_close(body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n\r\n", body].concat()
}

fn body_of(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn get(server: &Rc<Server>) -> Result<Answer, ErrorKind> {
    exchange(server, None, BodyLength::Known)
}

#[test]
fn interim_responses_are_skipped_before_the_answer_and_refused_after_it() {
    let before = [CONTINUE, HINTS, CONTINUE, OK].concat();
    for cut in 0..before.len() {
        assert_eq!(get(&Server::saying_in_pieces(&before, &[cut])), Ok(Answer::ok()), "{cut}");
    }
    let after = [OK, CONTINUE].concat();
    assert_eq!(get(&Server::saying(after)), Ok(Answer { is_kept: false, ..Answer::ok() }));
    // While the request is written, and when it is.
    let server = Server::new([
        (10, Say::Bytes(CONTINUE.to_vec())),
        (50_000, Say::Bytes(HINTS.to_vec())),
        (200_000, Say::Bytes(OK.to_vec())),
    ]);
    server.takes.set(3000);
    assert_eq!(exchange(&server, Some(parts([vec![b'x'; 200_000]])), BodyLength::Known), Ok(Answer::ok()));
}

#[test]
fn bodies_at_the_ends_of_the_buffer_are_read_whole() {
    let frames: [(Frame, bool); 3] = [(of_length, true), (in_chunks, true), (until_close, false)];
    for (frame, keeps_alive) in frames {
        let head = frame(b"").len();
        for len in
            [SIZE - head, SIZE, 2 * SIZE - head, 8 * SIZE].into_iter().flat_map(|len| len - 14..len + 8)
        {
            let body = body_of(len);
            let bytes = frame(&body);
            let most = bytes.len() - 1;
            for cuts in [
                vec![],
                vec![most],
                vec![head.min(most)],
                vec![SIZE - 1],
                vec![SIZE],
                vec![(head + 1).min(most), SIZE + 1],
            ] {
                let cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
                let answer = get(&Server::saying_in_pieces(&bytes, &cuts)).unwrap();
                assert!(answer.body == body, "{len} {cuts:?}");
                assert_eq!(answer.is_kept, keeps_alive, "{len} {cuts:?}");
            }
        }
    }
}

#[test]
fn what_is_left_in_the_socket_is_seen_before_the_next_request() {
    for frame in [of_length, in_chunks] {
        for len in (SIZE - 100..SIZE + 20).chain([3 * SIZE]) {
            let server = Server::saying([&frame(&body_of(len))[..], OK].concat());
            let is_usable = drive(async {
                let mut connection = connect(&server);
                let answer = post(&mut connection, None, BodyLength::Known, Some(usize::MAX)).await.unwrap();
                answer.is_kept && connection.is_usable().await
            });
            assert_eq!(is_usable, Some(false), "{len}");
        }
    }
}

#[test]
fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    for frame in [of_length, in_chunks, until_close] {
        for most in [0, 1, 100, SIZE, 100_000] {
            for (len, fits) in [(most, true), (most + 1, false)] {
                let server = Server::saying_in_pieces(&frame(&body_of(len)), &[]);
                let answer =
                    drive(async { post(&mut connect(&server), None, BodyLength::Known, Some(most)).await });
                match answer.unwrap() {
                    Ok(answer) => assert!(fits && answer.body == body_of(len), "{most}"),
                    Err(broken) => assert!(!fits && broken.failure.kind == ErrorKind::BodyTooLarge, "{most}"),
                }
            }
        }
    }
}

#[test]
fn a_body_that_is_thrown_away_is_read_to_its_end() {
    for frame in [of_length, in_chunks] {
        for len in [0, 10, SIZE, 1 << 20] {
            let server = Server::new([
                (1, Say::Bytes(frame(&body_of(len)))),
                (2 * super::POST.len(), Say::Bytes(OK.to_vec())),
            ]);
            let second = drive(async {
                let mut connection = connect(&server);
                let first = post(&mut connection, None, BodyLength::Known, None).await.unwrap();
                assert!(first.body.is_empty() && first.is_kept, "{len}");
                post(&mut connection, None, BodyLength::Known, Some(100))
                    .await
                    .map_err(|broken| broken.failure.kind)
            });
            assert_eq!(second, Some(Ok(Answer::ok())), "{len}");
        }
    }
}

#[test]
fn only_an_orderly_end_ends_a_body_that_goes_on_until_the_end() {
    let begins = || (1, Say::Bytes(until_close(b"all there is")));
    let answer = get(&Server::new([begins(), (1, Say::End)])).unwrap();
    assert_eq!((&answer.body[..], answer.is_kept), (&b"all there is"[..], false));
    for (error, kind) in [
        // What TLS says of an end without `close_notify`.
        (io::ErrorKind::UnexpectedEof, ErrorKind::ConnectionClosed),
        (io::ErrorKind::ConnectionReset, ErrorKind::ConnectionReset),
    ] {
        assert_eq!(get(&Server::new([begins(), (1, Say::Error(error))])), Err(kind));
    }
}

#[test]
fn an_end_before_the_end_is_an_error_wherever_it_comes() {
    for frame in [of_length, in_chunks] {
        let bytes = frame(b"0123456789");
        for end in 0..bytes.len() {
            let says = [Say::Bytes(bytes[..end].to_vec()), Say::End];
            let says = says.into_iter().filter(|say| !matches!(say, Say::Bytes(bytes) if bytes.is_empty()));
            let server = Server::new(says.map(|say| (1, say)));
            assert_eq!(get(&server), Err(ErrorKind::ConnectionClosed), "{end}");
        }
    }
}
