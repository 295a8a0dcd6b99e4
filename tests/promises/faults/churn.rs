//! A server that closes every connection costs connections, and nothing else: no request, no descriptor, no memory, no port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use loadcore::prelude::*;

use super::footprint::Footprint;
use crate::support::{is_alone, quiet};

/// A server in a thread of its own that remembers nothing but the number of its connections. It ends when it is dropped.
struct Closing {
    addr: SocketAddr,
    served: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Closing {
    /// Closes each connection after its first request: behind this answer.
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (served, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (count, ends) = (Arc::clone(&served), Arc::clone(&over));
        let serve = move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    break;
                }
                // An error is a client that has gone away; nothing was served then.
                if serve(stream.unwrap(), answer).is_ok() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        };
        Self { addr, served, over, thread: Some(std::thread::spawn(serve)) }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))), "the server panicked");
    }
}

fn serve(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut head, mut read) = ([0; 4096], 0);
    while !head[..read].ends_with(b"\r\n\r\n") {
        match stream.read(&mut head[read..])? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
    }
    stream.write_all(answer.as_bytes())
}

const ANNOUNCED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
const UNANNOUNCED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// The client learns the body's length from it.
const DELIMITED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok";

async fn send(server: &Closing, requests: u64) {
    let before = server.served.load(Ordering::SeqCst);
    let scenario = Scenario::new("churn", async |vu: &Vu| {
        assert_eq!(vu.get("/").send().await?.text()?, "ok");
        Ok(())
    });
    let test = LoadTest::new().base_url(format!("http://{}", server.addr));
    let report = test.scenario(scenario.executor(shared_iterations(requests).vus(8))).run().await.unwrap();
    assert_eq!(report.errors(), []);
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (requests as f64, 0.0));
    // What was served on a connection and not answered by then would be a request that was lost.
    assert_eq!(server.served.load(Ordering::SeqCst) - before, requests);
}

/// So many requests to each kind of such a server.
async fn churn(requests: u64) {
    for answer in [ANNOUNCED, UNANNOUNCED, DELIMITED] {
        let server = Closing::start(answer);
        send(&server, requests / 10 + 1_000).await;
        let start = Footprint::now();
        send(&server, requests).await;
        // The report of a longer run takes more, once: 100 bytes of each request would be beyond that.
        start.is_back(8 << 10).await;
    }
}

#[tokio::test]
async fn thousands_of_requests_to_a_server_that_closes_every_connection_leave_nothing_behind() {
    const TEST: &str =
        "faults::churn::thousands_of_requests_to_a_server_that_closes_every_connection_leave_nothing_behind";
    let _quiet = quiet().await;
    if is_alone(TEST) {
        churn(5_000).await;
    }
}

/// More connections than there are ports: those of closed ones must come free in time. Run it with
/// `cargo test --release -p loadcore-tests --test promises churn -- --ignored`.
#[tokio::test]
#[ignore = "330,000 connections; the promise above has the same in small"]
async fn a_hundred_thousand_requests_to_a_server_that_closes_every_connection_leave_nothing_behind() {
    const TEST: &str = "faults::churn::a_hundred_thousand_requests_to_a_server_that_closes_every_connection_leave_nothing_behind";
    let _quiet = quiet().await;
    if is_alone(TEST) {
        churn(100_000).await;
    }
}
