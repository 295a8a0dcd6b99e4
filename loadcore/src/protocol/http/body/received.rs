//! A response's body where it was received.

use bytes::Bytes;
use std::cell::OnceCell;
use std::ops::Range;

/// A body: behind its head, in the buffer of the connection, or in memory of its own.
#[derive(Debug, Default)]
pub(in crate::protocol::http) struct Received {
    in_buffer: Range<usize>,
    /// Made when somebody asks, if it is in the buffer.
    own: OnceCell<Bytes>,
}

impl Received {
    #[inline]
    pub(in crate::protocol::http) fn in_buffer(range: Range<usize>) -> Self {
        Self { in_buffer: range, own: OnceCell::new() }
    }

    /// The body; `buffer` is the one that its head is in.
    #[inline]
    pub(in crate::protocol::http) fn slice<'a>(&'a self, buffer: Option<&'a [u8]>) -> &'a [u8] {
        match (self.own.get(), buffer) {
            (Some(own), _) => own,
            (None, Some(buffer)) => &buffer[self.in_buffer.clone()],
            (None, None) => &[],
        }
    }

    pub(in crate::protocol::http) fn bytes(&self, buffer: Option<&[u8]>) -> &Bytes {
        self.own.get_or_init(|| {
            buffer.map_or_else(Bytes::new, |buffer| Bytes::copy_from_slice(&buffer[self.in_buffer.clone()]))
        })
    }

    #[inline]
    pub(in crate::protocol::http) fn is_empty(&self) -> bool {
        self.own.get().map_or(self.in_buffer.is_empty(), Bytes::is_empty)
    }
}

impl From<Bytes> for Received {
    fn from(bytes: Bytes) -> Self {
        Self { in_buffer: 0..0, own: bytes.into() }
    }
}
