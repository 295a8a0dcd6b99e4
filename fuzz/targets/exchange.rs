//! One exchange over HTTP/1.1, answered with whatever bytes the fuzzer comes upon.
//!
//! hyper reads the same bytes, cut at the same places, and must come to the same response, save for the table of allowed
//! differences that the differential tests have. Nothing panics, and a connection that is kept has nothing left of its response.
//!
//! An input is a first byte with the method, how the network behaves and how the body is read; a second one with the number of
//! cuts and how much of the request is taken at a time; a byte for each cut with its distance from the one before; and then the
//! bytes of the server. They may be moved towards the end of the buffer that a head is read into: its arithmetic is of interest
//! there, and no fuzzer fills 8 KiB by itself.

#![no_main]

#[allow(dead_code, unused_imports, reason = "the table has more for the tests that check it")]
#[path = "../../tests/differential/both/mod.rs"]
mod both;

use both::{Case, Reading, compare};
use http::Method;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some(case) = read(input) {
        compare(&case);
    }
});

/// A head that is moved has a field of this length and up to 255 bytes more: with the others its end comes near 8 KiB.
const FILLING: usize = (8 << 10) - 300;

fn read(input: &[u8]) -> Option<Case> {
    let (&[how, numbers], rest) = input.split_first_chunk()?;
    let (distances, mut rest) = rest.split_at_checked(usize::from(numbers & 0x0f))?;
    let mut filling = 0;
    if how & 0x40 != 0 {
        let (near, others) = rest.split_first()?;
        (filling, rest) = (FILLING + usize::from(*near), others);
    }
    let (bytes, moved) = filled(rest, filling);
    let step = if how & 0x80 == 0 { 1 } else { 64 };
    let mut end = 0;
    let cuts = distances.iter().map(|distance| {
        end = rest.len().min(end + step * usize::from(*distance));
        if end > moved { end + (bytes.len() - rest.len()) } else { end }
    });
    Some(Case {
        method: [Method::GET, Method::GET, Method::HEAD, Method::CONNECT][usize::from(how & 3)].clone(),
        cuts: cuts.collect(),
        stalls: how & 4 != 0,
        closes: how & 8 != 0,
        takes: [usize::MAX, 1, 2, 3, 5, 8, 13, 21][usize::from(numbers >> 4 & 7)],
        reading: [Reading::Kept, Reading::Kept, Reading::Discarded, Reading::Pieces]
            [usize::from(how >> 4 & 3)],
        bytes,
    })
}

/// With a field of `len` bytes behind the first line, or none; and how long that line is.
fn filled(bytes: &[u8], len: usize) -> (Vec<u8>, usize) {
    let line = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
    let (line, rest) = bytes.split_at(line);
    let field = if len == 0 { String::new() } else { format!("f: {}\r\n", "f".repeat(len - 5)) };
    ([line, field.as_bytes(), rest].concat(), line.len())
}
