//! zstd.

use super::codec::{Codec, Step};
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

/// What RFC 9659 allows a server to ask of its clients: 8 MiB.
const MOST_WINDOW_BITS: u32 = 23;

/// One or more frames, one after another.
pub(super) struct Zstd {
    frames: DCtx<'static>,
    /// The last one is complete.
    between: bool,
}

impl Zstd {
    pub(super) fn new() -> Self {
        let mut frames = DCtx::create();
        let limited = frames.set_parameter(DParameter::WindowLogMax(MOST_WINDOW_BITS));
        debug_assert!(limited.is_ok(), "the limit is one that the decoder knows");
        Self { frames, between: false }
    }
}

impl Codec for Zstd {
    fn step(&mut self, input: &[u8], over: bool, out: &mut [u8]) -> Result<Step, &'static str> {
        if self.between && input.is_empty() {
            return Ok(if over { Step::ENDED } else { Step::HUNGRY });
        }
        let (mut input, mut out) = (InBuffer::around(input), OutBuffer::around(out));
        let left = self.frames.decompress_stream(&mut out, &mut input);
        let left = left.map_err(|code| problem(get_error_name(code)))?;
        self.between = left == 0;
        Ok(Step { read: input.pos(), written: out.pos(), ended: false })
    }
}

fn problem(name: &str) -> &'static str {
    match name {
        "Frame requires too much memory for decoding" => "its window is larger than 8 MiB",
        "Dictionary mismatch" => "it needs a dictionary",
        "Restored data doesn't match checksum" => "its checksum is wrong",
        _ => "its data is corrupt",
    }
}
