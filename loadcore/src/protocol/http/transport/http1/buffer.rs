//! Buffers: lent to a request under way and to its response, and few of them kept.
//!
//! An idle connection has none. Those that wait for an answer have none either: a buffer is taken when something is there to be
//! read, so that a core with a thousand connections works in the same few, which stay in its cache.

use super::fields::Field;
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Most requests fit into it, and most responses.
pub(super) const SIZE: usize = 8 << 10;
/// So many are kept for the next requests.
const MOST_SPARE: usize = 64;
/// So many may be with responses that somebody holds on to; further responses get memory of their own, of their own size.
const MOST_LENT: usize = 256;

/// The buffers of one core.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Boxed: what is lent moves along with its response.
    #[allow(clippy::vec_box)]
    spare: RefCell<Vec<Box<Buffer>>>,
    lent: Cell<usize>,
}

impl Buffers {
    /// An empty one.
    #[inline]
    pub(super) fn lend(self: &Rc<Self>) -> Lent {
        self.lent.set(self.lent.get() + 1);
        let spare = self.spare.borrow_mut().pop();
        Lent { buffer: Some(spare.unwrap_or_else(Buffer::empty)), home: Rc::clone(self) }
    }

    #[inline]
    fn take_back(&self, mut buffer: Box<Buffer>) {
        self.lent.set(self.lent.get() - 1);
        let mut spare = self.spare.borrow_mut();
        // What has grown would be kept for nothing.
        if buffer.bytes.len() == SIZE && spare.len() < MOST_SPARE {
            buffer.clear();
            spare.push(buffer);
        }
    }
}

/// Bytes in their order, and where the header fields among them are.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// All of it can be written to.
    bytes: Vec<u8>,
    filled: usize,
    pub(super) fields: Vec<Field>,
}

impl Buffer {
    fn empty() -> Box<Self> {
        Box::new(Self { bytes: vec![0; SIZE], filled: 0, fields: Vec::new() })
    }

    fn clear(&mut self) {
        self.filled = 0;
        self.fields.clear();
    }

    /// What was written to it.
    #[inline]
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.filled
    }

    /// How much can be written before it must grow.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.bytes.len() - self.filled
    }

    /// The bytes and the fields, for who finds the fields in them.
    #[inline]
    pub(super) fn parts(&mut self) -> (&mut [u8], &mut Vec<Field>) {
        (&mut self.bytes[..self.filled], &mut self.fields)
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.filled + bytes.len();
        if end > self.bytes.len() {
            self.grow(end);
        }
        self.bytes[self.filled..end].copy_from_slice(bytes);
        self.filled = end;
    }

    #[cold]
    fn grow(&mut self, least: usize) {
        self.bytes.resize(least.next_power_of_two(), 0);
    }

    /// Makes twice as much room.
    #[cold]
    pub(super) fn double(&mut self) {
        self.grow(self.bytes.len() + 1);
    }

    /// Forgets what comes after the first `len` bytes.
    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        self.filled = self.filled.min(len);
    }

    /// Forgets the first `len` bytes.
    #[inline]
    pub(super) fn drain(&mut self, len: usize) {
        if len > 0 {
            self.bytes.copy_within(len..self.filled, 0);
            self.filled -= len;
        }
    }

    /// Moves `len` bytes from `from` to `to`, which is not after it.
    #[inline]
    pub(super) fn shift(&mut self, from: usize, len: usize, to: usize) {
        if from != to {
            self.bytes.copy_within(from..from + len, to);
        }
    }

    /// Reads what there is room for; how much it was.
    #[inline]
    pub(super) fn poll_fill(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(&mut self.bytes[self.filled..]);
        ready!(Pin::new(stream).poll_read(cx, &mut room))?;
        let read = room.filled().len();
        self.filled += read;
        Poll::Ready(Ok(read))
    }

    /// A copy that is as large as it needs to be.
    fn trimmed(&self) -> Box<Self> {
        Box::new(Self { bytes: self.filled().to_vec(), filled: self.filled, fields: self.fields.clone() })
    }
}

/// A buffer that goes back to its core when nobody needs it any more.
#[derive(Debug)]
pub(crate) struct Lent {
    /// None only once it has gone back.
    buffer: Option<Box<Buffer>>,
    home: Rc<Buffers>,
}

impl Lent {
    /// To be kept with a response, for as long as its user likes.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.home.lent.get() > MOST_LENT && self.bytes.len() > self.filled {
            let trimmed = self.trimmed();
            if let Some(whole) = self.buffer.replace(trimmed) {
                self.home.lent.set(self.home.lent.get() + 1);
                self.home.take_back(whole);
            }
        }
    }
}

impl std::ops::Deref for Lent {
    type Target = Buffer;

    #[inline]
    fn deref(&self) -> &Buffer {
        let Some(buffer) = &self.buffer else { unreachable!("it has not gone back") };
        buffer
    }
}

impl std::ops::DerefMut for Lent {
    #[inline]
    fn deref_mut(&mut self) -> &mut Buffer {
        let Some(buffer) = &mut self.buffer else { unreachable!("it has not gone back") };
        buffer
    }
}

impl Drop for Lent {
    #[inline]
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.home.take_back(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_is_lent_again() {
        let buffers = Rc::new(Buffers::default());
        let mut lent = buffers.lend();
        lent.push(b"something");
        let at = lent.bytes.as_ptr();
        drop(lent);
        let again = buffers.lend();
        assert_eq!((again.filled(), again.bytes.as_ptr()), (&b""[..], at));
    }

    #[test]
    fn few_are_kept_and_none_that_has_grown() {
        let buffers = Rc::new(Buffers::default());
        let many: Vec<_> = (0..2 * MOST_SPARE).map(|_| buffers.lend()).collect();
        drop(many);
        assert_eq!((buffers.spare.borrow().len(), buffers.lent.get()), (MOST_SPARE, 0));
        let mut large = buffers.lend();
        large.push(&[1; SIZE + 1]);
        assert_eq!((large.len(), large.room()), (SIZE + 1, SIZE - 1));
        drop(large);
        assert_eq!(buffers.spare.borrow().len(), MOST_SPARE - 1);
    }

    #[test]
    fn responses_that_are_held_in_great_number_take_no_more_than_they_need() {
        let buffers = Rc::new(Buffers::default());
        let held: Vec<_> = (0..10 * MOST_LENT)
            .map(|_| {
                let mut lent = buffers.lend();
                lent.push(b"HTTP/1.1 204 \r\n\r\n");
                lent.settle();
                lent
            })
            .collect();
        let bytes: usize = held.iter().map(|lent| lent.bytes.len()).sum();
        assert!(bytes < (MOST_LENT + 1) * SIZE + 10 * MOST_LENT * 20, "{bytes}");
        assert!(held.iter().all(|lent| lent.filled() == b"HTTP/1.1 204 \r\n\r\n"));
        assert_eq!(buffers.lent.get(), 10 * MOST_LENT);
        drop(held);
        assert_eq!(buffers.lent.get(), 0);
    }
}
