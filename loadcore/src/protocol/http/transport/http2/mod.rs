//! HTTP/2: a connection of one VU, shared by its concurrent requests and driven in a task of its own.
//!
//! ```text
//! mod.rs      the connection, and the task that drives it
//! seat.rs     one request's place on it: send, get the answer
//! shared.rs   a VU's connections: who may send on which, who opens one, who waits
//! marked.rs   the stream below: instants marked
//! watch.rs    which write and which read belong to which request
//! ```

mod marked;
mod seat;
mod shared;
mod watch;

pub(crate) use seat::Seat;
pub(crate) use shared::{Claim, Opening, Shared};
pub(crate) use watch::StreamMarks;

use super::exchange::MOST;
use super::stream::Stream;
use super::tls::Suite;
use super::upload::Upload;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{Http, Http2};
use crate::protocol::http::target::Origin;
use crate::protocol::http::{ErrorKind, H2Code};
use http::uri::{Authority, Scheme};
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use marked::{Marked, Marks};
use shared::Queue;
use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::Sleep;
use watch::{Socket, Watched};

/// How long a connection that nobody needs any more may take to say goodbye.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many streams are remembered for a second after they were reset.
const REMEMBERED: usize = 1000;

/// An HTTP/2 connection. It closes when the VU and its requests have let go of it.
pub(crate) struct Connection {
    remote: Option<SocketAddr>,
    tls: Option<&'static Suite>,
    scheme: Scheme,
    authority: Authority,
    sender: RefCell<http2::SendRequest<Upload>>,
    link: Rc<Link>,
    socket: Rc<Socket>,
    most_streams: usize,
    opened: Instant,
    /// When the last request on it had ended.
    last_used: Cell<Instant>,
    /// It takes no more requests.
    retired: Cell<bool>,
    /// Whoever waits for a place on it.
    queue: OnceCell<Rc<Queue>>,
    /// Timers of requests that have ended, for the next ones.
    timers: RefCell<Vec<Pin<Box<Sleep>>>>,
}

type Driver = http2::Connection<TokioIo<Watched>, Upload, Tasks>;

/// What a connection shares with the task that drives it.
struct Link {
    /// hyper's, until it ends. Borrowed while it runs, and with it the streams that give requests their bodies: these are
    /// the user's code, which may send on the same connection.
    driver: RefCell<Option<Driver>>,
    /// hyper has ended.
    ended: Cell<bool>,
    /// How many streams the server allows, as far as is known.
    allowed: Cell<usize>,
    /// The task's own, with which anyone may drive.
    task: RefCell<Waker>,
    /// Why it has ended.
    end: Cell<Option<ErrorKind>>,
    /// Requests under way.
    streams: Cell<usize>,
}

/// Where hyper's futures run: in tasks of the VU's core.
#[derive(Clone)]
struct Tasks(Rc<First>);

/// hyper's first task owns the socket.
struct First {
    socket: Rc<Socket>,
    begun: Cell<bool>,
    handle: Cell<Option<JoinHandle<()>>>,
}

impl Tasks {
    fn new(socket: Rc<Socket>) -> Self {
        Self(Rc::new(First { socket, begun: Cell::new(false), handle: Cell::new(None) }))
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        let First { socket, begun, handle } = &*self.0;
        if !begun.replace(true) {
            let socket = Rc::clone(socket);
            handle.set(Some(tokio::task::spawn_local(async move { socket.drive(future).await })));
        } else if let Some(stream) = socket.take_uploading() {
            // hyper has tried to send the body at once, and this is what is left. Left alone, it would wait for the server to
            // take it, also when the answer is there: such a stream would never end.
            tokio::task::spawn_local(async move { stream.upload(future).await });
        } else if let Some(stream) = socket.take_taken() {
            stream.wait(future);
        } else {
            tokio::task::spawn_local(future);
        }
    }
}

impl Connection {
    /// Begins HTTP/2 on a stream, and a task that drives it.
    pub(crate) async fn open(
        origin: &Origin,
        options: &Http2,
        stream: Stream,
        remote: Option<SocketAddr>,
        tls: Option<&'static Suite>,
    ) -> Result<Rc<Self>, Failure> {
        let authority = Authority::try_from(origin.authority.as_str())
            .map_err(|error| Failure::new(ErrorKind::InvalidRequest, error))?;
        let marks = Rc::new(Marks::default());
        let stream = Marked::new(stream, Rc::clone(&marks));
        let socket = Rc::new(Socket::new(marks));
        let tasks = Tasks::new(Rc::clone(&socket));
        let watched = TokioIo::new(Watched::new(stream, Rc::clone(&socket)));
        let handshake = builder(tasks.clone(), options).handshake(watched).await;
        let (sender, driver) = handshake.map_err(|error| Failure::of_hyper(&error))?;
        let link = Rc::new(Link {
            allowed: Cell::new(driver.current_max_send_streams()),
            driver: RefCell::new(Some(driver)),
            ended: Cell::new(false),
            task: RefCell::new(Waker::noop().clone()),
            end: Cell::new(None),
            streams: Cell::new(0),
        });
        tokio::task::spawn_local(run(Rc::clone(&link), tasks.0.handle.take()));
        let now = Instant::now();
        Ok(Rc::new(Self {
            remote,
            tls,
            scheme: if origin.tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority,
            sender: RefCell::new(sender),
            link,
            socket,
            most_streams: options.max_streams,
            opened: now,
            last_used: Cell::new(now),
            retired: Cell::new(false),
            queue: OnceCell::new(),
            timers: RefCell::default(),
        }))
    }

    /// Whether it is open for new requests, as far as one can know.
    fn is_open(&self) -> bool {
        !self.retired.get() && !self.link.look()
    }

    /// Lets it end with the requests that it has.
    fn retire(&self) {
        self.retired.set(true);
    }

    /// Whether the test wants no more requests on it.
    fn is_too_old(&self, options: &Http, now: Instant) -> bool {
        let limits = &options.connections;
        let idle = now.saturating_duration_since(self.last_used.get());
        (self.link.streams.get() == 0 && idle > limits.idle_timeout)
            || limits.max_age.is_some_and(|most| now.saturating_duration_since(self.opened) >= most)
    }

    /// Whether a request more is within the server's limit, and the test's.
    fn has_room(&self) -> bool {
        // With a limit of none a single request may as well wait for a better one.
        self.link.streams.get() < self.link.allowed().min(self.most_streams).max(1)
    }
}

impl Link {
    /// Polls hyper; ready when it has ended.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        // It runs already: this comes from inside.
        let Ok(mut driver) = self.driver.try_borrow_mut() else { return Poll::Pending };
        let Some(running) = driver.as_mut() else { return Poll::Ready(()) };
        let Poll::Ready(outcome) = Pin::new(running).poll(cx) else { return Poll::Pending };
        *driver = None;
        self.ended.set(true);
        self.end.set(Some(match outcome {
            // As long as requests could come, only the server ends it.
            Ok(()) => ErrorKind::Http2GoAway(H2Code::NoError),
            Err(error) => ErrorKind::of_hyper(&error),
        }));
        Poll::Ready(())
    }

    /// How many streams the server allows.
    fn allowed(&self) -> usize {
        if let Ok(driver) = self.driver.try_borrow()
            && let Some(driver) = &*driver
        {
            self.allowed.set(driver.current_max_send_streams());
        }
        self.allowed.get()
    }

    /// A request has ended.
    fn leave(&self) {
        self.streams.set(self.streams.get() - 1);
        if self.ended.get() && self.streams.get() == 0 {
            self.task.borrow().wake_by_ref();
        }
    }

    /// Whether hyper has ended, or does so when asked.
    fn look(&self) -> bool {
        let task = self.task.borrow().clone();
        let ended = self.poll(&mut Context::from_waker(&task)).is_ready();
        if ended {
            task.wake();
        }
        ended
    }
}

/// Drives a connection to its end. Requests that a connection had before it was going away may still be answered.
async fn run(link: Rc<Link>, socket: Option<JoinHandle<()>>) {
    let over = |cx: &mut Context<'_>| {
        link.task.borrow_mut().clone_from(cx.waker());
        if link.poll(cx).is_ready() && link.streams.get() == 0 { Poll::Ready(()) } else { Poll::Pending }
    };
    std::future::poll_fn(over).await;
    let Some(mut socket) = socket else { return };
    if tokio::time::timeout(LAST_WORDS, &mut socket).await.is_err() {
        // A server that does not read, or an upload that nobody waits for: the descriptor is worth more.
        socket.abort();
    }
}

fn builder(tasks: Tasks, options: &Http2) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(options.stream_window)
        .initial_connection_window_size(options.connection_window)
        .max_frame_size(options.max_frame_size)
        .max_header_list_size(options.max_header_list_size)
        .initial_max_send_streams(options.initial_streams)
        .keep_alive_interval(options.ping_every.map(|interval| interval.min(MOST)))
        .keep_alive_timeout(options.ping_timeout.min(MOST))
        .keep_alive_while_idle(options.ping_when_idle)
        // Frames of streams that were reset may still come, and are no fault of the server's.
        .max_concurrent_reset_streams(REMEMBERED)
        // What is wrong with one stream, however often, does not end the connection of all others.
        .max_local_error_reset_streams(None);
    if options.adaptive_window {
        builder.adaptive_window(true);
    }
    builder
}
