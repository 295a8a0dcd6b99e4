//! One client's connection: read, count, wait, write, count.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::answer::{Answer, FILLER};
use super::record::{Record, bump};
use crate::head::{Body, Head};

/// The largest body accepted, in bytes.
const MAX_BODY: usize = 64 << 20;

/// Serves one connection to its end.
pub(super) async fn serve(mut stream: TcpStream, record: Rc<Record>) {
    bump(&record.connections, 1);
    record.open.set(record.open.get() + 1);
    // An error here is the client going away, which is for the client to report.
    let _ = conversation(&mut stream, &record).await;
    record.open.set(record.open.get() - 1);
}

async fn conversation(stream: &mut TcpStream, record: &Record) -> io::Result<()> {
    // Only what did not arrive in one read, or arrived with something else, is kept with the connection.
    let mut kept = Vec::new();
    loop {
        let Some(answer) = next_request(stream, &mut kept, record).await? else { return Ok(()) };
        if let Some(delay) = answer.delay {
            let read_at = Instant::now();
            wait(delay).await;
            respond(stream, &answer, record).await?;
            record.measured(u32::try_from(read_at.elapsed().as_micros()).unwrap_or(u32::MAX));
        } else {
            respond(stream, &answer, record).await?;
        }
        if !answer.keep_alive {
            return stream.shutdown().await;
        }
    }
}

async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// Reads one whole request and decides on its answer; none when the client has closed the connection.
async fn next_request(
    stream: &mut TcpStream,
    kept: &mut Vec<u8>,
    record: &Record,
) -> io::Result<Option<Answer>> {
    if !kept.is_empty()
        && let Some((answer, len)) = decide(kept, record)
    {
        kept.drain(..len);
        return Ok(Some(answer));
    }
    loop {
        let len = read(stream, record).await?;
        if len == 0 {
            return Ok(None);
        }
        bump(&record.bytes_read, len as u64);
        let input = record.input.borrow();
        let arrived = &input[..len];
        if kept.is_empty() {
            if let Some((answer, len)) = decide(arrived, record) {
                kept.extend_from_slice(&arrived[len..]);
                return Ok(Some(answer));
            }
            kept.extend_from_slice(arrived);
        } else {
            kept.extend_from_slice(arrived);
            if let Some((answer, len)) = decide(kept, record) {
                kept.drain(..len);
                if kept.is_empty() {
                    // Gives the memory back: most connections will wait rather than talk.
                    *kept = Vec::new();
                }
                return Ok(Some(answer));
            }
        }
    }
}

/// Reads into the buffer that all connections share; what it holds is only good until the next await.
async fn read(stream: &mut TcpStream, record: &Record) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut input = record.input.borrow_mut();
        let mut buffer = ReadBuf::new(&mut input);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    })
    .await
}

/// The answer to the request at the start of `bytes`, counted, and the request's length; none while it is incomplete.
fn decide(bytes: &[u8], record: &Record) -> Option<(Answer, usize)> {
    let refuse = |status, why| {
        bump(&record.malformed, 1);
        Some((Answer::refusal(status, why), bytes.len()))
    };
    let head = match Head::parse(bytes) {
        Ok(head) => head?,
        Err(wrong) => return refuse(400, wrong.0),
    };
    let len = match head.body {
        Body::Length(len) if len > MAX_BODY => return refuse(413, "the body is too long"),
        Body::Length(len) => len,
        Body::Chunked => return refuse(411, "chunked requests are not understood here"),
    };
    let body = bytes.get(head.len..head.len + len)?;
    bump(&record.requests, 1);
    Some((Answer::to(&head, body, record), head.len + len))
}

/// Writes a response, in one system call if the socket takes it, and counts what was really written.
async fn respond(stream: &mut TcpStream, answer: &Answer, record: &Record) -> io::Result<()> {
    let (rest, mut filler) = {
        let mut output = record.output.borrow_mut();
        let filler = answer.write(&mut output);
        let written = match stream.try_write(&output) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            other => other?,
        };
        bump(&record.bytes_written, written as u64);
        (output[written..].to_vec(), filler)
    };
    write_counted(stream, &rest, record).await?;
    while filler > 0 {
        let len = filler.min(FILLER.len() as u64);
        write_counted(stream, &FILLER[..len as usize], record).await?;
        filler -= len;
    }
    bump(&record.responses, 1);
    Ok(())
}

async fn write_counted(stream: &mut TcpStream, mut bytes: &[u8], record: &Record) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = stream.write(bytes).await?;
        bump(&record.bytes_written, written as u64);
        bytes = &bytes[written..];
    }
    Ok(())
}
