//! Where the body of a response ends: RFC 9112 section 6.3, in its order, and stricter where two readers could differ.

use super::refused::Refused;
use http::{StatusCode, Version};

/// What the method of the request means for its response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The request was a `HEAD`: there is no body, whatever the fields say.
    pub(crate) is_head: bool,
    /// The request was a `CONNECT`: after a 2xx what follows is not HTTP.
    pub(crate) is_connect: bool,
}

/// How the body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// In chunks, the last of which says so.
    Chunked,
    /// It goes on until the server closes the connection.
    UntilClose,
}

/// What the fields say about the body. Errors are kept until it is clear that the fields matter.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    length: Option<Result<u64, Refused>>,
    codings: Option<Codings>,
    /// One of them goes over several lines.
    pub(crate) is_folded: bool,
}

/// The transfer codings of all fields together.
#[derive(Debug, Default, Clone, Copy)]
struct Codings {
    /// How often that one is among them.
    chunked: usize,
    is_chunked_last: bool,
    has_others: bool,
}

impl Declared {
    /// Notes a content-length field. The same number several times, in one field or in several, is that number: RFC 9110 8.6
    /// allows it, and proxies are known to send it.
    pub(crate) fn length(&mut self, value: &[u8]) {
        for text in value.split(|byte| *byte == b',') {
            let length = decimal(text.trim_ascii()).ok_or(Refused::ContentLength);
            self.length = Some(match (self.length, length) {
                (None, length) => length,
                (Some(Err(refused)), _) | (_, Err(refused)) => Err(refused),
                (Some(Ok(before)), Ok(length)) if before == length => Ok(length),
                _ => Err(Refused::ContentLengthsDiffer),
            });
        }
    }

    /// Notes a transfer-encoding field. An empty element of the list counts as a coding that nobody knows: RFC 9110 5.6.1 would
    /// have it ignored, but not every reader does, and a body that two readers delimit differently is an attack.
    pub(crate) fn codings(&mut self, value: &[u8]) {
        let codings = self.codings.get_or_insert_default();
        for coding in value.split(|byte| *byte == b',') {
            let is_chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
            codings.chunked += usize::from(is_chunked);
            codings.is_chunked_last = is_chunked;
            codings.has_others |= !is_chunked;
        }
    }

    /// Decides, with RFC 9112 6.3 from its first rule to its last.
    pub(crate) fn decide(
        &self,
        asked: Asked,
        status: StatusCode,
        version: Version,
    ) -> Result<Framing, Refused> {
        if asked.is_head || is_without_body(status) || asked.opens_tunnel(status) {
            return Ok(Framing::Empty);
        }
        if self.is_folded {
            return Err(Refused::FoldedFraming);
        }
        match (self.codings, self.length) {
            (Some(_), Some(_)) => Err(Refused::TwoFramings),
            (Some(_), None) if version == Version::HTTP_10 => Err(Refused::TransferEncodingInHttp10),
            (Some(codings), None) => codings.check().map(|()| Framing::Chunked),
            (None, Some(length)) => length.map(Framing::Length),
            (None, None) => Ok(Framing::UntilClose),
        }
    }
}

impl Codings {
    /// Only `chunked` alone is accepted: requests do not send `te`, so no server may compress for the transfer.
    fn check(self) -> Result<(), Refused> {
        match self {
            Self { chunked: 0, .. } => Err(Refused::NotChunked),
            Self { chunked: 2.., .. } => Err(Refused::ChunkedTwice),
            Self { is_chunked_last: false, .. } => Err(Refused::ChunkedNotLast),
            Self { has_others: true, .. } => Err(Refused::UnaskedCoding),
            Self { .. } => Ok(()),
        }
    }
}

impl Asked {
    /// Whether what follows a response of this status is a tunnel's, and no longer HTTP.
    pub(crate) fn opens_tunnel(self, status: StatusCode) -> bool {
        self.is_connect && status.is_success()
    }
}

fn is_without_body(status: StatusCode) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}

/// `str::parse` would take a sign.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Asked = Asked { is_head: false, is_connect: false };
    const HEAD: Asked = Asked { is_head: true, is_connect: false };
    const CONNECT: Asked = Asked { is_head: false, is_connect: true };

    /// The fields of a response: `l` is a content-length, `t` a transfer-encoding.
    fn declared(fields: &[(char, &str)]) -> Declared {
        let mut declared = Declared::default();
        for (kind, value) in fields {
            match kind {
                'l' => declared.length(value.as_bytes()),
                _ => declared.codings(value.as_bytes()),
            }
        }
        declared
    }

    fn of(fields: &[(char, &str)]) -> Result<Framing, Refused> {
        declared(fields).decide(GET, StatusCode::OK, Version::HTTP_11)
    }

    #[test]
    fn a_body_is_framed_by_chunks_or_a_length_or_the_end_of_the_connection() {
        for (fields, framing) in [
            (&[][..], Framing::UntilClose),
            (&[('t', "chunked")], Framing::Chunked),
            (&[('t', " ChunKED\t")], Framing::Chunked),
            (&[('l', "0")], Framing::Length(0)),
            (&[('l', "18446744073709551615")], Framing::Length(u64::MAX)),
        ] {
            assert_eq!(of(fields), Ok(framing), "{fields:?}");
        }
    }

    #[test]
    fn a_length_may_be_told_several_times_but_only_one() {
        for fields in
            [&[('l', "42, 42")][..], &[('l', "42"), ('l', "42")], &[('l', "042,42"), ('l', "42\t,\t42")]]
        {
            assert_eq!(of(fields), Ok(Framing::Length(42)), "{fields:?}");
        }
        for fields in [&[('l', "42, 43")][..], &[('l', "42"), ('l', "43")], &[('l', "1,1,2,1")]] {
            assert_eq!(of(fields), Err(Refused::ContentLengthsDiffer), "{fields:?}");
        }
    }

    #[test]
    fn a_length_that_is_no_number_is_refused() {
        for value in [
            "",
            "+1",
            "-1",
            "1 2",
            "0x10",
            "1e3",
            "ten",
            "1.0",
            "1,",
            ",1",
            "1,,1",
            "1;q=1",
            "18446744073709551616",
            "99999999999999999999999",
            "\u{661}",
        ] {
            assert_eq!(of(&[('l', value)]), Err(Refused::ContentLength), "{value:?}");
            assert_eq!(of(&[('l', "1"), ('l', value)]), Err(Refused::ContentLength), "{value:?}");
            assert_eq!(of(&[('l', value), ('l', "1")]), Err(Refused::ContentLength), "{value:?}");
        }
    }

    #[test]
    fn any_transfer_coding_but_one_chunked_is_refused() {
        for (fields, refused) in [
            (&[('t', "gzip")][..], Refused::NotChunked),
            (&[('t', "")], Refused::NotChunked),
            (&[('t', "identity")], Refused::NotChunked),
            (&[('t', "chunked;q=1")], Refused::NotChunked),
            (&[('t', "xchunked")], Refused::NotChunked),
            (&[('t', "chunked, chunked")], Refused::ChunkedTwice),
            (&[('t', "chunked"), ('t', "chunked")], Refused::ChunkedTwice),
            (&[('t', "chunked, gzip")], Refused::ChunkedNotLast),
            (&[('t', "chunked"), ('t', "gzip")], Refused::ChunkedNotLast),
            (&[('t', "chunked,")], Refused::ChunkedNotLast),
            (&[('t', "gzip, chunked")], Refused::UnaskedCoding),
            (&[('t', "gzip"), ('t', "chunked")], Refused::UnaskedCoding),
            (&[('t', ", chunked")], Refused::UnaskedCoding),
        ] {
            assert_eq!(of(fields), Err(refused), "{fields:?}");
        }
    }

    #[test]
    fn a_length_beside_a_transfer_coding_is_refused_whatever_both_are() {
        for coding in ["chunked", "gzip", ""] {
            for length in ["5", "0", "x"] {
                assert_eq!(of(&[('l', length), ('t', coding)]), Err(Refused::TwoFramings));
                assert_eq!(of(&[('t', coding), ('l', length)]), Err(Refused::TwoFramings));
            }
        }
    }

    #[test]
    fn http_1_0_has_no_transfer_codings() {
        let framing = declared(&[('t', "chunked")]).decide(GET, StatusCode::OK, Version::HTTP_10);
        assert_eq!(framing, Err(Refused::TransferEncodingInHttp10));
    }

    #[test]
    fn a_response_that_has_no_body_has_none_whatever_its_fields_say() {
        for fields in [&[][..], &[('l', "5")], &[('t', "chunked")], &[('l', "x"), ('t', "x")]] {
            let mut declared = declared(fields);
            declared.is_folded = true;
            for (asked, status) in [
                (HEAD, 200),
                (HEAD, 500),
                (GET, 100),
                (GET, 101),
                (GET, 199),
                (GET, 204),
                (GET, 304),
                (CONNECT, 200),
                (CONNECT, 299),
            ] {
                let status = StatusCode::from_u16(status).unwrap();
                let framing = declared.decide(asked, status, Version::HTTP_11);
                assert_eq!(framing, Ok(Framing::Empty), "{fields:?} {asked:?} {status}");
            }
        }
    }

    #[test]
    fn a_tunnel_that_is_refused_has_a_body() {
        let framing = declared(&[('l', "5")]).decide(
            CONNECT,
            StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            Version::HTTP_11,
        );
        assert_eq!(framing, Ok(Framing::Length(5)));
    }
}
