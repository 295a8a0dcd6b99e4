//! Playing the scripts.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::frames::{self, Frame, frame};
use super::{Act, Http2Server, Seen};

/// Setting 3: how many streams the client may open.
const MAX_CONCURRENT_STREAMS: [u8; 2] = [0, 3];
const REFUSED_STREAM: u32 = 7;

pub(super) async fn serve(listener: TcpListener, server: Arc<Http2Server>, seen: Arc<Seen>) {
    // Connections end with this set, and the set with the server.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        seen.connections.fetch_add(1, SeqCst);
        seen.open_connections.fetch_add(1, SeqCst);
        let (server, seen) = (Arc::clone(&server), Arc::clone(&seen));
        connections.spawn(async move {
            // An error is a client that goes away, which is for the client to report.
            let _ = converse(stream, server, Arc::clone(&seen)).await;
            seen.open_connections.fetch_sub(1, SeqCst);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// What is to be written next.
enum Out {
    Bytes(Bytes),
    Endless(Bytes),
    Close,
    Abort,
}

async fn converse(stream: TcpStream, server: Arc<Http2Server>, seen: Arc<Seen>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let (out, to_write) = unbounded_channel();
    let open = Arc::default();
    let connection = Connection { server, seen, out, open, scripts: JoinSet::new() };
    tokio::select! {
        read = connection.read(read) => read,
        written = write_all(write, to_write) => written,
    }
}

async fn write_all(mut to: OwnedWriteHalf, mut what: UnboundedReceiver<Out>) -> io::Result<()> {
    while let Some(out) = what.recv().await {
        match out {
            Out::Bytes(bytes) => to.write_all(&bytes).await?,
            Out::Endless(bytes) => loop {
                to.write_all(&bytes).await?;
            },
            Out::Close => {
                to.shutdown().await?;
                // Until the client has closed it too: what it still sends would be answered with a reset.
                std::future::pending::<()>().await;
            }
            Out::Abort => {
                to.as_ref().set_zero_linger()?;
                // An orderly end of this half would come before the reset.
                to.forget();
                return Ok(());
            }
        }
    }
    Ok(())
}

struct Connection {
    server: Arc<Http2Server>,
    seen: Arc<Seen>,
    out: UnboundedSender<Out>,
    /// Requests under way.
    open: Arc<Mutex<HashSet<u32>>>,
    scripts: JoinSet<()>,
}

impl Connection {
    async fn read(mut self, mut from: OwnedReadHalf) -> io::Result<()> {
        let mut preface = vec![0; frames::PREFACE.len()];
        from.read_exact(&mut preface).await?;
        if preface != frames::PREFACE {
            return Err(io::Error::other("not HTTP/2"));
        }
        let settings =
            self.server.max_streams.map(|most| [&MAX_CONCURRENT_STREAMS[..], &most.to_be_bytes()].concat());
        self.send(frame(frames::SETTINGS, 0, 0, &settings.unwrap_or_default()));
        while let Some(frame) = Frame::read(&mut from).await? {
            self.take(&frame);
        }
        Ok(())
    }

    fn take(&mut self, got: &Frame) {
        match got.kind {
            frames::SETTINGS if !got.has(frames::ACK) => {
                let settings = got.payload.chunks_exact(6).map(|setting| {
                    let [a, b, c, d, e, f] = setting else { unreachable!("chunks of six") };
                    (u16::from_be_bytes([*a, *b]), u32::from_be_bytes([*c, *d, *e, *f]))
                });
                lock(&self.seen.settings).extend(settings);
                self.send(frame(frames::SETTINGS, frames::ACK, 0, &[]));
            }
            frames::PING if !got.has(frames::ACK) && self.server.answers_pings => {
                self.send(frame(frames::PING, frames::ACK, 0, &got.payload));
            }
            frames::WINDOW_UPDATE if got.stream == 0 => lock(&self.seen.settings).push((0, got.number(0))),
            frames::HEADERS => self.request(got.stream),
            frames::DATA => {
                self.seen.body_bytes.fetch_add(got.payload.len(), SeqCst);
                if self.server.lets_upload && !got.payload.is_empty() {
                    self.send(frames::window_update(0, got.payload.len()));
                    self.send(frames::window_update(got.stream, got.payload.len()));
                }
            }
            frames::RST_STREAM => {
                lock(&self.seen.resets).push(got.number(0));
                lock(&self.open).remove(&got.stream);
            }
            frames::GOAWAY => drop(self.seen.goaways.fetch_add(1, SeqCst)),
            _ => {}
        }
    }

    fn request(&mut self, stream: u32) {
        let open = {
            let mut open = lock(&self.open);
            open.insert(stream);
            open.len()
        };
        if self.server.max_streams.is_some_and(|most| open > most as usize) {
            lock(&self.open).remove(&stream);
            self.seen.refused.fetch_add(1, SeqCst);
            return self.send(frames::reset(stream, REFUSED_STREAM));
        }
        self.seen.most_streams.fetch_max(open, SeqCst);
        let number = self.seen.requests.fetch_add(1, SeqCst);
        let scripts = &self.server.scripts;
        let Some(script) = scripts.get(number).or(scripts.last()).cloned() else { return };
        let (out, open) = (self.out.clone(), Arc::clone(&self.open));
        self.scripts.spawn(async move {
            for act in script {
                play(act, stream, &out, &open).await;
            }
        });
    }

    fn send(&self, bytes: Bytes) {
        // A connection that is over needs nothing more.
        let _ = self.out.send(Out::Bytes(bytes));
    }
}

async fn play(act: Act, stream: u32, out: &UnboundedSender<Out>, open: &Mutex<HashSet<u32>>) {
    let ends = matches!(act, Act::Last(_) | Act::Reset(_));
    let bytes = match act {
        Act::Head => frames::head(stream),
        Act::Data(data) => frame(frames::DATA, 0, stream, &data),
        Act::Last(data) => frame(frames::DATA, frames::END_STREAM, stream, &data),
        Act::Wait(duration) => return tokio::time::sleep(duration).await,
        Act::Reset(code) => frames::reset(stream, code),
        Act::GoAwayAfter(code) => frames::goaway(stream, code),
        Act::GoAwayBefore(code) => frames::goaway(stream.saturating_sub(2), code),
        Act::Raw(bytes) => bytes,
        Act::Endless(bytes) => return drop(out.send(Out::Endless(bytes))),
        Act::Close => return drop(out.send(Out::Close)),
        Act::Abort => return drop(out.send(Out::Abort)),
    };
    if ends {
        // Before the client can know of it.
        lock(open).remove(&stream);
    }
    let _ = out.send(Out::Bytes(bytes));
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
