//! Why a response is refused. Each of these closes the connection: after it nobody knows where a response begins.

/// What is wrong with the bytes of a response. None of the texts repeats what the server sent: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The response begins otherwise than one of HTTP/1.0 or HTTP/1.1.
    #[error("the response begins with neither HTTP/1.0 nor HTTP/1.1")]
    Version,
    /// The rest of the status line.
    #[error(
        "a malformed status line: RFC 9112 4 wants three digits, from 100 on, and a reason without control characters"
    )]
    StatusLine,
    /// A carriage return where no line ends.
    #[error("a carriage return without a line feed, which RFC 9112 2.2 forbids")]
    LineEnd,
    /// A field's name, or what stands in its place.
    #[error(
        "a malformed field name: RFC 9112 5 wants one or more token characters and a colon right after them"
    )]
    FieldName,
    /// A field's name is longer than any client keeps.
    #[error("a field name of more than 65535 bytes")]
    FieldNameTooLong,
    /// A field's value has a bare CR, a NUL or another control character.
    #[error("a control character in a field's value, such as NUL or a bare CR, which RFC 9110 5.5 forbids")]
    FieldValue,
    /// The head exceeds the limit on its bytes.
    #[error("a response head of more than {most} bytes")]
    HeadTooLong {
        /// The limit.
        most: usize,
    },
    /// The head exceeds the limit on its fields.
    #[error("a response head of more than {most} fields")]
    TooManyFields {
        /// The limit.
        most: usize,
    },

    /// Two ways to tell where the body ends.
    #[error("both transfer-encoding and content-length, which RFC 9112 6.1 forbids")]
    TwoFramings,
    /// The protocol's version has no transfer codings.
    #[error("transfer-encoding in an HTTP/1.0 response, which RFC 9112 6.1 calls faulty")]
    TransferEncodingInHttp10,
    /// Transfer codings, and `chunked` is none of them.
    #[error("transfer-encoding without the coding chunked, the only one that was allowed by the request")]
    NotChunked,
    /// `chunked` is applied more than once.
    #[error("the transfer coding chunked more than once, which RFC 9112 6.1 forbids")]
    ChunkedTwice,
    /// Something follows `chunked`.
    #[error("a transfer coding after chunked, where RFC 9112 6.1 wants chunked to be the last")]
    ChunkedNotLast,
    /// Something precedes `chunked`.
    #[error("a transfer coding before chunked, which no request has asked for (RFC 9112 7.4)")]
    UnaskedCoding,
    /// The value is no number of bytes.
    #[error(
        "a content-length that is no number of bytes: RFC 9110 8.6 wants decimal digits, and they must fit 64 bits"
    )]
    ContentLength,
    /// Several values that are not the same.
    #[error("several content-lengths that differ, which RFC 9112 6.3 makes an unrecoverable error")]
    ContentLengthsDiffer,
    /// The field that frames the body goes over several lines.
    #[error(
        "a content-length or transfer-encoding folded over several lines, which RFC 9112 5.2 forbids to send"
    )]
    FoldedFraming,

    /// No size where a chunk begins, or something else behind its digits.
    #[error("a malformed chunk size: RFC 9112 7.1 wants hexadecimal digits, then CRLF or an extension")]
    ChunkSize,
    /// More digits than 64 bits have.
    #[error("a chunk size of more than 16 digits")]
    ChunkSizeTooLong,
    /// The line with a chunk's size ends in something else than CRLF.
    #[error("a chunk size line that does not end in CRLF, which RFC 9112 7.1 wants")]
    ChunkLineEnd,
    /// A chunk is longer than its size says.
    #[error("chunk data without CRLF where its size says it ends, which RFC 9112 7.1 wants")]
    ChunkEnd,
    /// The extensions of all chunks together exceed the limit.
    #[error("chunk extensions of more than {most} bytes in one body")]
    ExtensionsTooLong {
        /// The limit.
        most: u32,
    },
    /// A line behind the last chunk is no field.
    #[error("a malformed trailer field: RFC 9112 7.1.2 wants token characters, a colon, a value, and CRLF")]
    Trailer,
    /// The trailers exceed the limit on their bytes.
    #[error("trailers of more than {most} bytes")]
    TrailersTooLong {
        /// The limit.
        most: u32,
    },
    /// The trailers exceed the limit on their number.
    #[error("more than {most} trailers")]
    TooManyTrailers {
        /// The limit.
        most: u16,
    },
}
