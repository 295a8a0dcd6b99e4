//! A connection and a scripted server: what the differential tests, which write small requests only, do not reach.

mod both_ways;
mod peer;
mod requests;
mod responses;
mod turns;

use super::{BodyLength, Buffers, Connection};
use crate::protocol::http::ErrorKind;
use crate::protocol::http::body::More;
use crate::protocol::http::transport::exchange::{Broken, Limits};
use crate::protocol::http::transport::upload::Upload;
use bytes::Bytes;
use http::{Method, StatusCode};
use peer::{Peer, Server};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::{Duration, Instant};

const POST: &[u8] = b"POST / HTTP/1.1\r\nhost: test\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What an exchange has come to.
#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    body: Bytes,
    is_kept: bool,
}

impl Answer {
    fn ok() -> Self {
        Self { status: StatusCode::OK, body: Bytes::from_static(b"ok"), is_kept: true }
    }
}

/// A body of these pieces.
fn parts<T: Into<Bytes>>(parts: impl IntoIterator<Item = T>) -> Upload {
    Upload::of(More::Parts(parts.into_iter().map(Into::into).collect()))
}

/// A connection to this server.
fn connect(server: &Rc<Server>) -> Connection<Peer> {
    Connection::open(None, Peer(Rc::clone(server)), &Rc::new(Buffers::default()), None, None)
}

fn limits() -> Limits {
    Limits { deadline: Instant::now() + Duration::from_secs(3600), first_byte: None }
}

/// Posts a body, and keeps `most` bytes of the answer's, or nothing.
async fn post(
    connection: &mut Connection<Peer>,
    upload: Option<Upload>,
    sized: BodyLength,
    most: Option<usize>,
) -> Result<Answer, Broken> {
    let mut head = connection.buffer();
    head.push(POST);
    connection.begin(head, upload, sized, &Method::POST, &limits());
    let mut head = connection.head(&limits()).await?;
    let body = connection.body(&mut head, most).await?;
    let body = body.bytes(head.headers.buffer()).clone();
    Ok(Answer { status: head.status, body, is_kept: connection.rest(Instant::now()) })
}

/// The same as the only request of a connection.
fn exchange(server: &Rc<Server>, upload: Option<Upload>, sized: BodyLength) -> Result<Answer, ErrorKind> {
    let answer = drive(async { post(&mut connect(server), upload, sized, Some(usize::MAX)).await });
    answer.expect("it does not wait for ever").map_err(|broken| broken.failure.kind)
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What the future comes to; `None` if nothing will ever wake it. No timer is ever due.
fn drive<T>(future: impl Future<Output = T>) -> Option<T> {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _clock = clock.enter();
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let (waker, mut future) = (Arc::clone(&woken).into(), pin!(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return Some(value),
            Poll::Pending if woken.0.swap(false, Ordering::SeqCst) => {}
            Poll::Pending => return None,
        }
    }
}
