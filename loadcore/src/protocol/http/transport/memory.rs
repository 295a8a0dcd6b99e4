//! A socket that leads to a function: requests without a network, for benches that count instructions.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A server in memory: what it answers to what has come of a request, and nothing as long as that is not all of it.
pub type Answer = fn(request: &[u8]) -> Option<&'static [u8]>;

/// A connection to one. As over a network, an answer comes a turn of the event loop after its request.
#[derive(Debug)]
pub(crate) struct Memory {
    answer: Answer,
    /// The beginning of a request whose rest is not there yet.
    request: Vec<u8>,
    /// What is left of the answer.
    unread: &'static [u8],
    /// The answer is on its way.
    is_due: bool,
    waiting: Option<Waker>,
}

impl Memory {
    pub(super) fn new(answer: Answer) -> Self {
        Self { answer, request: Vec::new(), unread: &[], is_due: false, waiting: None }
    }

    #[inline]
    pub(super) fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn answer(&mut self, answer: &'static [u8]) {
        self.unread = answer;
        self.is_due = true;
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

impl AsyncRead for Memory {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.is_due) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.unread.is_empty() {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (now, later) = self.unread.split_at(self.unread.len().min(buf.remaining()));
        buf.put_slice(now);
        self.unread = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    #[inline]
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let answer = if self.request.is_empty() {
            // Nearly every request is one write.
            (self.answer)(buf)
        } else {
            self.request.extend_from_slice(buf);
            (self.answer)(&self.request)
        };
        match answer {
            Some(answer) => {
                self.request.clear();
                self.answer(answer);
            }
            None if self.request.is_empty() => self.request.extend_from_slice(buf),
            None => {}
        }
        Poll::Ready(Ok(buf.len()))
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
