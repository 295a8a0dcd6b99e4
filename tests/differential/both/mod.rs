//! One case, read by loadcore's connection and by hyper's: they get the same bytes, cut at the same places, and must come to the
//! same response, and to the same decision whether the connection may serve another one.
//!
//! The fuzz target of `fuzz/` is built from this folder as well.

mod allowed;
mod drive;
mod facts;
mod judge;
mod oracle;
mod ours;
mod script;

pub(crate) use self::allowed::ALLOWED;
pub(crate) use self::drive::{clock, drive};
pub(crate) use self::judge::Verdict;
pub(crate) use self::script::Script;

use std::fmt;

use http::{HeaderMap, Method, StatusCode, Version};

/// What our client does with the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As `send` does.
    Kept,
    /// As `send` does with a body that nobody wants: only how it ends is compared.
    Discarded,
    /// As `send_streaming` does.
    Pieces,
}

impl Reading {
    pub(crate) const ALL: [Self; 3] = [Self::Kept, Self::Discarded, Self::Pieces];
}

/// What a server sends, how the network passes it on, and how it is read.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) method: Method,
    pub(crate) bytes: Vec<u8>,
    /// Where the bytes are cut, ascending.
    pub(crate) cuts: Vec<usize>,
    /// Nothing is there at first where a piece begins.
    pub(crate) stalls: bool,
    /// The server closes the connection after the bytes. Otherwise it waits for another request.
    pub(crate) closes: bool,
    /// So many bytes of the request are taken at a time.
    pub(crate) takes: usize,
    pub(crate) reading: Reading,
}

impl Case {
    /// A `GET` that is answered so, in one piece, on a connection that is then closed.
    pub(crate) fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::GET,
            bytes: bytes.into(),
            cuts: Vec::new(),
            stalls: false,
            closes: true,
            takes: usize::MAX,
            reading: Reading::Kept,
        }
    }

    /// A tunnel was asked for.
    fn is_connect(&self) -> bool {
        self.method == Method::CONNECT
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, bytes, cuts, stalls, closes, takes, reading } = self;
        write!(
            f,
            "{method} {reading:?} cut at {cuts:?}, stalls: {stalls}, closes: {closes}, takes: {takes}: "
        )?;
        write!(f, "b\"{}\"", bytes.escape_ascii())
    }
}

/// What a client made of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Read(Reply),
    /// And why: for people only.
    Refused(String),
    /// It waits for what the server will never send.
    Waits,
}

/// A response that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What a client made of it, and whether it keeps the connection.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) outcome: Outcome,
    pub(crate) is_kept: bool,
}

/// What both made of a case.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) ours: Seen,
    pub(crate) hyper: Seen,
    pub(crate) verdict: Verdict,
}

/// Reads a case with both, and tells what they have come to, and how that compares.
///
/// # Panics
/// If they differ where they must not, if ours waits for a server that has gone, or if the next request on a connection that
/// ours keeps does not get its own answer.
pub(crate) fn compare(case: &Case) -> Compared {
    let _clock = drive::clock();
    let (ours, hyper) = (ours::read(case), oracle::read(case));
    let verdict = judge::compare(case, &ours, &hyper);
    assert!(verdict != Verdict::Different, "they differ:\n  {case:?}\n  ours:  {ours:?}\n  hyper: {hyper:?}");
    if ours.outcome == Outcome::Waits {
        assert!(!case.closes, "it waits for a server that has gone: {case:?}");
        // It may wait where hyper refuses, but only for more: once there is none it must come to an end.
        compare(&Case { closes: true, ..case.clone() });
    }
    Compared { ours, hyper, verdict }
}
