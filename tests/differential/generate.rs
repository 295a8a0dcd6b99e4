//! Responses as servers send them, as odd servers send them, and as nobody should.

use super::both::{Case, Reading};
use super::stock::{
    CONNECTIONS, INTERIM, NAMES, ODD_CHUNKS, ODD_CODINGS, ODD_FIELDS, ODD_LENGTHS, ODD_STARTS, ODD_TRAILERS,
    SPLINTERS, STATUSES,
};
use http::Method;
use std::fmt::Write as _;

/// `SplitMix64`: the same numbers for the same seed on every machine.
pub(crate) struct Random(u64);

impl Random {
    /// One case's own: it can be made again without those before it.
    pub(crate) fn new(seed: u64, case: u64) -> Self {
        let mut mixed = Self(seed);
        Self(mixed.next() ^ case.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// In so many of a thousand cases.
    fn permille(&mut self, chance: usize) -> bool {
        self.below(1000) < chance
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn text(&mut self, alphabet: &str, most: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..self.between(0, most)).map(|_| self.pick(&alphabet)).collect()
    }
}

/// How a body is to be framed.
#[derive(Clone, Copy, PartialEq)]
enum Frame {
    Length,
    Chunked,
    Close,
    Both,
    OddLength,
    OddCoding,
}

impl Case {
    pub(crate) fn random(random: &mut Random) -> Self {
        let mut response = Response { random, bytes: Vec::new() };
        if response.random.permille(150) {
            for _ in 0..response.random.between(1, 3) {
                let status = response.random.pick(INTERIM);
                response.head(status, None);
            }
        }
        let status = response.random.pick(STATUSES);
        let frame = response.random.pick(&[
            Frame::Length,
            Frame::Length,
            Frame::Length,
            Frame::Length,
            Frame::Chunked,
            Frame::Chunked,
            Frame::Chunked,
            Frame::Chunked,
            Frame::Close,
            Frame::Both,
            Frame::OddLength,
            Frame::OddCoding,
        ]);
        if response.random.below(2000) == 0 {
            let lines = response.random.between(200 << 10, 300 << 10);
            response.bytes.extend_from_slice("\r\n".repeat(lines).as_bytes());
        }
        let body = response.body(frame);
        response.head(status, Some((frame, body.1)));
        response.bytes.extend_from_slice(&body.0);
        if response.random.permille(100) {
            let rest = response.random.pick(&[
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                "x",
                "\r\n",
                "0\r\n\r\n",
            ]);
            response.bytes.extend_from_slice(rest.as_bytes());
        }
        let mut bytes = response.bytes;
        if random.permille(250) {
            for _ in 0..random.between(1, 3) {
                mutate(&mut bytes, random);
            }
        }
        let method = match random.below(20) {
            0 | 1 => Method::HEAD,
            2..5 => Method::CONNECT,
            _ => Method::GET,
        };
        let cuts = cuts(bytes.len(), random);
        let (stalls, closes) = (random.permille(300), random.permille(500));
        let takes = random.pick(&[usize::MAX, usize::MAX, usize::MAX, 1, 2, 7, 30]);
        let reading = random.pick(&[Reading::Kept, Reading::Kept, Reading::Discarded, Reading::Pieces]);
        Self { method, bytes, cuts, stalls, closes, takes, reading }
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.between(1, 8)).min(bytes.len());
    match random.below(6) {
        0 if at < end => bytes[at] = u8::try_from(random.below(256)).unwrap(),
        1 if at < end => bytes[at] ^= 1 << random.below(8),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let part = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, part));
        }
        4 if random.permille(300) => bytes.truncate(at),
        _ => drop(bytes.splice(at..at, random.pick(SPLINTERS).bytes())),
    }
}

fn cuts(len: usize, random: &mut Random) -> Vec<usize> {
    let mut cuts = match random.below(10) {
        0..3 => Vec::new(),
        3 => (1..len.min(2000)).collect(),
        _ => (0..random.between(1, 12)).map(|_| random.below(len + 1)).collect(),
    };
    cuts.sort_unstable();
    cuts
}

/// A response that is being written.
struct Response<'a> {
    random: &'a mut Random,
    bytes: Vec<u8>,
}

impl Response<'_> {
    /// `framed` says how the body is framed, and how long it is.
    fn head(&mut self, status: u16, framed: Option<(Frame, usize)>) {
        let random = &mut *self.random;
        // Some servers end all lines of a head with LF, and some a few.
        let bare = random.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 30, 1000]);
        let mut lines = vec![start(status, random)];
        let fields = if random.permille(5) { random.between(250, 260) } else { random.between(0, 8) };
        for _ in 0..fields {
            lines.push(field(random));
        }
        // Near the limit on both sides.
        if random.below(4000) == 0 {
            lines.push(format!("large: {}", "l".repeat(random.between(250 << 10, 260 << 10))));
        }
        // The buffer for a head has 8 KiB: what follows begins where it ends.
        if random.permille(30) {
            lines.push(format!("filling: {}", "f".repeat(random.between(7800, 8250))));
        }
        if let Some((frame, len)) = framed {
            for line in framing(frame, len, random) {
                lines.insert(random.between(1, lines.len()), line);
            }
        }
        for line in lines.into_iter().chain([String::new()]) {
            self.bytes.extend_from_slice(line.as_bytes());
            self.bytes.extend_from_slice(if random.permille(bare) { b"\n" } else { b"\r\n" });
        }
    }

    /// A body as it is sent, and how long it is without chunks.
    fn body(&mut self, frame: Frame) -> (Vec<u8>, usize) {
        let random = &mut *self.random;
        let most = random.pick(&[0, 1, 20, 20, 300, 300, 300, 9000]);
        let data: Vec<u8> = (0..random.between(0, most)).map(|_| random.next().to_le_bytes()[0]).collect();
        let len = data.len();
        match frame {
            Frame::Chunked | Frame::Both | Frame::OddCoding => (chunks(&data, random), len),
            _ => (data, len),
        }
    }
}

fn start(status: u16, random: &mut Random) -> String {
    if random.permille(20) {
        return random.pick(ODD_STARTS).to_owned();
    }
    let version = if random.permille(60) { "1.0" } else { "1.1" };
    let reason = random.pick(&["", " ", " OK", " Not Found", " \u{fc}ber\t 1"]);
    format!("HTTP/{version} {status}{reason}")
}

fn field(random: &mut Random) -> String {
    if random.permille(5) {
        return random.pick(ODD_FIELDS).to_owned();
    }
    if random.permille(80) {
        return format!("{}: {}", random.pick(&["connection", "Connection"]), random.pick(CONNECTIONS));
    }
    let (name, value) = (random.pick(NAMES), random.text("abc XYZ019,;=/\"\t\u{e4}", 20));
    let (before, after) = (random.pick(&["", " ", " ", " ", "\t "]), random.pick(&["", "", "", " ", "\t"]));
    let folded = random.permille(10);
    let fold = if folded { random.pick(&["\r\n ", "\r\n\t x", "\n  y", "\r\n \r\n z"]) } else { "" };
    format!("{name}:{before}{value}{fold}{after}")
}

fn framing(frame: Frame, len: usize, random: &mut Random) -> Vec<String> {
    let length = random.pick(&["content-length", "Content-Length"]);
    let coding = random.pick(&["transfer-encoding", "Transfer-Encoding"]);
    let fold = if random.permille(10) { "\r\n " } else { "" };
    let chunked = random.pick(&["chunked", "chunked", "Chunked", "CHUNKED "]);
    match frame {
        Frame::Close => vec![],
        Frame::Chunked if random.permille(30) => {
            vec![format!("{coding}: chunked"), format!("{coding}: chunked")]
        }
        Frame::Chunked => vec![format!("{coding}: {fold}{chunked}")],
        Frame::Both => vec![format!("{coding}: {chunked}"), format!("{length}: {len}")],
        Frame::OddLength => vec![format!("{length}: {}", random.pick(ODD_LENGTHS))],
        Frame::OddCoding => vec![format!("{coding}: {}", random.pick(ODD_CODINGS))],
        Frame::Length => match random.below(20) {
            0 => vec![format!("{length}: {len}"), format!("{length}: 0{len}")],
            1 => vec![format!("{length}: {len}, {len}{fold}")],
            2 => vec![format!("{length}: {}", len + 1)],
            3 => vec![format!("{length}: {}", len / 2)],
            _ => vec![format!("{length}: {fold}{len}")],
        },
    }
}

fn chunks(data: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (chunk, others) = rest.split_at(random.between(1, rest.len()));
        rest = others;
        let zeros = "0".repeat(random.pick(&[0, 0, 0, 0, 1, 8]));
        let size =
            if random.permille(500) { format!("{:x}", chunk.len()) } else { format!("{:X}", chunk.len()) };
        bytes.extend_from_slice(format!("{zeros}{size}{}\r\n", extension(random)).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
        if random.permille(10) {
            bytes.extend_from_slice(random.pick(ODD_CHUNKS).as_bytes());
        }
    }
    bytes.extend_from_slice(format!("0{}\r\n", extension(random)).as_bytes());
    bytes.extend_from_slice(trailers(random).as_bytes());
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn extension(random: &mut Random) -> String {
    // Near the limit on both sides.
    match random.below(400) {
        0 => format!(";{}", "e".repeat(random.between(16 * 1024 - 4, 16 * 1024 + 4))),
        1 => " ".repeat(random.between(16 * 1024 - 4, 16 * 1024 + 4)),
        2..40 => format!(";{}", random.text("ab=;\" \t\u{e4}\0", 12)),
        40..60 => random.text(" \t", 3),
        _ => String::new(),
    }
}

fn trailers(random: &mut Random) -> String {
    let mut text = String::new();
    if random.permille(5) {
        write!(text, "big:{}\r\n", "t".repeat(random.between(16 * 1024 - 14, 16 * 1024 - 2))).unwrap();
    }
    let number = match random.below(200) {
        0 => random.between(120, 260),
        1..40 => random.between(1, 4),
        _ => 0,
    };
    for _ in 0..number {
        let (name, value) = (random.pick(NAMES), random.text("ab 1\t:;\u{e4}", 10));
        write!(text, "{name}:{value}\r\n").unwrap();
    }
    if random.permille(30) {
        text += random.pick(ODD_TRAILERS);
    }
    text
}
