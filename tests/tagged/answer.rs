//! Tagged answers, in every framing.

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};

/// The request's tag.
pub(crate) const TAG: &str = "x-tag";
/// How long the body is.
pub(crate) const SIZE: &str = "x-size";
/// After this response the server says something that nobody has asked for, and tells when it has.
pub(crate) const LATE: &str = "x-late";

/// The tag again and again, the last time perhaps not to its end.
pub(crate) fn body_of(tag: &str, size: usize) -> Vec<u8> {
    tag.bytes().chain([b' ']).cycle().take(size).collect()
}

pub(crate) fn is_body_of(body: &[u8], tag: &str) -> bool {
    body.iter().copied().eq(tag.bytes().chain([b' ']).cycle().take(body.len()))
}

/// An answer as it goes over the wire.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// The connection must be closed, for that ends the body.
    pub(crate) ends_with_connection: bool,
}

impl Answer {
    /// Of a random size and framing. `to_head` is one without a body, `is_small` fits into one read.
    pub(crate) fn random(random: &mut StdRng, tag: &str, to_head: bool, more: &str, is_small: bool) -> Self {
        let most = match random.random_range(0..100) {
            0 if !is_small => 100_000,
            // Around the size of a buffer.
            1..4 if !is_small => 9_000,
            _ => 300,
        };
        let framing = match random.random_range(0..100) {
            0 if !is_small => Framing::UntilClose,
            1..4 => Framing::None,
            4..40 => Framing::Chunked,
            _ => Framing::Length,
        };
        let size = if to_head || framing == Framing::None { 0 } else { random.random_range(0..=most) };
        let mut bytes = Vec::with_capacity(size + 300);
        if random.random_range(0..50) == 0 {
            bytes.extend_from_slice(interim(random).as_bytes());
        }
        let status = if framing == Framing::None { "204 No Content" } else { "200 OK" };
        let framed = match framing {
            Framing::UntilClose | Framing::None => String::new(),
            Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
            Framing::Length if to_head => "content-length: 5\r\n".to_owned(),
            Framing::Length => format!("content-length: {size}\r\n"),
        };
        let head = format!("HTTP/1.1 {status}\r\n{TAG}: {tag}\r\n{SIZE}: {size}\r\n{framed}{more}\r\n");
        bytes.extend_from_slice(head.as_bytes());
        let body = body_of(tag, size);
        match framing {
            Framing::Chunked if !to_head => chunk(&mut bytes, &body, random),
            _ => bytes.extend_from_slice(&body),
        }
        Self { bytes, ends_with_connection: framing == Framing::UntilClose }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Framing {
    None,
    Length,
    Chunked,
    UntilClose,
}

/// With a tag of nobody, which must not be taken for the answer's.
fn interim(random: &mut StdRng) -> String {
    let one = format!("HTTP/1.1 103 Early Hints\r\n{TAG}: interim\r\n\r\n");
    one.repeat(random.random_range(1..4))
}

fn chunk(bytes: &mut Vec<u8>, mut body: &[u8], random: &mut StdRng) {
    while !body.is_empty() {
        let (chunk, rest) = body.split_at(random.random_range(1..=body.len()));
        let extension = if random.random_range(0..20) == 0 { ";a=b" } else { "" };
        bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
        body = rest;
    }
    bytes.extend_from_slice(b"0\r\n");
    if random.random_range(0..20) == 0 {
        bytes.extend_from_slice(format!("{TAG}: trailer\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
}

/// What nobody has asked for: most of it would do for an answer.
pub(crate) fn unasked(random: &mut StdRng) -> Vec<u8> {
    match random.next_u32() % 4 {
        0 => b"\r\n".to_vec(),
        1 => b"x".to_vec(),
        _ => {
            format!("HTTP/1.1 200 OK\r\n{TAG}: nobody\r\n{SIZE}: 6\r\ncontent-length: 6\r\n\r\nnobody").into()
        }
    }
}
