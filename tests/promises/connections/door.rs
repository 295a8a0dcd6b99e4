//! A server that keeps its own books of who came, where, when, and with which requests.

use loadcore::http::Http;
use loadcore::prelude::*;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testbed::wire::{self, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{AbortHandle, JoinSet};

/// A running server; it and its connections end when this is dropped. `/wait/50` is answered after 50 ms, everything at once
/// else, and always with the path it asked for.
pub(super) struct Door {
    pub(super) port: u16,
    book: Book,
    task: AbortHandle,
}

/// One connection.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    /// Who came; none over a Unix socket.
    pub(super) from: Option<IpAddr>,
    /// The address at which it came in.
    pub(super) at: Option<IpAddr>,
    pub(super) came: Instant,
    pub(super) left: Option<Instant>,
    pub(super) requests: Vec<Request>,
}

impl Guest {
    pub(super) fn targets(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.target.as_str()).collect()
    }
}

#[derive(Default)]
struct Pages {
    guests: Vec<Guest>,
    most_at_once: usize,
}

type Book = Arc<Mutex<Pages>>;

impl Door {
    /// Listens on a free port of this address, such as `127.0.0.1`, `0.0.0.0` or `[::]`.
    pub(super) async fn open(at: &str) -> Self {
        let listener = TcpListener::bind(format!("{at}:0")).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let book = Book::default();
        let accept = async move || {
            let (stream, from) = listener.accept().await?;
            let at = stream.local_addr()?;
            Ok((stream, Some((from, at))))
        };
        let task = tokio::spawn(receive(accept, Arc::clone(&book))).abort_handle();
        Self { port, book, task }
    }

    /// Listens at this path.
    pub(super) fn open_unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let book = Book::default();
        let accept = async move || Ok((listener.accept().await?.0, None));
        let task = tokio::spawn(receive(accept, Arc::clone(&book))).abort_handle();
        Self { port: 0, book, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn guests(&self) -> Vec<Guest> {
        self.book.lock().unwrap().guests.clone()
    }

    /// All requests, connection by connection.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.guests().into_iter().flat_map(|guest| guest.requests).collect()
    }

    /// How many connections there have been at a time: counted whenever one comes, without those that were closed before it.
    pub(super) fn most_at_once(&self) -> usize {
        self.book.lock().unwrap().most_at_once
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive<S>(accept: impl AsyncFn() -> io::Result<(S, Option<(SocketAddr, SocketAddr)>)>, book: Book)
where
    S: AsyncRead + AsyncWrite + AsFd + Unpin + Send + 'static,
{
    let (mut served, leaving) = (JoinSet::new(), Leaving::new());
    loop {
        let (stream, ends) = accept().await.unwrap();
        let (from, at) = (ends.map(|(from, _)| canonical(from)), ends.map(|(_, at)| canonical(at)));
        let number = {
            let mut pages = book.lock().unwrap();
            pages.guests.push(Guest { from, at, came: Instant::now(), left: None, requests: Vec::new() });
            leaving.watch(&stream, pages.guests.len() - 1);
            pages.count(&leaving.gone());
            pages.guests.len() - 1
        };
        let book = Arc::clone(&book);
        served.spawn(async move { serve(stream, number, &book).await });
    }
}

impl Pages {
    /// Counts those who are here.
    fn count(&mut self, gone: &HashSet<usize>) {
        let is_here = |(number, guest): &(usize, &Guest)| guest.left.is_none() && !gone.contains(number);
        let here = self.guests.iter().enumerate().filter(is_here).count();
        self.most_at_once = self.most_at_once.max(here);
    }
}

/// Knows from the system who has gone, at any moment: the task that serves a guest may notice it much later.
struct Leaving(OwnedFd);

impl Leaving {
    fn new() -> Self {
        Self(epoll::create(epoll::CreateFlags::CLOEXEC).unwrap())
    }

    /// Until it is closed at this end.
    fn watch(&self, stream: &impl AsFd, number: usize) {
        let number = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.0, stream, number, epoll::EventFlags::RDHUP).unwrap();
    }

    fn gone(&self) -> HashSet<usize> {
        let mut gone = Vec::with_capacity(1_000);
        epoll::wait(&self.0, spare_capacity(&mut gone), Some(&Default::default())).unwrap();
        gone.into_iter().map(|event| event.data.u64() as usize).collect()
    }
}

fn canonical(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, number: usize, book: &Book) {
    let mut buffer = Vec::new();
    // An error is a client that went away within a request.
    while let Ok(Some(request)) = wire::read_request(&mut stream, &mut buffer).await {
        let (target, stays) = (request.target.clone(), request.keep_alive);
        book.lock().unwrap().guests[number].requests.push(request);
        if let Some(millis) = target.strip_prefix("/wait/") {
            let millis = millis.split('/').next().unwrap().parse().unwrap();
            let waiting = tokio::time::timeout(Duration::from_millis(millis), stream.read_buf(&mut buffer));
            if waiting.await.is_ok() {
                // Nobody sends another request before the answer: the client has gone.
                break;
            }
        }
        let answer = wire::response(200, "text/plain", target.as_bytes());
        if stream.write_all(&answer).await.is_err() || !stays {
            break;
        }
    }
    book.lock().unwrap().guests[number].left = Some(Instant::now());
}

/// One VU's journey, some times after another.
pub(super) async fn run(
    url: impl Into<String>,
    http: Http,
    times: u64,
    journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static,
) -> Report {
    let executor = per_vu_iterations(times).vus(1);
    let scenario = Scenario::new("guest", async move |vu: &Vu| journey(vu).await).executor(executor);
    LoadTest::new().base_url(url).http(http).scenario(scenario).run().await.unwrap()
}

#[track_caller]
pub(super) fn sound(report: &Report) {
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
}

/// The `error_code` and `error` tags of the only failed request, and the message of its iteration.
#[track_caller]
pub(super) fn failure(report: &Report) -> (String, String, String) {
    let series = crate::support::only_failed_series(report);
    let tag = |name| series.tag(name).unwrap_or_default().to_owned();
    (tag("error_code"), tag("error"), crate::support::only_error(report).first)
}
