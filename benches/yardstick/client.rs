//! N connections, one thread, as little as possible around the kernel's work.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::JoinSet;

use crate::cpu;

/// Connections opened at the same time, below what servers let wait (nginx: 511).
const CONNECTING: usize = 256;

/// How long the last responses may take once the time is over.
const LAST_RESPONSES: Duration = Duration::from_secs(2);

/// Headers understood in one response.
const MAX_HEADERS: usize = 64;

/// What a run did. Connecting is not part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// Responses received whole.
    pub requests: u64,
    /// Those of them whose status was not 2xx.
    pub not_ok: u64,
    /// Bytes received, heads included.
    pub bytes_read: u64,
    /// From the first request to the last response.
    pub elapsed: Duration,
    /// CPU time of this thread in that time; see [`cpu::this_thread`] for its resolution.
    pub cpu: Duration,
}

impl Outcome {
    /// Responses per second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// CPU time per response; zero when there was none.
    pub fn cpu_per_request(&self) -> Duration {
        if self.requests == 0 { Duration::ZERO } else { self.cpu.div_f64(self.requests as f64) }
    }
}

/// Sends `GET /` over and over on each of `connections` connections for `duration`, from this thread, which it blocks.
///
/// # Errors
/// The first error of any connection: it cannot be opened, breaks, or brings what is not HTTP/1.1 with a
/// `content-length`. A run with an error has no outcome, because its numbers would be those of another load.
///
/// # Panics
/// Inside of a Tokio runtime, since it starts one of its own.
pub fn run(addr: SocketAddr, connections: usize, duration: Duration) -> io::Result<Outcome> {
    run_request(addr, &get(addr, "/", ""), connections, duration)
}

/// A request for [`run_request`]. `headers` is empty or complete lines, each with its `\r\n`.
pub fn get(addr: SocketAddr, target: &str, headers: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: {addr}\r\n{headers}\r\n").into_bytes()
}

/// Like [`run`], with any request, ready to be written.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub fn run_request(
    addr: SocketAddr,
    request: &[u8],
    connections: usize,
    duration: Duration,
) -> io::Result<Outcome> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(drive(addr, request.into(), connections, duration))
}

/// What all connections share. One thread, so plain cells do.
#[derive(Default)]
struct Shared {
    requests: Cell<u64>,
    not_ok: Cell<u64>,
    bytes_read: Cell<u64>,
    /// Set when the time is over; cheaper than a clock read per request.
    over: Cell<bool>,
}

async fn drive(
    addr: SocketAddr,
    request: Rc<[u8]>,
    connections: usize,
    duration: Duration,
) -> io::Result<Outcome> {
    let streams = connect(addr, connections).await?;
    let shared = Rc::new(Shared::default());
    let mut tasks = JoinSet::new();
    let (begun, cpu_before) = (Instant::now(), cpu::this_thread()?);
    for stream in streams {
        tasks.spawn_local(converse(stream, Rc::clone(&request), Rc::clone(&shared)));
    }

    let time_is_over = tokio::time::sleep(duration);
    tokio::pin!(time_is_over);
    loop {
        tokio::select! {
            () = &mut time_is_over => {
                if shared.over.replace(true) {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "the last responses did not come"));
                }
                time_is_over.as_mut().reset(tokio::time::Instant::now() + LAST_RESPONSES);
            }
            ended = tasks.join_next() => match ended {
                Some(ended) => ended.map_err(io::Error::other)??,
                None => break,
            },
        }
    }
    Ok(Outcome {
        requests: shared.requests.get(),
        not_ok: shared.not_ok.get(),
        bytes_read: shared.bytes_read.get(),
        elapsed: begun.elapsed(),
        cpu: cpu::this_thread()?.saturating_sub(cpu_before),
    })
}

async fn connect(addr: SocketAddr, connections: usize) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(connections);
    let mut connecting = JoinSet::new();
    let mut left = connections;
    loop {
        while left > 0 && connecting.len() < CONNECTING {
            connecting.spawn_local(TcpStream::connect(addr));
            left -= 1;
        }
        let Some(connected) = connecting.join_next().await else { return Ok(streams) };
        let stream = connected.map_err(io::Error::other)??;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
}

async fn converse(mut stream: TcpStream, request: Rc<[u8]>, shared: Rc<Shared>) -> io::Result<()> {
    let mut buffer = vec![0; 4096];
    while !shared.over.get() {
        stream.write_all(&request).await?;
        let response = read_response(&mut stream, &mut buffer).await?;
        shared.requests.set(shared.requests.get() + 1);
        shared.bytes_read.set(shared.bytes_read.get() + response.bytes);
        if !response.is_ok {
            shared.not_ok.set(shared.not_ok.get() + 1);
        }
        if response.closes && !shared.over.get() {
            return Err(invalid("the server closes its connections; the yardstick needs keep-alive"));
        }
    }
    Ok(())
}

struct Response {
    bytes: u64,
    is_ok: bool,
    closes: bool,
}

async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Response> {
    let mut filled = 0;
    let head = loop {
        if filled == buffer.len() {
            buffer.resize(filled * 2, 0);
        }
        filled += read_some(stream, &mut buffer[filled..]).await?;
        if let Some(head) = parse(&buffer[..filled])? {
            break head;
        }
    };
    let whole = head.len as u64 + head.body;
    let mut received = filled as u64;
    while received < whole {
        // The body's bytes are counted, not kept.
        received += read_some(stream, buffer).await? as u64;
    }
    if received > whole {
        return Err(invalid("the server sent more than its content-length"));
    }
    Ok(Response { bytes: whole, is_ok: head.is_ok, closes: head.closes })
}

async fn read_some(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    match stream.read(buffer).await? {
        0 => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed a connection in mid-response",
        )),
        len => Ok(len),
    }
}

struct Head {
    len: usize,
    body: u64,
    is_ok: bool,
    closes: bool,
}

fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(len) =
        response.parse(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
    else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let (mut body, mut closes) = (None, response.version == Some(0));
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            body = str::from_utf8(header.value).ok().and_then(|digits| digits.parse().ok());
        } else if header.name.eq_ignore_ascii_case("connection") {
            closes = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let body = if matches!(status, 204 | 304) { Some(0) } else { body };
    let body = body.ok_or_else(|| invalid("the yardstick understands only bodies with a content-length"))?;
    Ok(Some(Head { len, body, is_ok: (200..300).contains(&status), closes }))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
