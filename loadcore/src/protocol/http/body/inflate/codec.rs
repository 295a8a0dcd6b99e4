//! What all decompressors have in common: they are fed and asked piece by piece, and never hold more than a piece.

use super::{brotli, flate, zstd};
use crate::protocol::http::body::Encoding;
use bytes::{Buf, Bytes};

/// So much is given to a decompressor at a time.
const INPUT: usize = 16 << 10;
/// So many steps may give nothing before others on this core get their turn.
const STEPS: u32 = 64;

/// One compression, undone step by step.
pub(super) trait Codec {
    /// Reads from the front of `input` and writes to the front of `out`. `over` says that nothing comes after the input.
    /// Without any progress it is asked again with more input.
    fn step(&mut self, input: &[u8], over: bool, out: &mut [u8]) -> Result<Step, &'static str>;
}

/// What a step has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) read: usize,
    pub(super) written: usize,
    /// All is out. What comes after it is none of the body's.
    pub(super) ended: bool,
}

impl Step {
    pub(super) const ENDED: Self = Self { read: 0, written: 0, ended: true };
    pub(super) const HUNGRY: Self = Self { read: 0, written: 0, ended: false };
}

/// What was got from a stage.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    Bytes(usize),
    /// Nothing, after much work. There may be something the next time.
    Busy,
    /// The next piece from the wire is wanted first.
    Hungry,
    End,
}

/// The bytes as they come from the wire.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) bytes: Bytes,
    /// These are the last ones.
    pub(super) over: bool,
}

/// One encoding of a body, with the input that it has not yet read.
pub(super) struct Stage {
    encoding: Encoding,
    codec: Box<dyn Codec>,
    input: Vec<u8>,
    /// So much of the input is read.
    at: usize,
    over: bool,
    ended: bool,
}

impl Stage {
    pub(super) fn new(encoding: Encoding) -> Self {
        let codec: Box<dyn Codec> = match encoding {
            Encoding::Gzip => Box::new(flate::Gzip::new()),
            Encoding::Deflate => Box::new(flate::Deflate::default()),
            Encoding::Brotli => Box::new(brotli::Brotli::new()),
            Encoding::Zstd => Box::new(zstd::Zstd::new()),
        };
        Self { encoding, codec, input: Vec::new(), at: 0, over: false, ended: false }
    }
}

/// Lets the last of these stages write something.
pub(super) fn pull(stages: &mut [Stage], wire: &mut Wire, out: &mut [u8]) -> Result<Got, String> {
    let Some((stage, before)) = stages.split_last_mut() else { return Ok(take(wire, out)) };
    for _ in 0..STEPS {
        if stage.ended {
            return Ok(Got::End);
        }
        let step = stage.codec.step(&stage.input[stage.at..], stage.over, out);
        let step = step.map_err(|problem| format!("{}: {problem}", stage.encoding))?;
        stage.at += step.read;
        stage.ended = step.ended;
        if step.written > 0 {
            return Ok(Got::Bytes(step.written));
        }
        if step.read > 0 || step.ended {
            continue;
        }
        if stage.over {
            return Err(format!("{}: it is cut short", stage.encoding));
        }
        stage.input.drain(..stage.at);
        stage.at = 0;
        let kept = stage.input.len();
        stage.input.resize(kept + INPUT, 0);
        let got = pull(before, wire, &mut stage.input[kept..])?;
        stage.input.truncate(kept + if let Got::Bytes(bytes) = got { bytes } else { 0 });
        match got {
            Got::Bytes(_) => {}
            Got::Busy | Got::Hungry => return Ok(got),
            Got::End => stage.over = true,
        }
    }
    Ok(Got::Busy)
}

fn take(wire: &mut Wire, out: &mut [u8]) -> Got {
    if wire.bytes.is_empty() {
        return if wire.over { Got::End } else { Got::Hungry };
    }
    let bytes = out.len().min(wire.bytes.len());
    wire.bytes.copy_to_slice(&mut out[..bytes]);
    Got::Bytes(bytes)
}
