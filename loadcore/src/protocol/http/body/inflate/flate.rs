//! gzip and deflate.

use super::codec::{Codec, Step};
use flate2::{Decompress, FlushDecompress, Status};

const CORRUPT: &str = "its data is corrupt";
/// The largest window that the format has.
const WINDOW_BITS: u8 = 15;

/// One or more gzip members, one after another.
pub(super) struct Gzip {
    member: Decompress,
    /// The last one is complete.
    between: bool,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { member: Decompress::new_gzip(WINDOW_BITS), between: false }
    }
}

impl Codec for Gzip {
    fn step(&mut self, input: &[u8], over: bool, out: &mut [u8]) -> Result<Step, &'static str> {
        if self.between {
            if input.is_empty() {
                return Ok(if over { Step::ENDED } else { Step::HUNGRY });
            }
            *self = Self::new();
        }
        let step = decompress(&mut self.member, input, out)?;
        self.between = step.ended;
        Ok(Step { ended: false, ..step })
    }
}

/// zlib's format, or the raw one, which some servers send and all browsers read.
#[derive(Default)]
pub(super) struct Deflate(Option<Decompress>);

impl Codec for Deflate {
    fn step(&mut self, input: &[u8], over: bool, out: &mut [u8]) -> Result<Step, &'static str> {
        let stream = match &mut self.0 {
            Some(stream) => stream,
            None if input.len() < 2 && !over => return Ok(Step::HUNGRY),
            None => self.0.insert(Decompress::new(is_zlib(input))),
        };
        decompress(stream, input, out)
    }
}

/// Whether it begins as RFC 1950 says. A raw stream could only by way of a stored block whose padding is not zero.
fn is_zlib(input: &[u8]) -> bool {
    let [method, flags, ..] = *input else { return false };
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

fn decompress(stream: &mut Decompress, input: &[u8], out: &mut [u8]) -> Result<Step, &'static str> {
    let (read, written) = (stream.total_in(), stream.total_out());
    let status = stream.decompress(input, out, FlushDecompress::None).map_err(|_| CORRUPT)?;
    Ok(Step {
        read: (stream.total_in() - read) as usize,
        written: (stream.total_out() - written) as usize,
        ended: status == Status::StreamEnd,
    })
}
