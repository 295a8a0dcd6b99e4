//! What a look at the bytes finds that is simple enough to be right: neither client is asked.

use super::Case;

/// What a naive look at the bytes finds.
pub(crate) struct Facts<'a> {
    pub(super) is_connect: bool,
    /// Of the longest head.
    pub(super) head_len: usize,
    /// Of the final response.
    pub(super) is_http10: bool,
    pub(super) status: String,
    pub(super) fields: Vec<Line>,
    /// The most bytes of empty lines before a head.
    pub(super) empty_lines: usize,
    /// Of a chunked body.
    pub(super) chunks: Chunks<'a>,
}

/// What a chunked body has besides its data, as far as it can be taken apart.
#[derive(Default)]
pub(super) struct Chunks<'a> {
    /// Of the longest size.
    pub(super) digits: usize,
    /// What else the sizes' lines have, without their ends.
    pub(super) padding: usize,
    /// With the ends of their lines, and without the empty one.
    pub(super) trailers: &'a [u8],
}

pub(crate) struct Line {
    name: String,
    value: String,
    pub(super) is_folded: bool,
}

impl Line {
    pub(super) fn is_framing(&self) -> bool {
        self.name == "content-length" || self.name == "transfer-encoding"
    }
}

impl<'a> Facts<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        let (mut rest, mut head_len) = (&case.bytes[..], 0);
        let mut most_empty = 0;
        loop {
            let empty_lines = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let (head, body) = rest[empty_lines..].split_at(len_of_head(&rest[empty_lines..]));
            head_len = head_len.max(head.len());
            most_empty = most_empty.max(empty_lines);
            let is_interim = head.get(9) == Some(&b'1') && !head[9..].starts_with(b"101");
            if !is_interim || body.is_empty() {
                let head = String::from_utf8_lossy(head);
                let is_http10 = head.starts_with("HTTP/1.0 ");
                let status = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
                let fields = lines(&head);
                let chunks = if is_chunked(&fields) { Chunks::of(body) } else { Chunks::default() };
                let (is_connect, empty_lines) = (case.is_connect(), most_empty);
                return Self { is_connect, head_len, is_http10, status, fields, empty_lines, chunks };
            }
            rest = body;
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    pub(super) fn has_foreign_connection(&self) -> bool {
        self.fields.iter().any(|field| field.name == "connection" && !field.value.is_ascii())
    }

    pub(super) fn is_chunked(&self) -> bool {
        is_chunked(&self.fields)
    }
}

impl<'a> Chunks<'a> {
    fn of(mut body: &'a [u8]) -> Self {
        let mut seen = Self::default();
        while let Some(end) = find(body, b"\r\n") {
            let (line, rest) = body.split_at(end);
            let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            seen.digits = seen.digits.max(digits);
            seen.padding += line.len() - digits;
            let size =
                str::from_utf8(&line[..digits]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            match size {
                None => break,
                // The empty line may follow at once.
                Some(0) => {
                    seen.trailers = &rest[2..find(rest, b"\r\n\r\n").map_or(rest.len(), |end| end + 2)];
                    break;
                }
                Some(size) => body = rest.get(size.saturating_add(4)..).unwrap_or_default(),
            }
        }
        seen
    }

    pub(super) fn lines(&self) -> usize {
        self.trailers.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn has_bare_line_feed(&self) -> bool {
        let before = [&0].into_iter().chain(self.trailers);
        self.trailers.iter().zip(before).any(|(byte, before)| *byte == b'\n' && *before != b'\r')
    }
}

fn is_chunked(fields: &[Line]) -> bool {
    let mut codings = fields.iter().filter(|field| field.name == "transfer-encoding");
    codings.next().is_some_and(|field| field.value.trim().eq_ignore_ascii_case("chunked"))
        && codings.next().is_none()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Up to the first empty line, or all.
fn len_of_head(bytes: &[u8]) -> usize {
    let ends = [&b"\n\n"[..], b"\n\r\n"].map(|end| find(bytes, end).map(|at| at + end.len()));
    ends.into_iter().flatten().min().unwrap_or(bytes.len())
}

fn lines(head: &str) -> Vec<Line> {
    let mut fields: Vec<Line> = Vec::new();
    for line in head.lines().skip(1) {
        if line.starts_with([' ', '\t']) {
            if let Some(field) = fields.last_mut() {
                field.is_folded = true;
                field.value.extend([" ", line.trim()]);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            fields.push(Line { name, value, is_folded: false });
        }
    }
    fields
}
