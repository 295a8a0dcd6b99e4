//! The fields of a head: where they are in the buffer, and what the hot path asks of them, noted in one pass.

use super::framing::Declared;
use super::refused::Refused;
use std::ops::Range;

/// Longer names cannot be made an `http::HeaderName`.
const LONGEST_NAME: usize = u16::MAX as usize;

/// Where one field is in the buffer that holds the head: its name, and its value without the whitespace around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    name: (u32, u32),
    value: (u32, u32),
}

/// What the hot path asks of the fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The body is compressed.
    pub(crate) has_content_encoding: bool,
    /// There are cookies to keep.
    pub(crate) has_set_cookie: bool,
    /// There is somewhere to follow to.
    pub(crate) has_location: bool,
}

/// What the fields of a head say.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) marks: Marks,
    pub(crate) declared: Declared,
    pub(crate) closes: bool,
    pub(crate) keeps_alive: bool,
}

impl Field {
    /// `head` begins at this address, and holds both.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "a head is limited to what 32 bits can tell")]
    fn new(head: usize, name: &[u8], value: &[u8]) -> Self {
        let range = |part: &[u8]| {
            let start = part.as_ptr().addr() - head;
            (start as u32, (start + part.len()) as u32)
        };
        Self { name: range(name), value: range(value) }
    }

    /// Where the name is.
    #[inline]
    pub(crate) fn name_range(self) -> Range<usize> {
        self.name.0 as usize..self.name.1 as usize
    }

    /// Where the value is.
    #[inline]
    pub(crate) fn value_range(self) -> Range<usize> {
        self.value.0 as usize..self.value.1 as usize
    }

    /// The name as the server wrote it, in the bytes that were parsed.
    #[inline]
    pub(crate) fn name(self, head: &[u8]) -> &[u8] {
        &head[self.name_range()]
    }

    /// The value, in the bytes that were parsed.
    #[inline]
    pub(crate) fn value(self, head: &[u8]) -> &[u8] {
        &head[self.value_range()]
    }
}

impl Noted {
    /// Goes through what the parser found, and keeps where it is.
    #[inline]
    pub(crate) fn all(
        head: &[u8],
        found: &[httparse::Header<'_>],
        fields: &mut Vec<Field>,
    ) -> Result<Self, Refused> {
        let start = head.as_ptr().addr();
        let mut noted = Self::default();
        fields.clear();
        fields.reserve(found.len());
        for field in found {
            let name = field.name.as_bytes();
            if name.len() > LONGEST_NAME {
                return Err(Refused::FieldNameTooLong);
            }
            noted.note(name, field.value);
            fields.push(Field::new(start, name, field.value));
        }
        Ok(noted)
    }

    /// The length tells most names apart, so few are compared.
    #[inline]
    fn note(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            8 => self.marks.has_location |= name.eq_ignore_ascii_case(b"location"),
            10 if name.eq_ignore_ascii_case(b"connection") => self.note_connection(value),
            10 => self.marks.has_set_cookie |= name.eq_ignore_ascii_case(b"set-cookie"),
            14 if name.eq_ignore_ascii_case(b"content-length") => self.declared.length(value),
            16 => self.marks.has_content_encoding |= name.eq_ignore_ascii_case(b"content-encoding"),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.declared.codings(value),
            _ => {}
        }
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.closes |= option.eq_ignore_ascii_case(b"close");
            self.keeps_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
}

/// Replaces each line fold in a value by spaces, as RFC 9112 5.2 wants of a user agent. Tells whether a field that frames the
/// body was folded.
pub(crate) fn unfold(head: &mut [u8], fields: &[Field]) -> bool {
    let mut is_framing_folded = false;
    for field in fields {
        is_framing_folded |= is_framing(field.name(head)) && is_folded(head, *field);
        for run in head[field.value_range()].chunk_by_mut(|a, b| is_blank(*a) == is_blank(*b)) {
            if run.contains(&b'\n') {
                run.fill(b' ');
            }
        }
    }
    is_framing_folded
}

fn is_framing(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
}

/// Whether a field has several lines. A fold at either end of the value was trimmed from it, so this looks beyond.
fn is_folded(head: &[u8], field: Field) -> bool {
    let (up_to_value, behind) =
        (&head[field.name_range().end..field.value_range().end], &head[field.value_range().end..]);
    let mut next_line = behind.iter().skip_while(|byte| **byte != b'\n').skip(1);
    up_to_value.contains(&b'\n') || next_line.next().is_some_and(|first| matches!(first, b' ' | b'\t'))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(fields: &[(&str, &str)]) -> Noted {
        let mut noted = Noted::default();
        for (name, value) in fields {
            noted.note(name.as_bytes(), value.as_bytes());
        }
        noted
    }

    #[test]
    fn what_the_hot_path_asks_is_noted_whatever_the_case_of_the_names() {
        let marks = noted(&[("LOCATION", "/"), ("Set-Cookie", "a=b"), ("content-Encoding", "gzip")]).marks;
        assert_eq!(marks, Marks { has_content_encoding: true, has_set_cookie: true, has_location: true });
    }

    #[test]
    fn names_of_the_same_length_are_not_mistaken_for_those_that_matter() {
        let others = [
            ("location", "locatiom"),
            ("connection", "connectiom"),
            ("set-cookie", "set-cookif"),
            ("content-length", "content_length"),
            ("content-encoding", "content_encoding"),
            ("transfer-encoding", "transfer_encoding"),
        ];
        for (right, wrong) in others {
            assert_eq!(right.len(), wrong.len());
            let noted = noted(&[(wrong, "close")]);
            assert_eq!(format!("{noted:?}"), format!("{:?}", Noted::default()), "{wrong}");
        }
    }

    #[test]
    fn close_is_found_in_any_list_and_any_field() {
        for (fields, closes, keeps_alive) in [
            (&[("connection", "close")][..], true, false),
            (&[("Connection", "CLOSE")], true, false),
            (&[("connection", "foo ,\tclose , bar")], true, false),
            (&[("connection", "foo"), ("connection", "close")], true, false),
            (&[("connection", "Keep-Alive"), ("connection", "close")], true, true),
            (&[("connection", "foo,\r\n close")], true, false),
            (&[("connection", "closed, enclose, close=1, keep-alived")], false, false),
            (&[("connection", "")], false, false),
            (&[("proxy-connection", "close")], false, false),
        ] {
            let noted = noted(fields);
            assert_eq!((noted.closes, noted.keeps_alive), (closes, keeps_alive), "{fields:?}");
        }
    }

    #[test]
    fn a_fold_is_seen_wherever_in_the_field_it_is() {
        for (head, folded) in [
            ("content-length: 5\r\nb: c\r\n\r\n", false),
            ("content-length: \t5 \t\r\nb: c\r\n\r\n", false),
            ("content-length:\r\n 5\r\n\r\n", true),
            ("content-length: 5\r\n \r\nb: c\r\n\r\n", true),
            ("content-length: 5\n\t\n\n", true),
            ("content-length: 5,\r\n\t5\r\n\r\n", true),
            ("content-lengti: 5,\r\n\t5\r\n\r\n", false),
        ] {
            let mut bytes = head.as_bytes().to_vec();
            let (value, end) = (head.find('5').unwrap(), head.rfind('5').unwrap() + 1);
            let field = Field::new(bytes.as_ptr().addr(), &bytes[..14], &bytes[value..end]);
            assert_eq!(unfold(&mut bytes, &[field]), folded, "{head:?}");
        }
    }
}
