//! A request on its way out.

use super::buffer::{Lent, SIZE};
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::transport::upload::Upload;
use bytes::{Buf as _, Bytes};
use http_body::Body as _;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::AsyncWrite;

/// How a request says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// By `content-length`, or it has none.
    Known,
    /// By `transfer-encoding: chunked`.
    Chunked,
}

/// The head, and the body behind it: small ones leave with the head in one write.
pub(super) struct Outgoing {
    /// The head, then the sizes of chunks and whatever else is small.
    buffer: Lent,
    /// So much of the buffer has left.
    written: usize,
    /// A piece of the body that comes after the buffer.
    piece: Bytes,
    /// What comes after the piece.
    upload: Option<Upload>,
    sized: BodyLength,
    /// The line that ends a chunk is still to come.
    in_chunk: bool,
    /// TLS still holds some of what was written.
    flushing: bool,
}

impl Outgoing {
    /// Of a buffer that begins with the head.
    #[inline]
    pub(super) fn new(buffer: Lent, upload: Option<Upload>, sized: BodyLength) -> Self {
        Self { buffer, written: 0, piece: Bytes::new(), upload, sized, in_chunk: false, flushing: false }
    }

    /// Writes what the stream takes; notes the instant of the last byte that left in `last_write`.
    #[inline]
    pub(super) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
        last_write: &mut Option<Instant>,
    ) -> Poll<Result<(), Failure>> {
        let mut wrote = false;
        let result = self.poll_all(stream, cx, &mut wrote);
        if wrote {
            *last_write = Some(Instant::now());
        }
        result
    }

    #[inline]
    fn poll_all(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
        wrote: &mut bool,
    ) -> Poll<Result<(), Failure>> {
        loop {
            if self.upload.is_some() {
                self.gather(cx)?;
            }
            let rest = &self.buffer.filled()[self.written..];
            let rest = if rest.is_empty() { &self.piece[..] } else { rest };
            if rest.is_empty() {
                // TLS may hold some of it, and a server may say nothing, nor the stream give more, before it is there.
                let flushed = Pin::new(stream).poll_flush(cx).map_err(|error| Failure::of_io(&error))?;
                // Then it is the flush that wrote the last byte.
                *wrote |= std::mem::replace(&mut self.flushing, flushed.is_pending());
                ready!(flushed);
                return if self.upload.is_some() { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            match ready!(Pin::new(&mut *stream).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
                Ok(bytes) => self.advance(bytes),
                Err(error) => return Poll::Ready(Err(Failure::of_io(&error))),
            }
            *wrote = true;
        }
    }

    #[inline]
    fn advance(&mut self, bytes: usize) {
        if self.written < self.buffer.len() {
            self.written += bytes;
        } else {
            self.piece.advance(bytes);
        }
    }

    /// Gets further pieces of the body, as far as they are there: small ones leave together.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        if self.written == self.buffer.len() && self.piece.is_empty() {
            self.buffer.truncate(0);
            self.written = 0;
        }
        while self.piece.is_empty()
            && self.buffer.len() <= SIZE / 2
            && let Some(upload) = &mut self.upload
        {
            match Pin::new(upload).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        self.take(piece);
                    }
                }
                // Why is noted with the body.
                Poll::Ready(Some(Err(_))) => return Err(ErrorKind::RequestBody.into()),
                Poll::Ready(None) => self.end(),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    fn take(&mut self, piece: Bytes) {
        if self.sized == BodyLength::Chunked && !piece.is_empty() {
            self.begin_chunk(piece.len());
        }
        if piece.len() <= self.buffer.room() {
            self.buffer.push(&piece);
        } else {
            self.piece = piece;
        }
    }

    fn end(&mut self) {
        self.upload = None;
        if self.sized == BodyLength::Chunked {
            self.end_chunk();
            self.buffer.push(b"0\r\n\r\n");
        }
    }

    fn begin_chunk(&mut self, len: usize) {
        self.end_chunk();
        self.in_chunk = true;
        let mut digits = [0; 2 * size_of::<usize>()];
        let mut rest = &mut digits[..];
        // There is room for each of its digits.
        let _ = write!(rest, "{len:x}");
        let used = 2 * size_of::<usize>() - rest.len();
        self.buffer.push(&digits[..used]);
        self.buffer.push(b"\r\n");
    }

    fn end_chunk(&mut self) {
        if std::mem::take(&mut self.in_chunk) {
            self.buffer.push(b"\r\n");
        }
    }
}
