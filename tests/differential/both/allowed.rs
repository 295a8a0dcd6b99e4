//! Where the two clients may differ: the table, of which the documentation of `loadcore::http` tells the users.

use http::Method;

use super::Case;
use super::facts::Facts;
use super::judge::Difference;

/// A difference that is meant.
pub(crate) struct Allowed {
    pub(crate) name: &'static str,
    /// As the documentation says it.
    pub(crate) why: &'static str,
    /// What comes of it.
    kind: Kind,
    /// Where only one of the two reads: parts of the texts with which the other one may refuse it.
    pub(super) refusals: &'static [&'static str],
    /// Whether the bytes have it. This looks at the bytes alone, in its own simple way: neither reader is asked.
    has: fn(&Facts<'_>) -> bool,
    pub(crate) example: fn() -> Case,
}

impl Allowed {
    pub(super) fn allows(&self, difference: &Difference<'_>, facts: &Facts<'_>) -> bool {
        let is_so = |why: &str| self.refusals.iter().any(|refusal| why.contains(refusal));
        self.kind == difference.kind && difference.refusal.is_none_or(is_so) && (self.has)(facts)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OnlyHyperReads,
    OnlyWeRead,
    /// Both do, and only hyper would send another request over the connection.
    OnlyHyperKeeps,
    /// The same the other way round.
    OnlyWeKeep,
    /// Both do, and come to different ones: never allowed.
    AnotherResponse,
    /// One reads what the other one waits for: never allowed.
    Hang,
    /// Both do, and the values of headers differ in whitespace.
    Whitespace,
}

/// What two readers may make of the same bytes, and why.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        name: "transfer-encoding beside content-length",
        why: "RFC 9112 6.1 allows to refuse it as the attack that it may be; hyper goes by transfer-encoding",
        kind: Kind::OnlyHyperReads,
        refusals: &["both transfer-encoding and content-length"],
        has: |facts| facts.has("transfer-encoding") && facts.has("content-length"),
        example: || response("transfer-encoding: chunked\r\ncontent-length: 5", "0\r\n\r\n"),
    },
    Allowed {
        name: "transfer codings other than chunked",
        why: "no request asks for one; hyper reads until close, or hands out what is still compressed",
        kind: Kind::OnlyHyperReads,
        refusals: &[
            "transfer-encoding without the coding chunked",
            "coding chunked more than once",
            "a transfer coding after chunked",
            "a transfer coding before chunked",
        ],
        has: |facts| facts.has("transfer-encoding") && !facts.is_chunked(),
        example: || response("transfer-encoding: gzip, chunked", "0\r\n\r\n"),
    },
    Allowed {
        name: "folded framing",
        why: "clients that do not unfold see another length; hyper unfolds, and goes by it",
        kind: Kind::OnlyHyperReads,
        refusals: &["content-length or transfer-encoding folded over several lines"],
        has: |facts| facts.fields.iter().any(|field| field.is_framing() && field.is_folded),
        example: || response("content-length:\r\n 1", "x"),
    },
    Allowed {
        name: "status 101",
        why: "no request asks for another protocol; hyper hands out the response",
        kind: Kind::OnlyHyperReads,
        refusals: &["SwitchedProtocols"],
        has: |facts| facts.status == "101",
        example: || Case::of("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    },
    Allowed {
        name: "head of more than 256 KiB",
        why: "refused; hyper takes about 400 KiB",
        kind: Kind::OnlyHyperReads,
        refusals: &["HeadTooLarge: a response head of more than 262144 bytes"],
        has: |facts| facts.head_len > 256 * 1024,
        example: || response(&format!("a: {}", "b".repeat(256 * 1024)), ""),
    },
    Allowed {
        name: "400 KiB of empty lines before a response",
        why: "skipped as they come, until the request's time is over; hyper counts them with the head, and refuses them",
        kind: Kind::OnlyWeRead,
        refusals: &["message head is too large"],
        has: |facts| facts.empty_lines >= 400 * 1024,
        example: || Case::of("\r\n".repeat(300 * 1024) + "HTTP/1.1 204 No Content\r\n\r\n"),
    },
    Allowed {
        name: "chunk size of more than 16 digits",
        why: "clients differ in how they overflow; hyper takes any number of leading zeros",
        kind: Kind::OnlyHyperReads,
        refusals: &["a chunk size of more than 16 digits"],
        has: |facts| facts.chunks.digits > 16,
        example: || response("transfer-encoding: chunked", "00000000000000000\r\n\r\n"),
    },
    Allowed {
        name: "bare line feed in trailers",
        why: "RFC 9112 2.2 lets it pass in the head alone; hyper reads trailers as it reads a head",
        kind: Kind::OnlyHyperReads,
        refusals: &["a malformed trailer field"],
        has: |facts| facts.chunks.has_bare_line_feed(),
        example: || response("transfer-encoding: chunked", "0\r\na: b\n\r\n\r\n"),
    },
    Allowed {
        name: "more than 128 trailers",
        why: "refused; hyper takes as many as it takes headers",
        kind: Kind::OnlyHyperReads,
        refusals: &["more than 128 trailers"],
        has: |facts| facts.chunks.lines() > 128,
        example: || {
            let body = format!("0\r\n{}\r\n", "a: b\r\n".repeat(129));
            response("transfer-encoding: chunked", &body)
        },
    },
    Allowed {
        name: "chunk padding of more than 16 KiB",
        why: "whitespace and semicolons count as extensions; hyper counts only what follows a semicolon",
        kind: Kind::OnlyHyperReads,
        refusals: &["chunk extensions of more than 16384 bytes"],
        has: |facts| facts.chunks.padding > 16 * 1024,
        example: || {
            let body = format!("0{}\r\n\r\n", " ".repeat(16 * 1024 + 1));
            response("transfer-encoding: chunked", &body)
        },
    },
    Allowed {
        name: "trailers of just 16 KiB",
        why: "read; hyper refuses them two bytes earlier, for it counts the empty line too",
        kind: Kind::OnlyWeRead,
        refusals: &["chunk trailers bytes over limit"],
        has: |facts| (16 * 1024 - 2..=16 * 1024).contains(&facts.chunks.trailers.len()),
        example: || {
            let body = format!("0\r\na:{}\r\n\r\n", "t".repeat(16 * 1024 - 4));
            response("transfer-encoding: chunked", &body)
        },
    },
    Allowed {
        name: "whitespace of a fold",
        why: "each byte of it becomes a space; hyper leaves one space of it, and RFC 9112 5.2 allows both",
        kind: Kind::Whitespace,
        refusals: &[],
        has: |facts| facts.fields.iter().any(|field| field.is_folded),
        example: || response("content-length: 0\r\na: b\r\n  c", ""),
    },
    Allowed {
        name: "204 to CONNECT",
        why: "each 2xx opens a tunnel, and HTTP is over (RFC 9110 9.3.6); hyper sends the next request into it",
        kind: Kind::OnlyHyperKeeps,
        refusals: &[],
        has: |facts| facts.is_connect && facts.status == "204",
        example: || {
            let bytes = "HTTP/1.1 204 No Content\r\n\r\n";
            Case { method: Method::CONNECT, closes: false, ..Case::of(bytes) }
        },
    },
    Allowed {
        name: "close beside bytes that are no ASCII",
        why: "the connection is closed; hyper does not look at a `connection` header that has such bytes",
        kind: Kind::OnlyHyperKeeps,
        refusals: &[],
        has: |facts| facts.has_foreign_connection(),
        example: || Case { closes: false, ..response("connection: close, \u{e4}\r\ncontent-length: 0", "") },
    },
    Allowed {
        name: "keep-alive beside bytes that are no ASCII",
        why: "of HTTP/1.0: the connection is kept, as the server says; hyper does not see that it does",
        kind: Kind::OnlyWeKeep,
        refusals: &[],
        has: |facts| facts.is_http10 && facts.has_foreign_connection(),
        example: || {
            let bytes = "HTTP/1.0 200 OK\r\nconnection: keep-alive, \u{e4}\r\ncontent-length: 0\r\n\r\n";
            Case { closes: false, ..Case::of(bytes) }
        },
    },
];

fn response(fields: &str, body: &str) -> Case {
    Case::of(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}"))
}
