//! The client against a server of a few lines.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use super::*;
use std::net::SocketAddr;
use std::time::Duration;

/// Answers every read with these bytes, on every connection, until the client leaves.
fn server(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut request = [0; 1024];
                while stream.read(&mut request).is_ok_and(|len| len > 0) {
                    let (first, second) = answer.split_at(answer.len() / 2);
                    // In two pieces, since a response need not come in one.
                    if stream
                        .write_all(first.as_bytes())
                        .and_then(|()| stream.write_all(second.as_bytes()))
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    addr
}

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn responses_are_counted_whole() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let outcome = run(server(answer), 4, SHORT).unwrap();
    assert!(outcome.requests > 10 && outcome.not_ok == 0);
    assert_eq!(outcome.bytes_read, outcome.requests * answer.len() as u64);
    assert!(outcome.elapsed >= SHORT && outcome.rate() > 50.0);
    // A scheduler tick of before the run may have been billed in it.
    assert!(outcome.cpu <= outcome.elapsed + Duration::from_millis(20));
}

#[test]
fn other_statuses_are_counted_apart() {
    let outcome = run(server("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), 1, SHORT).unwrap();
    assert!(outcome.requests > 0 && outcome.requests == outcome.not_ok);
}

#[test]
fn errors_are_returned() {
    let kind = |answer| run(server(answer), 2, SHORT).unwrap_err().kind();
    assert_eq!(kind("hello\r\n\r\n"), ErrorKind::InvalidData);
    assert_eq!(kind("HTTP/1.1 200 OK\r\n\r\n"), ErrorKind::InvalidData);
    assert_eq!(kind("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nhello"), ErrorKind::InvalidData);
    assert_eq!(
        kind("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        ErrorKind::InvalidData
    );
    assert_eq!(kind("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello"), ErrorKind::TimedOut);
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    assert_eq!(run(nobody, 1, SHORT).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
