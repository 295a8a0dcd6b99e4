//! Forms with files: `multipart/form-data` (RFC 7578).

use super::source::More;
use crate::protocol::http::RequestBuilder;
use bytes::Bytes;
use http::HeaderValue;
use std::fmt::Write as _;

/// A form up to this size is put together; a larger one is sent from where its files are.
const SMALL: usize = 64 << 10;

/// A form with texts and files, for [`RequestBuilder::multipart`].
///
/// Files are not copied, neither for the form nor for the requests that send it: read them once, in a `#[setup]`, or write
/// `&include_bytes!("cat.png")[..]`.
///
/// ```
/// # use loadcore::prelude::*;
/// # use loadcore::http::Form;
/// # async fn journey(vu: &Vu) -> Result {
/// let form = Form::new()
///     .text("title", "A cat")
///     .file("picture", &b"..."[..]).file_name("cat.png").content_type("image/png");
/// vu.post("/v1/pictures").multipart(form).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a form is sent by `.multipart(form)`"]
pub struct Form {
    parts: Vec<Part>,
    /// The first mistake.
    problem: Option<String>,
}

#[derive(Debug, Clone)]
struct Part {
    name: String,
    file_name: Option<String>,
    content_type: Option<HeaderValue>,
    content: Bytes,
}

impl Form {
    /// An empty form.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field with a text.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let content = Bytes::from(value.into());
        self.part(Part { name: name.into(), file_name: None, content_type: None, content })
    }

    /// Adds a file. Unless said otherwise it has the field's name and the type `application/octet-stream`.
    pub fn file(self, name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        let name = name.into();
        let octets = HeaderValue::from_static("application/octet-stream");
        let file_name = Some(name.clone());
        self.part(Part { name, file_name, content_type: Some(octets), content: content.into() })
    }

    /// Names the file that was added last.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        match self.parts.last_mut() {
            Some(part) => part.file_name = Some(name.into()),
            None => self.wrong("file_name() comes after the file that it names"),
        }
        self
    }

    /// Says the type of the file or text that was added last: `image/png`.
    pub fn content_type(mut self, content_type: &str) -> Self {
        let value = HeaderValue::from_str(content_type);
        match (self.parts.last_mut(), value) {
            (Some(part), Ok(value)) => part.content_type = Some(value),
            (Some(_), Err(error)) => self.wrong(format!("content type: {error}")),
            (None, _) => self.wrong("content_type() comes after the file that it is of"),
        }
        self
    }

    fn part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    fn wrong(&mut self, problem: impl Into<String>) {
        self.problem.get_or_insert_with(|| problem.into());
    }

    /// The body in pieces. The files are where they were.
    fn encode(self, boundary: &str) -> Vec<Bytes> {
        let (mut pieces, mut text) = (Vec::with_capacity(2 * self.parts.len() + 1), Vec::new());
        for part in self.parts {
            part.push_head(boundary, &mut text);
            pieces.extend([std::mem::take(&mut text).into(), part.content]);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        pieces.push(text.into());
        pieces
    }
}

impl Part {
    fn push_head(&self, boundary: &str, out: &mut Vec<u8>) {
        let mut head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"");
        push_quoted(&mut head, &self.name);
        if let Some(name) = &self.file_name {
            head.push_str("\"; filename=\"");
            push_quoted(&mut head, name);
        }
        head.push('"');
        out.extend_from_slice(head.as_bytes());
        if let Some(content_type) = &self.content_type {
            out.extend_from_slice(b"\r\ncontent-type: ");
            out.extend_from_slice(content_type.as_bytes());
        }
        out.extend_from_slice(b"\r\n\r\n");
    }
}

/// As browsers do (the HTML standard's `multipart/form-data` encoding): three characters are escaped, others go as UTF-8.
fn push_quoted(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\r' | '\n' => {
                let _ = write!(out, "%{:02X}", c as u32);
            }
            c => out.push(c),
        }
    }
}

impl RequestBuilder {
    /// Sends this form (`multipart/form-data`), with its content type.
    pub fn multipart(mut self, form: Form) -> Self {
        if let Some(problem) = &form.problem {
            return self.fail(format_args!("form: {problem}"));
        }
        // The same in each run with the same seed, and no draw of the user's: it need not differ from form to form.
        let boundary = format!("loadcore-{:016x}", self.vu.stream_key("multipart"));
        let pieces = form.encode(&boundary);
        if pieces.iter().map(Bytes::len).sum::<usize>() <= SMALL {
            self.set_body(pieces.concat().into());
        } else {
            self.set_more(More::Parts(pieces.into()));
        }
        self.content_type = None;
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"));
        self.extras().content_type = content_type.ok();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_browsers_write_it() {
        let form = Form::new()
            .text("ti\"tle", "über\r\nx")
            .file("f", &b"\0\xff"[..])
            .file_name("a\"b\n.bin")
            .file("g", "text")
            .content_type("text/plain");
        let body = form.encode("b-1").concat();
        let want = b"--b-1\r\ncontent-disposition: form-data; name=\"ti%22tle\"\r\n\r\n\xc3\xbcber\r\nx\r\n\
                     --b-1\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a%22b%0A.bin\"\r\n\
                     content-type: application/octet-stream\r\n\r\n\0\xff\r\n\
                     --b-1\r\ncontent-disposition: form-data; name=\"g\"; filename=\"g\"\r\n\
                     content-type: text/plain\r\n\r\ntext\r\n--b-1--\r\n";
        assert_eq!(body.escape_ascii().to_string(), want.escape_ascii().to_string());
        assert_eq!(Form::new().encode("b").concat(), b"--b--\r\n");
    }

    #[test]
    fn a_file_is_not_copied() {
        let file = Bytes::from(vec![7; 1_000_000]);
        let pieces = Form::new().file("f", file.clone()).encode("b");
        assert!(pieces.iter().any(|piece| piece.as_ptr() == file.as_ptr()));
    }

    #[test]
    fn what_belongs_to_nothing_is_a_mistake() {
        assert!(Form::new().file_name("x").problem.unwrap().contains("after the file"));
        assert!(Form::new().text("a", "b").content_type("a\nb").problem.unwrap().contains("content type"));
    }
}
