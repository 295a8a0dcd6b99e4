//! Undoing the compression of responses: outside the measured time, and never with more memory than allowed.
//!
//! ```text
//! mod.rs     a whole body, or one that is streamed
//! codec.rs   stages, one for each encoding, that feed each other
//! flate.rs brotli.rs zstd.rs   one stage's work
//! ```

mod brotli;
mod codec;
mod flate;
mod zstd;

use super::encoding::to_undo;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use bytes::Bytes;
use codec::{Got, Stage, Wire, pull};
use http::HeaderMap;

/// So much is inflated at a time; then others on this core get their turn.
const PIECE: usize = 256 << 10;
/// So many turns in a row may give nothing. A body of nothing but empty parts, itself compressed, would keep its VU for hours.
const MOST_BARREN: u32 = 1_000;
/// Encodings on top of each other. No server needs more than two.
const MOST_STAGES: usize = 4;

/// A body that is inflated as it comes in.
pub(in crate::protocol::http) struct Inflater {
    stages: Vec<Stage>,
    wire: Wire,
    /// Something has come.
    begun: bool,
    /// Turns since something was given.
    barren: u32,
}

impl Inflater {
    /// What the headers ask for; `None` if the body is as it is.
    pub(in crate::protocol::http) fn of(headers: &HeaderMap) -> Result<Option<Self>, Failure> {
        let encodings = to_undo(headers);
        if encodings.is_empty() {
            return Ok(None);
        }
        if encodings.len() > MOST_STAGES {
            let problem = format_args!(
                "{} encodings on top of each other, at most {MOST_STAGES} are undone",
                encodings.len()
            );
            return Err(Failure::new(ErrorKind::Decompression, problem));
        }
        let stages = encodings.into_iter().map(Stage::new).collect();
        Ok(Some(Self { stages, wire: Wire::default(), begun: false, barren: 0 }))
    }

    /// The next bytes from the wire. Everything of those before has been [read](Self::piece).
    pub(in crate::protocol::http) fn feed(&mut self, bytes: Bytes) {
        self.begun |= !bytes.is_empty();
        self.wire.bytes = bytes;
    }

    /// There are no more bytes.
    pub(in crate::protocol::http) fn end(&mut self) {
        self.wire.over = true;
    }

    /// Writes what comes next to the front of `out`.
    fn read(&mut self, out: &mut [u8]) -> Result<Got, Failure> {
        if !self.begun {
            // Nothing at all is what HEAD and many a 204 or 304 send.
            return Ok(Got::End);
        }
        let failed = |problem| Failure::new(ErrorKind::Decompression, problem);
        let got = pull(&mut self.stages, &mut self.wire, out).map_err(failed)?;
        self.barren = if got == Got::Busy { self.barren + 1 } else { 0 };
        if self.barren > MOST_BARREN {
            return Err(failed("it goes on and on, but gives nothing".to_owned()));
        }
        Ok(got)
    }

    /// The next piece; `None` if more must be fed, or if it was the end. An empty one if others should get their turn before
    /// it goes on.
    pub(in crate::protocol::http) fn piece(&mut self) -> Result<Option<Bytes>, Failure> {
        let mut piece = vec![0; PIECE / 4];
        let bytes = match self.read(&mut piece)? {
            Got::Bytes(bytes) => bytes,
            Got::Busy => 0,
            Got::Hungry | Got::End => return Ok(None),
        };
        piece.truncate(bytes);
        // Who keeps small pieces, such as events, keeps no large ones with them.
        piece.shrink_to_fit();
        Ok(Some(piece.into()))
    }
}

/// Inflates a whole body, if its headers say that it is compressed, to `most` bytes at most.
pub(in crate::protocol::http) async fn inflate(
    headers: &HeaderMap,
    body: Bytes,
    most: usize,
) -> Result<Bytes, Failure> {
    let Some(mut inflater) = Inflater::of(headers)? else { return Ok(body) };
    let guess = body.len().saturating_mul(4).clamp(1 << 10, PIECE);
    inflater.feed(body);
    inflater.end();
    // All of it can be written to; so much is.
    let (mut whole, mut filled, mut since_turn) = (Vec::new(), 0, 0);
    loop {
        let (is_full, mut beyond) = (filled == most, [0]);
        if !is_full && filled == whole.len() {
            grow(&mut whole, guess, most);
        }
        // One byte more is too much, and says so.
        let room = if is_full { &mut beyond[..] } else { &mut whole[filled..] };
        match inflater.read(room)? {
            Got::Bytes(_) if is_full => return Err(too_large(most)),
            Got::Bytes(bytes) => (filled, since_turn) = (filled + bytes, since_turn + bytes),
            Got::Busy => since_turn = PIECE,
            Got::Hungry | Got::End => {
                whole.truncate(filled);
                return Ok(whole.into());
            }
        }
        if since_turn >= PIECE {
            since_turn = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// Makes room for at most a piece. What is allocated at least doubles, but never exceeds the most.
fn grow(whole: &mut Vec<u8>, guess: usize, most: usize) {
    let len = whole.len();
    let left = most - len;
    if whole.capacity() == len {
        whole.reserve_exact(guess.max(len).min(left));
    }
    whole.resize(len + (whole.capacity() - len).min(PIECE).min(left), 0);
}

fn too_large(most: usize) -> Failure {
    let problem = format_args!("it inflates to more than {most} bytes; Http::max_inflated_body allows more");
    Failure::new(ErrorKind::Decompression, problem)
}

#[cfg(test)]
mod tests;
