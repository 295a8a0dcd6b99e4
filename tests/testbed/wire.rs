//! The few lines of HTTP/1.1 that servers and tests share: reading a request, fetching a page. Simple and slow;
//! nothing here belongs on a measured path.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::head::{Body, Head};

/// The largest body accepted, in bytes.
const MAX_BODY: usize = 64 << 20;

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names and values, in the order and spelling in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, without its chunks if it came in chunks.
    pub body: Vec<u8>,
    /// Whether the client wants the connection to stay open.
    pub keep_alive: bool,
}

impl Request {
    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Reads one whole request. What was read beyond it stays in `buffer` for the next call. None when the client has
/// closed the connection between two requests.
///
/// # Errors
/// When reading fails, the connection ends within a request (`UnexpectedEof`), or what came is not a request
/// (`InvalidData`).
pub async fn read_request<S>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<Option<Request>>
where
    S: AsyncRead + Unpin,
{
    loop {
        if let Some((request, len)) = take(buffer)? {
            buffer.drain(..len);
            return Ok(Some(request));
        }
        if stream.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

fn take(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let Some(head) = Head::parse(bytes).map_err(|wrong| invalid(wrong.0))? else { return Ok(None) };
    let rest = &bytes[head.len..];
    let body = match head.body {
        Body::Length(len) if len > MAX_BODY => return Err(invalid("the body is too long")),
        Body::Length(len) => rest.get(..len).map(|body| (body.to_vec(), len)),
        Body::Chunked => chunks(rest)?,
    };
    let Some((body, body_len)) = body else { return Ok(None) };
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let request = Request {
        method: head.method.to_owned(),
        target: head.target.to_owned(),
        headers: head.fields().map(|(name, value)| (text(name), text(value))).collect(),
        body,
        keep_alive: head.keep_alive,
    };
    Ok(Some((request, head.len + body_len)))
}

/// The chunks at the start of `bytes`, joined, and how many bytes they took; none when the last has not arrived.
/// Trailers are refused.
fn chunks(bytes: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = bytes[at..].windows(2).position(|end| end == b"\r\n") else { return Ok(None) };
        let size =
            str::from_utf8(&bytes[at..at + line]).ok().and_then(|hex| usize::from_str_radix(hex, 16).ok());
        let size =
            size.filter(|size| *size <= MAX_BODY).ok_or_else(|| invalid("a chunk's size is not one"))?;
        at += line + 2;
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        let (chunk, end) = chunk.split_at(size);
        if end != b"\r\n" {
            return Err(invalid("a chunk is not as long as it says"));
        }
        body.extend_from_slice(chunk);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

/// Sends one request without a body on a connection of its own and returns status and body.
///
/// # Errors
/// When the connection fails or the answer is not HTTP.
pub async fn fetch(addr: SocketAddr, method: &str, target: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("{method} {target} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").ok_or_else(|| invalid("no head"))? + 4;
    let status = answer.get(9..12).and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    Ok((status.ok_or_else(|| invalid("no status"))?, answer.split_off(end)))
}

/// A whole response with a `content-length`, ready to be sent.
pub fn response(status: u16, content_type: &str, body: &[u8]) -> Vec<u8> {
    let reason = if (200..300).contains(&status) { "OK" } else { "Error" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_are_read_whole_and_one_by_one() {
        let text = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\
                    POST /b HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\na\r\n0123456789\r\n0\r\n\r\n\
                    GET /c HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let (mut stream, mut buffer) = (text.as_bytes(), Vec::new());
        let mut next = async || read_request(&mut stream, &mut buffer).await.unwrap();
        let a = next().await.unwrap();
        assert_eq!((a.method.as_str(), a.target.as_str(), a.body.as_slice()), ("POST", "/a", &b"abc"[..]));
        assert_eq!((a.header("host"), a.header("none")), (Some("x"), None));
        assert_eq!(next().await.unwrap().body, b"de0123456789");
        assert!(!next().await.unwrap().keep_alive);
        assert_eq!(next().await, None);
    }

    #[tokio::test]
    async fn half_a_request_is_an_error() {
        let half = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nab";
        let error = read_request(&mut half.as_bytes(), &mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let error = read_request(&mut &b"hello\r\n\r\n"[..], &mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
