//! Reads the head of a response: the status line, where the fields are, and what they mean for the body and the connection.

use super::fields::{Field, Marks, Noted, unfold};
use super::framing::{Asked, Framing};
use super::refused::Refused;
use http::{StatusCode, Version};
use httparse::{ParserConfig, Status};
use std::mem::MaybeUninit;

/// There is room for so many fields on the stack.
const MOST_FIELDS: usize = 256;

/// Up to here an unfinished head is read again with each new line, so that what is wrong is known at once.
const SHORT: usize = 4096;

/// The head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its status, from 100 to 999.
    pub(crate) status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub(crate) version: Version,
    /// How many bytes the head has, from the first of the buffer to the empty line's last.
    pub(crate) len: usize,
    /// How the body that follows is delimited.
    pub(crate) body: Framing,
    /// Whether the connection may serve another request after the body.
    pub(crate) keeps_alive: bool,
    /// What the fields have of what is often asked for.
    pub(crate) marks: Marks,
}

impl Head {
    /// Whether the response proper is yet to come. A 101 is one: it is the last thing that is said in HTTP.
    #[inline]
    pub(crate) fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }
}

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadLimits {
    /// Bytes, the empty line's included. Default: 256 KiB.
    pub(crate) bytes: usize,
    /// Fields. Default, and the most that can be: 256.
    pub(crate) fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: 256 * 1024, fields: MOST_FIELDS }
    }
}

/// Reads the head of a response when all of it is there; `None` until then. `fields` is only meaningful after a head.
///
/// `scanned` is how many of the bytes a former call has seen in vain: 0 reads them all again, as it should at the end of the
/// connection, to learn whether what came was wrong or only too short. A head that trickles in costs a few times its length,
/// however it is cut.
///
/// # Errors
///
/// What [`Refused`] says: the connection is of no further use.
pub(crate) fn parse(
    bytes: &mut [u8],
    scanned: usize,
    fields: &mut Vec<Field>,
    asked: Asked,
    limits: &HeadLimits,
) -> Result<Option<Head>, Refused> {
    // The ranges of fields have 32 bits.
    let most = limits.bytes.min(u32::MAX as usize);
    let is_full = bytes.len() >= most;
    let within = bytes.len().min(most);
    let bytes = &mut bytes[..within];
    if !is_full && !is_worth_reading(bytes, scanned) {
        return Ok(None);
    }
    let head = match read(bytes, &ParserConfig::default(), fields, limits) {
        Err(Refused::FieldName) => read_folded(bytes, fields, limits)?,
        head => head?,
    };
    match head {
        Some(head) => head.judge(asked).map(Some),
        None if is_full => Err(Refused::HeadTooLong { most }),
        None => Ok(None),
    }
}

/// How many bytes of empty lines come before a head: servers may send some (RFC 9112, 2.2). To be forgotten at once: a head is read
/// from its first byte on, again and again.
#[inline]
pub(crate) fn empty_lines(bytes: &[u8]) -> usize {
    let mut empty = 0;
    loop {
        empty += match &bytes[empty..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return empty,
        };
    }
}

/// Whether a reading from the first byte on may come to something, when the first `scanned` bytes are known not to be enough.
fn is_worth_reading(bytes: &[u8], scanned: usize) -> bool {
    let (len, scanned) = (bytes.len(), scanned.min(bytes.len()));
    // Of a long head what is wrong with it is known by the time it has doubled.
    if scanned == 0 || scanned.ilog2() != len.ilog2() {
        return true;
    }
    // The end, LF CRLF at its longest, may have begun two bytes before.
    let fresh = &bytes[scanned.saturating_sub(2)..];
    (len <= SHORT && bytes[scanned..].contains(&b'\n')) || has_empty_line(fresh)
}

/// Whether a line end follows another one.
fn has_empty_line(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .zip(1..)
        .any(|(byte, next)| *byte == b'\n' && matches!(&bytes[next..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// A head that is complete, and of which nothing is decided yet.
struct Raw {
    status: StatusCode,
    version: Version,
    len: usize,
    noted: Noted,
}

/// httparse's own defaults are right here: a bare LF may end a line (RFC 9112 2.2), and lines before the first that are empty
/// are skipped; whitespace before a colon, lines that are no fields and more than one space in the status line are not had.
fn read(
    bytes: &[u8],
    config: &ParserConfig,
    fields: &mut Vec<Field>,
    limits: &HeadLimits,
) -> Result<Option<Raw>, Refused> {
    let most = limits.fields.min(MOST_FIELDS);
    let mut room = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = config.parse_response_with_uninit_headers(&mut response, bytes, &mut room[..most]);
    let Status::Complete(len) = parsed.map_err(|error| refused(error, most))? else { return Ok(None) };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Refused::StatusLine)?;
    let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let noted = Noted::all(bytes, response.headers, fields)?;
    Ok(Some(Raw { status, version, len, noted }))
}

/// Reads a head that has a line which begins with no name: it may be a field's second one. Hardly any server folds lines, so
/// the usual head is read without looking for it.
#[cold]
fn read_folded(
    bytes: &mut [u8],
    fields: &mut Vec<Field>,
    limits: &HeadLimits,
) -> Result<Option<Raw>, Refused> {
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let mut head = read(bytes, &config, fields, limits)?;
    if let Some(head) = &mut head {
        head.noted.declared.is_folded = unfold(&mut bytes[..head.len], fields);
    }
    Ok(head)
}

impl Raw {
    #[inline]
    fn judge(&self, asked: Asked) -> Result<Head, Refused> {
        let Self { status, version, len, ref noted } = *self;
        let body = noted.declared.decide(asked, status, version)?;
        let is_last = body == Framing::UntilClose
            || status == StatusCode::SWITCHING_PROTOCOLS
            || asked.opens_tunnel(status);
        let is_wanted = !noted.closes && (version == Version::HTTP_11 || noted.keeps_alive);
        Ok(Head { status, version, len, body, keeps_alive: is_wanted && !is_last, marks: noted.marks })
    }
}

#[cold]
fn refused(error: httparse::Error, most: usize) -> Refused {
    match error {
        httparse::Error::Version => Refused::Version,
        // A response has no tokens but these.
        httparse::Error::Status | httparse::Error::Token => Refused::StatusLine,
        httparse::Error::NewLine => Refused::LineEnd,
        httparse::Error::HeaderName => Refused::FieldName,
        httparse::Error::HeaderValue => Refused::FieldValue,
        httparse::Error::TooManyHeaders => Refused::TooManyFields { most },
    }
}

#[cfg(test)]
mod tests;
