//! The server's promises, kept over real sockets.

use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::wire::fetch;

/// A server on a thread of this process; it lives as long as the tests.
fn start() -> TruthServer {
    let (ready, wait) = mpsc::channel();
    thread::spawn(move || run(1, |server, control| ready.send((server, control)).unwrap()));
    let (server, control) = wait.recv().unwrap();
    TruthServer::at(server, control)
}

/// Sends text and reads until `end` has come; returns everything read.
async fn talk(stream: &mut TcpStream, text: &str, end: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn requests_and_bytes_are_counted_exactly() {
    let server = start();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut received = 0;
    for _ in 0..50 {
        received += talk(&mut stream, request, "}").await.len();
    }
    let stats = server.stats().await.unwrap();
    assert_eq!((stats.requests, stats.responses, stats.connections), (50, 50, 1));
    assert_eq!(stats.bytes_read, 50 * request.len() as u64);
    assert_eq!(stats.bytes_written, received as u64);

    server.reset().await.unwrap();
    let empty = Stats { open_connections: 1, ..Stats::default() };
    assert_eq!(server.stats().await.unwrap(), empty);
}

#[tokio::test]
async fn long_bodies_are_whole_and_counted() {
    let server = start();
    for len in [0, 1, 65_536, 65_537, 5_000_000] {
        let (status, body) = fetch(server.addr(), "GET", &format!("/bytes/{len}")).await.unwrap();
        assert_eq!((status, body.len()), (200, len));
    }
    let stats = server.stats().await.unwrap();
    assert_eq!((stats.requests, stats.responses), (5, 5));
    assert!(stats.bytes_written > 5_131_074);
    let (status, body) = fetch(server.addr(), "HEAD", "/bytes/1000").await.unwrap();
    assert_eq!((status, body.len()), (200, 0));
}

#[tokio::test]
async fn requests_arrive_in_pieces_and_in_packs() {
    let server = start();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let text = "POST /echo HTTP/1.1\r\nHost: x\r\nX-A: b\r\ncontent-length: 5\r\n\r\nhello";
    for piece in text.as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let answer = talk(&mut stream, "", "}").await;
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let headers = json!([["Host", "x"], ["X-A", "b"], ["content-length", "5"]]);
    assert_eq!(body, json!({ "method": "POST", "target": "/echo", "headers": headers, "body": "hello" }));

    let two = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2);
    let answer = talk(&mut stream, &(two + "GET /status/418 HTTP/1.1\r\nhost: x\r\n\r\n"), "\r\n\r\n").await;
    let answer = if answer.contains(" 418 ") { answer } else { talk(&mut stream, "", "\r\n\r\n").await };
    assert!(answer.contains("HTTP/1.1 418 "));
    assert_eq!(server.stats().await.unwrap().requests, 4);
}

#[tokio::test]
async fn delays_are_measured_not_assumed() {
    let server = start();
    let begun = std::time::Instant::now();
    fetch(server.addr(), "GET", "/delay/30").await.unwrap();
    let seen = begun.elapsed().as_micros() as f64;
    let stats = server.stats_with_delays().await.unwrap();
    assert_eq!(stats.delays_us.count, 1);
    assert!(stats.delays_us.p50 >= 30_000.0 && stats.delays_us.p50 <= seen);
    assert_eq!(stats.delays_us.all, [stats.delays_us.p97 as u32]);
    assert!(server.stats().await.unwrap().delays_us.all.is_empty());
}

#[tokio::test]
async fn the_mix_has_its_shares() {
    let server = start();
    let mut clients = tokio::task::JoinSet::new();
    let addr = server.addr();
    for _ in 0..100 {
        clients.spawn(async move { fetch(addr, "GET", "/mix").await.unwrap() });
    }
    clients.join_all().await;
    let delays = server.stats().await.unwrap().delays_us;
    let near = |us: f64, ms: f64| us >= ms * 1e3 && us < ms * 1.2e3 + 20e3;
    assert!(
        delays.count == 100 && near(delays.p50, 5.0) && near(delays.p90, 50.0) && near(delays.p97, 500.0)
    );
}

#[tokio::test]
async fn trace_headers_are_kept_as_they_came() {
    let server = start();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    for (headers, traceparent, iteration) in [
        ("traceparent: 00-a-b-01\r\nx-vu-iteration: 7\r\n", "00-a-b-01", "7"),
        ("TraceParent: one\r\ntraceparent: two\r\n", "one,two", "-"),
        ("", "-", "-"),
    ] {
        talk(&mut stream, &format!("GET /trace HTTP/1.1\r\nhost: x\r\n{headers}\r\n"), "}").await;
        let trace = server.traces().await.unwrap().pop().unwrap();
        assert_eq!((trace.traceparent.as_str(), trace.iteration.as_str()), (traceparent, iteration));
    }
    assert_eq!(server.traces().await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_not_a_request_is_refused_and_counted_apart() {
    let server = start();
    for text in ["hello\r\n\r\n", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(fetch(server.addr(), "GET", "/none").await.unwrap().0, 404);
    let stats = server.stats().await.unwrap();
    assert_eq!((stats.malformed, stats.requests), (2, 1));
}

#[tokio::test]
async fn an_interrupted_request_is_counted_but_not_as_answered() {
    let server = start();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(b"GET /delay/10000 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), async {
        while server.stats().await.unwrap().requests == 0 {}
    })
    .await
    .unwrap();
    drop(stream);
    let stats = server.stats().await.unwrap();
    assert_eq!((stats.requests, stats.responses, stats.delays_us.count), (1, 0, 0));
}
