//! A server on a thread of its own: it answers each request with its tag, and has moods.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use testbed::wire;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::answer::{Answer, LATE, unasked};

/// How it behaves.
#[derive(Clone, Copy)]
pub(crate) struct Moods {
    /// One in so many answers is odd.
    pub(crate) oddities: u32,
}

/// A running server; it and its connections end when this is dropped.
pub(crate) struct Server {
    addr: SocketAddr,
    house: Arc<House>,
    _stop: oneshot::Sender<()>,
}

/// What its connections share.
struct House {
    moods: Moods,
    mixes_up: bool,
    seen: Seen,
    late: Arc<Late>,
    /// Of the request before, whosever it was.
    last_tag: Mutex<String>,
}

/// What it has done.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    connections: AtomicU64,
    requests: AtomicU64,
    delayed: AtomicU64,
    in_pieces: AtomicU64,
    reset: AtomicU64,
    hung_up: AtomicU64,
    said_too_much: AtomicU64,
    said_more_later: AtomicU64,
    until_close: AtomicU64,
}

impl Seen {
    /// Otherwise nothing would be proved.
    pub(crate) fn has_done_it_all(&self) {
        let Self { delayed, in_pieces, reset, hung_up, said_too_much, said_more_later, until_close, .. } =
            self;
        for count in [delayed, in_pieces, reset, hung_up, said_too_much, said_more_later, until_close] {
            assert!(count.load(Relaxed) >= 5, "{self:?}");
        }
    }
}

/// The tags of the answers after which it has said something that nobody has asked for.
#[derive(Default)]
pub(crate) struct Late(Mutex<HashSet<String>>);

impl Late {
    fn put(&self, tag: String) {
        self.0.lock().unwrap().insert(tag);
    }

    pub(crate) fn take(&self, tag: &str) -> bool {
        self.0.lock().unwrap().remove(tag)
    }
}

impl Server {
    pub(crate) fn start(moods: Moods) -> Self {
        Self::start_with(moods, false)
    }

    /// One that now and then answers with the tag of another request.
    pub(crate) fn start_that_mixes_up(moods: Moods) -> Self {
        Self::start_with(moods, true)
    }

    fn start_with(moods: Moods, mixes_up: bool) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let house = House {
            moods,
            mixes_up,
            seen: Seen::default(),
            late: Arc::default(),
            last_tag: Mutex::default(),
        };
        let (house, (stop, stopped)) = (Arc::new(house), oneshot::channel::<()>());
        let shared = Arc::clone(&house);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = serve(TcpListener::from_std(listener).unwrap(), shared) => {}
                    // Dropped with the server.
                    _ = stopped => {}
                }
            });
        });
        Self { addr, house, _stop: stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.house.seen
    }

    pub(crate) fn late(&self) -> Arc<Late> {
        Arc::clone(&self.house.late)
    }
}

async fn serve(listener: TcpListener, house: Arc<House>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let number = house.seen.connections.fetch_add(1, Relaxed);
        let random = StdRng::seed_from_u64(number);
        let connection = Connection { stream, random, house: Arc::clone(&house), spoilt: false };
        // An error is a client that has gone.
        connections.spawn(async { drop(connection.converse().await) });
        while connections.try_join_next().is_some() {}
    }
}

struct Connection {
    stream: TcpStream,
    random: StdRng,
    house: Arc<House>,
    /// Something was said on it that nobody had asked for: no client may use it again.
    spoilt: bool,
}

/// What a request on a spoilt connection is answered with.
const SPOILT: &str = "spoilt-connection";

impl Connection {
    async fn converse(mut self) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(request) = wire::read_request(&mut self.stream, &mut buffer).await? {
            self.house.seen.requests.fetch_add(1, Relaxed);
            let (mut tag, to_head) = (request.target[1..].to_owned(), request.method == "HEAD");
            if self.spoilt {
                // The client will find that this is not its own.
                tag = SPOILT.to_owned();
            }
            if self.house.mixes_up {
                self.mix_up(&mut tag);
            }
            let is_odd = self.random.random_range(0..self.house.moods.oddities) == 0;
            let goes_on = match self.random.random_range(0..7) {
                mood if is_odd => self.answer_oddly(mood, tag, to_head).await?,
                _ => self.answer(&tag, to_head).await?,
            };
            if !goes_on {
                break;
            }
        }
        self.stream.shutdown().await
    }

    /// Each twentieth time gives it the tag of the request before.
    fn mix_up(&mut self, tag: &mut String) {
        let last = std::mem::replace(&mut *self.house.last_tag.lock().unwrap(), tag.clone());
        if self.random.random_range(0..20) == 0 {
            *tag = last;
        }
    }

    /// Whether the connection goes on.
    async fn answer(&mut self, tag: &str, to_head: bool) -> io::Result<bool> {
        let answer = Answer::random(&mut self.random, tag, to_head, "", false);
        self.stream.write_all(&answer.bytes).await?;
        self.house.seen.until_close.fetch_add(answer.ends_with_connection.into(), Relaxed);
        Ok(!answer.ends_with_connection)
    }

    async fn answer_oddly(&mut self, mood: u32, tag: String, to_head: bool) -> io::Result<bool> {
        let seen = Arc::clone(&self.house);
        let seen = &seen.seen;
        match mood {
            0 | 1 => {
                seen.delayed.fetch_add(1, Relaxed);
                tokio::time::sleep(Duration::from_micros(self.random.random_range(0..4_000))).await;
                self.answer(&tag, to_head).await
            }
            2 => {
                seen.in_pieces.fetch_add(1, Relaxed);
                self.answer_in_pieces(&tag, to_head).await
            }
            3 => {
                seen.reset.fetch_add(1, Relaxed);
                self.begin_to_answer(&tag, to_head).await?;
                self.stream.set_zero_linger()?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            4 => {
                seen.hung_up.fetch_add(1, Relaxed);
                self.begin_to_answer(&tag, to_head).await?;
                Ok(false)
            }
            5 => {
                seen.said_too_much.fetch_add(1, Relaxed);
                // In one write, and small: what comes later may always come after the next request.
                let mut answer = Answer::random(&mut self.random, &tag, to_head, "", true).bytes;
                answer.extend(unasked(&mut self.random));
                self.spoilt = true;
                self.stream.write_all(&answer).await?;
                Ok(true)
            }
            _ => {
                seen.said_more_later.fetch_add(1, Relaxed);
                self.say_more_later(tag, to_head).await
            }
        }
    }

    async fn answer_in_pieces(&mut self, tag: &str, to_head: bool) -> io::Result<bool> {
        let answer = Answer::random(&mut self.random, tag, to_head, "", false);
        let mut rest = &answer.bytes[..];
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(self.random.random_range(1..=rest.len().min(3_000)));
            self.stream.write_all(piece).await?;
            tokio::time::sleep(Duration::from_micros(self.random.random_range(0..50))).await;
            rest = others;
        }
        Ok(!answer.ends_with_connection)
    }

    /// A part of an answer, or all or nothing.
    async fn begin_to_answer(&mut self, tag: &str, to_head: bool) -> io::Result<()> {
        let answer = Answer::random(&mut self.random, tag, to_head, "", true);
        let part = self.random.random_range(0..=answer.bytes.len());
        self.stream.write_all(&answer.bytes[..part]).await
    }

    /// Answers well, and then says what nobody has asked for. The client waits for that before it goes on.
    async fn say_more_later(&mut self, tag: String, to_head: bool) -> io::Result<bool> {
        let answer = Answer::random(&mut self.random, &tag, to_head, &format!("{LATE}: 1\r\n"), true);
        let unasked = unasked(&mut self.random);
        self.spoilt = true;
        let mut said = self.stream.write_all(&answer.bytes).await;
        if said.is_ok() {
            tokio::time::sleep(Duration::from_micros(self.random.random_range(0..1_000))).await;
            said = self.stream.write_all(&unasked).await;
        }
        self.house.late.put(tag);
        said.map(|()| true)
    }
}
