//! A server that takes its time where it is told to, and notes how long that was. It sleeps on threads of its own: an event loop's
//! timers would be late.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testbed::{Identity, tls};

/// What the server waits for, in this order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Delays {
    /// Before it takes part in the TLS handshake.
    pub(super) hello: Duration,
    /// Between the request and the head of the response, which comes with half of the body.
    pub(super) first_byte: Duration,
    /// Before the other half.
    pub(super) body: Duration,
}

/// How long that really was, for one request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamps {
    /// Until the handshake was done; only of a connection's first request.
    pub(super) hello: Duration,
    pub(super) first_byte: Duration,
    pub(super) body: Duration,
}

/// Bytes of each response.
pub(super) const BODY: usize = 20;
const FIRST: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n0123456789";
const REST: &[u8] = b"0123456789";

/// A running server. Its threads end when their clients leave.
pub(super) struct Slow {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    delays: Delays,
    tls: Option<Arc<ServerConfig>>,
    connections: AtomicUsize,
    stamps: Mutex<Vec<Stamps>>,
    is_over: AtomicBool,
}

impl Slow {
    pub(super) fn start(delays: Delays, identity: Option<&Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = identity.map(|identity| Arc::new(tls::config(identity).unwrap()));
        let (connections, stamps, is_over) = Default::default();
        let shared = Arc::new(Shared { delays, tls, connections, stamps, is_over });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.is_over.load(Ordering::SeqCst) {
                    break;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&accepting));
                let accepted = Instant::now();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                // It ends with an error when the client leaves.
                std::thread::spawn(move || shared.converse(stream, accepted));
            }
        });
        Self { port, shared }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// What the last so many requests had to wait for.
    pub(super) fn last_stamps(&self, requests: usize) -> Vec<Stamps> {
        let stamps = self.shared.stamps.lock().unwrap();
        stamps[stamps.len() - requests..].to_vec()
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes it up.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn converse(&self, mut stream: TcpStream, accepted: Instant) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return self.serve(stream, Duration::ZERO) };
        std::thread::sleep(self.delays.hello);
        let mut connection = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        self.serve(StreamOwned::new(connection, stream), accepted.elapsed())
    }

    fn serve(&self, mut stream: impl Read + Write, mut hello: Duration) -> io::Result<()> {
        loop {
            let (mut request, mut piece) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut piece)? {
                    0 => return Ok(()),
                    read => request.extend_from_slice(&piece[..read]),
                }
            }
            let asked = Instant::now();
            std::thread::sleep(self.delays.first_byte);
            let first_byte = asked.elapsed();
            stream.write_all(FIRST)?;
            stream.flush()?;
            let begun = Instant::now();
            std::thread::sleep(self.delays.body);
            let body = begun.elapsed();
            // Before the client can know that it is over.
            self.stamps.lock().unwrap().push(Stamps { hello, first_byte, body });
            stream.write_all(REST)?;
            stream.flush()?;
            hello = Duration::ZERO;
        }
    }
}
