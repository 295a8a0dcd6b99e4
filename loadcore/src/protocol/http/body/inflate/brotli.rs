//! brotli.

use super::codec::{Codec, Step};
use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

/// A stream with a window of at most 16 MiB.
pub(super) struct Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>);

impl Brotli {
    pub(super) fn new() -> Self {
        // Large windows, up to 1 GiB, are not among what HTTP calls `br`.
        let alloc = StandardAlloc::default;
        Self(Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())))
    }
}

impl Codec for Brotli {
    fn step(&mut self, input: &[u8], _over: bool, out: &mut [u8]) -> Result<Step, &'static str> {
        let (mut unread, mut read) = (input.len(), 0);
        let (mut room, mut written, mut total) = (out.len(), 0, 0);
        let state = &mut *self.0;
        let result = BrotliDecompressStream(
            &mut unread,
            &mut read,
            input,
            &mut room,
            &mut written,
            out,
            &mut total,
            state,
        );
        let ended = match result {
            BrotliResult::ResultSuccess => true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
            BrotliResult::ResultFailure => return Err("its data is corrupt"),
        };
        Ok(Step { read, written, ended })
    }
}
