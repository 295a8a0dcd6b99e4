//! Request heads, read in one pass over borrowed bytes.
//!
//! Written by hand, and strict, so that what the servers count does not come from the parser under test and so that a
//! client which sends nonsense is found out.

/// The longest head accepted, in bytes.
pub(crate) const MAX_HEAD: usize = 64 << 10;

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    /// Bytes up to and with the blank line.
    pub(crate) len: usize,
    pub(crate) body: Body,
    /// Whether the client wants the connection to stay open.
    pub(crate) keep_alive: bool,
    fields: &'a [u8],
}

/// How long the body is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Body {
    Length(usize),
    Chunked,
}

/// What is wrong with a head.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl<'a> Head<'a> {
    /// Reads the head at the start of `bytes`; none as long as its blank line has not arrived.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Head<'a>>, Malformed> {
        let Some((line, mut at)) = line(bytes, 0) else { return unfinished(bytes) };
        let line = str::from_utf8(line).map_err(|_| Malformed("the request line is not ASCII"))?;
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Malformed("the request line has not three words"));
        };
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(Malformed("the method is not a word"));
        }
        if !(target.starts_with('/') || target == "*") || !target.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Malformed("the target is not a path"));
        }
        let is_1_1 = match version {
            "HTTP/1.1" => true,
            "HTTP/1.0" => false,
            _ => return Err(Malformed("the version is not HTTP/1.0 or HTTP/1.1")),
        };

        let fields = at;
        let (mut length, mut chunked, mut keep_alive, mut hosts) = (None, false, is_1_1, 0);
        loop {
            let Some((line, next)) = self::line(bytes, at) else { return unfinished(bytes) };
            if line.is_empty() {
                break;
            }
            at = next;
            let (name, value) = field(line)?;
            match name.len() {
                4 if name.eq_ignore_ascii_case(b"host") => hosts += 1,
                10 if name.eq_ignore_ascii_case(b"connection") => {
                    keep_alive = if is_1_1 { !lists(value, "close") } else { lists(value, "keep-alive") };
                }
                14 if name.eq_ignore_ascii_case(b"content-length") => {
                    let digits =
                        str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                    let value = digits.and_then(|digits| digits.parse().ok());
                    let value: usize = value.ok_or(Malformed("content-length is not a number"))?;
                    if length.replace(value).is_some() {
                        return Err(Malformed("more than one content-length"));
                    }
                }
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                    if !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Malformed("a transfer-encoding other than chunked"));
                    }
                    chunked = true;
                }
                _ => {}
            }
        }
        if hosts > 1 || (is_1_1 && hosts == 0) {
            return Err(Malformed("not exactly one host"));
        }
        let body = match (chunked, length) {
            (true, Some(_)) => return Err(Malformed("both content-length and transfer-encoding")),
            (true, None) => Body::Chunked,
            (false, length) => Body::Length(length.unwrap_or(0)),
        };
        let len = at + if bytes[at] == b'\r' { 2 } else { 1 };
        Ok(Some(Head { method, target, len, body, keep_alive, fields: &bytes[fields..at] }))
    }

    /// Names and values in the order and the spelling in which they came.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let (bytes, mut at) = (self.fields, 0);
        std::iter::from_fn(move || {
            let (line, next) = line(bytes, at)?;
            at = next;
            field(line).ok()
        })
    }

    /// Every value of one header, joined by commas: a header sent twice must not look like one sent once.
    pub(crate) fn field(&self, wanted: &str) -> Option<String> {
        let values = self.fields().filter(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
        values
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .reduce(|all, one| all + "," + &one)
    }
}

/// The line that starts at `at`, without its end, and where the next one starts.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|b| *b == b'\n')?;
    let line = &rest[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), at + end + 1))
}

fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let colon = line.iter().position(|b| *b == b':').ok_or(Malformed("a header without a colon"))?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return Err(Malformed("a header's name is not a word"));
    }
    Ok((name, value))
}

fn lists(value: &[u8], wanted: &str) -> bool {
    value.split(|b| *b == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
}

fn unfinished<'a>(bytes: &[u8]) -> Result<Option<Head<'a>>, Malformed> {
    if bytes.len() > MAX_HEAD { Err(Malformed("the head is too long")) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_its_blank_line_is_there() {
        let whole = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX-Two: a\r\nx-two:b\r\n\r\nabc";
        let head = Head::parse(whole).unwrap().unwrap();
        assert_eq!((head.method, head.target, head.len), ("POST", "/a?b=c", whole.len() - 3));
        assert_eq!((head.body, head.keep_alive), (Body::Length(3), true));
        assert_eq!(head.field("X-TWO").unwrap(), "a,b");
        assert_eq!(head.field("x-three"), None);
        assert_eq!(head.fields().count(), 4);
        for cut in 0..head.len {
            assert!(Head::parse(&whole[..cut]).unwrap().is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn connections_stay_open_by_version_and_by_wish() {
        for (text, keep_alive) in [
            ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nhost: x\r\nconnection: TE, Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(Head::parse(text.as_bytes()).unwrap().unwrap().keep_alive, keep_alive, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "GET /\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET x HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost : x\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        ] {
            assert!(Head::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Head::parse(&[b'a'; MAX_HEAD + 1]).is_err());
    }
}
