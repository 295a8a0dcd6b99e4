//! Bodies that begin where the buffer of the head ends.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Method;
use loadcore::http::Http1;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::both::{Case, Outcome, Reading, Script, clock, compare, drive};

/// What the buffer of a head has at first.
const BUFFER: usize = 8 << 10;

/// How a body is framed: all but the last one end by themselves.
const FRAMES: [Frame; 4] = [Frame::Length, Frame::OneChunk, Frame::Chunks, Frame::Close];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Frame {
    Length,
    OneChunk,
    Chunks,
    Close,
}

/// A response with a head that is just so long.
fn response(head: usize, frame: Frame, body: &[u8]) -> Vec<u8> {
    let field = match frame {
        Frame::Length => format!("content-length: {}\r\n", body.len()),
        Frame::OneChunk | Frame::Chunks => "transfer-encoding: chunked\r\n".to_owned(),
        Frame::Close => String::new(),
    };
    let rest = format!("\r\n{field}\r\n");
    let start = "HTTP/1.1 200 OK\r\nfilling: ";
    let filling = "f".repeat(head - start.len() - rest.len());
    let mut bytes = format!("{start}{filling}{rest}").into_bytes();
    assert_eq!(bytes.len(), head);
    let size = match frame {
        Frame::Length | Frame::Close => {
            bytes.extend_from_slice(body);
            return bytes;
        }
        Frame::OneChunk => body.len().max(1),
        Frame::Chunks => 700,
    };
    for data in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Each place of it has another byte than those near it.
fn data(len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).collect()
}

#[test]
fn a_body_is_the_same_wherever_in_the_buffer_it_begins() {
    let heads = [BUFFER / 2, BUFFER - 4097, BUFFER - 4096, BUFFER - 4095].into_iter();
    let heads = heads.chain([300, 64, 20, 8, 4, 2, 1].map(|room| BUFFER - room)).chain(BUFFER..BUFFER + 3);
    for (head, frame) in heads.flat_map(|head| FRAMES.map(|frame| (head, frame))) {
        for (len, reading) in
            [0, 1, 30, 5000, 40_000].into_iter().flat_map(|len| Reading::ALL.map(|way| (len, way)))
        {
            let (body, over) = (data(len), len == 30);
            let mut bytes = response(head, frame, &body);
            if over {
                bytes.push(b'!');
            }
            // At the end of the head as well, and one before it.
            for cuts in [vec![], vec![head], vec![head - 1, head + 1]] {
                let cuts = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
                let case = Case { cuts, closes: frame == Frame::Close, reading, ..Case::of(bytes.clone()) };
                let ours = compare(&case).ours;
                let what = format!("{head} {frame:?} {len} {reading:?} {:?}", case.cuts);
                let Outcome::Read(reply) = ours.outcome else { panic!("{what}: {:?}", ours.outcome) };
                let close = frame == Frame::Close;
                match reading {
                    Reading::Discarded => assert!(reply.body.is_empty(), "{what}"),
                    Reading::Kept | Reading::Pieces => {
                        let whole = if close { &bytes[head..] } else { &body };
                        assert!(reply.body == whole, "{what}: another body");
                    }
                }
                assert_eq!(ours.is_kept, !close && !over, "{what}");
            }
        }
    }
}

/// Counts the reads that bring something.
struct Counted {
    script: Script,
    reads: Rc<Cell<usize>>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.script).poll_read(cx, room);
        self.reads.update(|reads| reads + usize::from(read.is_ready()));
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.script).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.script).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.script).poll_shutdown(cx)
    }
}

/// What is left of the buffer behind a long head would be room for a few bytes at a time.
#[test]
fn a_large_body_behind_a_long_head_is_not_read_in_crumbs() {
    const LEN: usize = 256 << 10;
    let _clock = clock();
    let body = data(LEN);
    let heads = [BUFFER - 1000, BUFFER - 20, BUFFER - 1, BUFFER, BUFFER + 1];
    for (head, frame) in heads.into_iter().flat_map(|head| FRAMES.map(|frame| (head, frame))) {
        let case = Case::of(response(head, frame, &body));
        for reading in Reading::ALL {
            let reads = Rc::new(Cell::new(0));
            let mut connection = Http1::new(Counted { script: Script::of(&case), reads: Rc::clone(&reads) });
            let (get, hour) = (Method::GET, Duration::from_secs(3600));
            let read = match reading {
                Reading::Kept => drive(connection.exchange(&get, "/", hour)),
                Reading::Discarded => drive(connection.discard(&get, "/", hour)),
                Reading::Pieces => drive(connection.stream(&get, "/", hour)),
            };
            let read = read.expect("it does not wait").expect("it is a response");
            let len = if reading == Reading::Discarded { 0 } else { LEN };
            assert_eq!(read.body.len(), len);
            // At least 4 KiB at a time, save for the first ones and the end.
            let most = case.bytes.len() / 4096 + 4;
            assert!(reads.get() <= most, "{head} {frame:?} {reading:?}: {} reads", reads.get());
        }
    }
}
