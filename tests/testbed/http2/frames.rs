//! HTTP/2's frames (RFC 9113 section 4.1), as far as a scripted server needs them.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;

/// Of `DATA` and `HEADERS`: nothing follows.
pub(super) const END_STREAM: u8 = 1;
/// Of `SETTINGS` and `PING`.
pub(super) const ACK: u8 = 1;
/// Of `HEADERS`: they are complete.
pub(super) const END_HEADERS: u8 = 4;

/// A frame as it came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// The next one; `None` at the end of the connection.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
        let mut head = [0; 9];
        if from.read(&mut head[..1]).await? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut head[1..]).await?;
        let [a, b, c, kind, flags, ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        from.read_exact(&mut payload).await?;
        Ok(Some(Frame { kind, flags, stream: number(&head[5..]) & 0x7fff_ffff, payload }))
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload's number at that place; 0 in a frame that is too short.
    pub(super) fn number(&self, at: usize) -> u32 {
        self.payload.get(at..at + 4).map_or(0, number)
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// A frame to send.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Bytes {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    let mut frame = vec![a, b, c, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame.into()
}

/// A head that says 200: entry 8 of HPACK's static table.
pub(super) fn head(stream: u32) -> Bytes {
    frame(HEADERS, END_HEADERS, stream, &[0x88])
}

pub(super) fn reset(stream: u32, code: u32) -> Bytes {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub(super) fn goaway(last: u32, code: u32) -> Bytes {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

pub(super) fn window_update(stream: u32, bytes: usize) -> Bytes {
    frame(WINDOW_UPDATE, 0, stream, &(bytes as u32).to_be_bytes())
}
