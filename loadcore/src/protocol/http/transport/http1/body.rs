//! A response's body on its way in.

use super::buffer::Lent;
use super::chunked::{Chunked, Step};
use super::framing::Framing;
use super::refused::Refused;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::body::Received;
use crate::protocol::http::error::Failure;
use crate::protocol::http::transport::exchange::too_large;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncRead;
use tokio::task::coop::poll_proceed;
use tokio_util::io::poll_read_buf;

/// So much of a large body is read at a time.
const PIECE: usize = 64 << 10;
/// Less room than this is not worth a read.
const LEAST: usize = 4 << 10;
/// What a server says of a body's length is believed as far as this before it has sent anything of it.
const MOST_RESERVED: usize = 1 << 20;

/// A read costs as much as so many small pieces, and as one more for each KiB that it brings.
const READ: u64 = 64;
const KIB: u64 = 1 << 10;

/// What is still to come of a body.
#[derive(Debug)]
pub(super) enum Left {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Over,
}

/// What the bytes that are there hold.
enum Next {
    Data {
        at: usize,
        len: usize,
    },
    /// More must be read.
    Hungry,
    /// The body ends after so many bytes.
    End {
        used: usize,
    },
}

impl Left {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Empty | Framing::Length(0) => Self::Over,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// Takes what comes next from the bytes.
    #[inline]
    fn next(&mut self, bytes: &[u8]) -> Result<Next, Refused> {
        let len = bytes.len();
        match self {
            Self::Over => Ok(Next::End { used: 0 }),
            _ if len == 0 => Ok(Next::Hungry),
            Self::Length(left) => {
                let len = usize::try_from(*left).map_or(len, |left| left.min(len));
                self.take(len);
                Ok(Next::Data { at: 0, len })
            }
            Self::UntilClose => Ok(Next::Data { at: 0, len }),
            Self::Chunked(chunked) => Ok(match chunked.next(bytes)? {
                Step::Data { at, len } => Next::Data { at, len },
                Step::More => Next::Hungry,
                Step::End { used } => {
                    *self = Self::Over;
                    Next::End { used }
                }
            }),
        }
    }

    /// So much of its length has come.
    #[inline]
    fn take(&mut self, len: usize) {
        if let Self::Length(left) = self {
            *left -= len as u64;
            if *left == 0 {
                *self = Self::Over;
            }
        }
    }

    /// The server has ended the connection.
    fn close(&mut self) -> Result<(), Failure> {
        match std::mem::replace(self, Self::Over) {
            Self::UntilClose | Self::Over => Ok(()),
            Self::Length(left) => {
                let problem = format_args!("{left} bytes of the body are missing");
                Err(Failure::new(ErrorKind::ConnectionClosed, problem))
            }
            Self::Chunked(_) => {
                Err(Failure::new(ErrorKind::ConnectionClosed, "the body ends before its last chunk"))
            }
        }
    }
}

/// A body that is received as a whole, or thrown away.
///
/// It stays in the buffer of its head as long as it fits: most do, and then nothing is allocated for it.
#[derive(Debug)]
pub(super) struct Whole {
    /// Where in the buffer it is, as far as it has come.
    kept: Range<usize>,
    /// The first byte of the buffer that nobody has looked at.
    unread: usize,
    /// Instead of the buffer, for a body that is too large for it.
    spilled: Option<Vec<u8>>,
    /// How much of it may be kept; `None` to throw it away.
    most: Option<usize>,
    /// What it has cost, in pieces: see [`READ`].
    effort: u64,
}

impl Whole {
    /// Of a body that follows a head of that length.
    #[inline]
    pub(super) fn new(head: usize, most: Option<usize>) -> Self {
        Self { kept: head..head, unread: head, spilled: None, most, effort: 0 }
    }

    fn len(&self) -> usize {
        self.spilled.as_ref().map_or(self.kept.len(), Vec::len)
    }

    pub(super) fn effort(&self) -> u64 {
        self.effort
    }

    /// Looks through what is there; whether that is all of the body.
    #[inline]
    pub(super) fn look(&mut self, left: &mut Left, buffer: &mut Lent) -> Result<bool, Failure> {
        loop {
            match left.next(&buffer.filled()[self.unread..]).map_err(refused)? {
                Next::Data { at, len } => {
                    let at = self.unread + at;
                    self.unread = at + len;
                    self.effort += 1;
                    self.keep(buffer, at, len)?;
                }
                Next::Hungry => {
                    self.unread = buffer.len();
                    return Ok(false);
                }
                Next::End { used } => {
                    self.unread += used;
                    return Ok(true);
                }
            }
        }
    }

    #[inline]
    fn keep(&mut self, buffer: &mut Lent, at: usize, len: usize) -> Result<(), Failure> {
        let Some(most) = self.most else { return Ok(()) };
        if self.len() + len > most {
            return Err(too_large(most));
        }
        if let Some(spilled) = &mut self.spilled {
            spilled.extend_from_slice(&buffer.filled()[at..at + len]);
        } else {
            buffer.shift(at, len, self.kept.end);
            self.kept.end += len;
        }
        Ok(())
    }

    /// Whether more has come than the body.
    pub(super) fn leaves_over(&self, buffer: &Lent) -> bool {
        self.unread < buffer.len()
    }

    /// Reads what comes next.
    pub(super) fn poll_read(
        &mut self,
        left: &mut Left,
        buffer: &mut Lent,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        // Everything was looked at: what is not kept makes room.
        buffer.truncate(self.kept.end);
        self.unread = self.kept.end;
        if self.spilled.is_none() && self.most.is_some() && !self.fits(left, buffer) {
            self.spill(left, buffer);
        }
        let read = match (&mut self.spilled, &*left) {
            (Some(spilled), Left::Length(length)) => {
                let read = ready!(poll_append(spilled, *length, self.most, stream, cx))?;
                left.take(read);
                read
            }
            _ => {
                // A body that is kept here doubles it anyway, when it is full.
                let is_elsewhere = self.spilled.is_some() || self.most.is_none();
                if buffer.room() == 0 || (is_elsewhere && buffer.room() < LEAST) {
                    buffer.double();
                }
                ready!(buffer.poll_fill(stream, cx)).map_err(|error| Failure::of_io(&error))?
            }
        };
        self.effort += READ + read as u64 / KIB;
        Poll::Ready(if read == 0 { left.close() } else { Ok(()) })
    }

    /// Whether the rest has room in the buffer, as far as one knows.
    #[inline]
    fn fits(&self, left: &Left, buffer: &Lent) -> bool {
        match left {
            Left::Length(left) => *left <= buffer.room() as u64,
            Left::Chunked(_) | Left::UntilClose | Left::Over => buffer.room() > 0,
        }
    }

    #[cold]
    fn spill(&mut self, left: &Left, buffer: &mut Lent) {
        let kept = &buffer.filled()[self.kept.clone()];
        let expected = match left {
            Left::Length(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            _ => kept.len(),
        };
        let mut spilled = Vec::with_capacity(kept.len() + expected.min(MOST_RESERVED));
        spilled.extend_from_slice(kept);
        self.spilled = Some(spilled);
        self.kept.end = self.kept.start;
        buffer.truncate(self.kept.start);
        self.unread = self.kept.start;
    }

    #[inline]
    pub(super) fn finish(self, buffer: &mut Lent) -> Received {
        buffer.truncate(self.kept.end);
        match self.spilled {
            Some(spilled) => Received::from(Bytes::from(spilled)),
            None => Received::in_buffer(self.kept),
        }
    }
}

/// Reads up to `left` bytes straight into memory of the body's own.
fn poll_append(
    body: &mut Vec<u8>,
    left: u64,
    most: Option<usize>,
    stream: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
) -> Poll<Result<usize, Failure>> {
    if body.len() == body.capacity() {
        body.reserve(PIECE);
    }
    let mut room = (&mut *body).limit(usize::try_from(left).unwrap_or(usize::MAX));
    let read =
        ready!(poll_read_buf(Pin::new(stream), cx, &mut room)).map_err(|error| Failure::of_io(&error))?;
    match most {
        Some(most) if body.len() > most => Poll::Ready(Err(too_large(most))),
        _ => Poll::Ready(Ok(read)),
    }
}

/// A body that is given out as it comes in.
#[derive(Debug)]
pub(super) struct Pieces {
    /// What was read, and is not given out.
    unread: Bytes,
    /// Where the next bytes are read to.
    room: BytesMut,
}

impl Pieces {
    /// Of a body of which this much has come with the head.
    pub(super) fn new(begins: &[u8]) -> Self {
        Self { unread: Bytes::copy_from_slice(begins), room: BytesMut::new() }
    }

    pub(super) fn leaves_over(&self) -> bool {
        !self.unread.is_empty()
    }

    /// The next piece of what is there.
    pub(super) fn next(&mut self, left: &mut Left) -> Result<Option<Bytes>, Failure> {
        match left.next(&self.unread).map_err(refused)? {
            Next::Data { at, len } => {
                self.unread.advance(at);
                Ok(Some(self.unread.split_to(len)))
            }
            Next::Hungry => {
                self.unread.clear();
                Ok(None)
            }
            Next::End { used } => {
                self.unread.advance(used);
                Ok(None)
            }
        }
    }

    /// Reads what comes next.
    pub(super) fn poll_read(
        &mut self,
        left: &mut Left,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        if self.room.capacity() < LEAST {
            self.room.reserve(PIECE);
        }
        let read = ready!(poll_read_buf(Pin::new(stream), cx, &mut self.room));
        if read.map_err(|error| Failure::of_io(&error))? == 0 {
            return Poll::Ready(left.close());
        }
        self.unread = self.room.split().freeze();
        // One for every read is taken by the socket. A large one leaves the others the sooner their turn.
        for _ in 0..self.unread.len() / LEAST {
            if let Poll::Ready(turn) = poll_proceed(cx) {
                turn.made_progress();
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cold]
pub(super) fn refused(refused: Refused) -> Failure {
    Failure::new(ErrorKind::InvalidResponse, refused)
}
