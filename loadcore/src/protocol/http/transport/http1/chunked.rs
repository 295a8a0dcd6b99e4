//! Decodes a chunked body (RFC 9112 section 7.1), piece by piece, wherever the bytes are cut.

use super::refused::Refused;

/// All extensions of one body together. They mean nothing here, and without a limit they could go on forever.
const MOST_EXTENSIONS: u32 = 16 * 1024;

/// All trailers together, with their line ends and without the empty line.
const MOST_TRAILER_BYTES: u32 = 16 * 1024;

const MOST_TRAILERS: u16 = 128;

/// What 64 bits have.
const MOST_DIGITS: u8 = 16;

/// The place in a chunked body. A body that was refused cannot go on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunked {
    state: State,
    /// Of the size that is being read.
    digits: u8,
    trailers: u16,
    /// Bytes of data that this chunk still has; while its size is being read, the size so far.
    left: u64,
    extension_bytes: u32,
    trailer_bytes: u32,
}

/// What comes next in some bytes of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A piece of the body, never an empty one: `bytes[at..at + len]`. What is before it was framing; what is behind it is for
    /// the next call.
    Data {
        /// Where it begins.
        at: usize,
        /// How long it is.
        len: usize,
    },
    /// All of the bytes were framing, and more are needed.
    More,
    /// The body has ended, trailers included.
    End {
        /// So many of the bytes belonged to it; others are not the response's.
        used: usize,
    },
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// Whitespace behind the size.
    AfterSize,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// A trailer's first byte, or the empty line that ends them.
    Line,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    End,
}

impl Chunked {
    /// Looks for the next piece of the body in what follows all that was used so far.
    ///
    /// # Errors
    ///
    /// What [`Refused`] says: the body cannot be read on.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        let mut at = 0;
        loop {
            let rest = bytes.len() - at;
            match self.state {
                State::End => return Ok(Step::End { used: at }),
                _ if rest == 0 => return Ok(Step::More),
                State::Data => return Ok(Step::Data { at, len: self.take(rest) }),
                _ => self.state = self.step(bytes[at])?,
            }
            at += 1;
        }
    }

    /// How many of so many bytes are this chunk's.
    fn take(&mut self, most: usize) -> usize {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(most);
        self.left -= len as u64;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        len
    }

    /// Reads one byte that is no data. Only CRLF ends a line: RFC 9112 2.2 lets a bare LF pass in the head alone, and readers
    /// that let it pass here can be made to see other chunks than those that do not.
    fn step(&mut self, byte: u8) -> Result<State, Refused> {
        match (self.state, byte) {
            (State::Size, _) if byte.is_ascii_hexdigit() => self.digit(byte),
            (State::Size, _) if self.digits == 0 => Err(Refused::ChunkSize),
            (State::Size | State::AfterSize | State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Size | State::AfterSize | State::Extension, b'\n') => Err(Refused::ChunkLineEnd),
            // Whitespace is allowed only before an extension (RFC 9112 7.1.1), but some servers pad the size with it; hyper
            // takes it too. It counts as an extension: it must not go on forever either.
            (State::Size | State::AfterSize, b' ' | b'\t') => self.extension(State::AfterSize),
            (State::Size | State::AfterSize, b';') | (State::Extension, _) => {
                self.extension(State::Extension)
            }
            (State::Size | State::AfterSize, _) => Err(Refused::ChunkSize),
            (State::SizeLf, b'\n') => Ok(self.sized()),
            (State::SizeLf, _) => Err(Refused::ChunkLineEnd),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size),
            (State::DataCr | State::DataLf, _) => Err(Refused::ChunkEnd),
            (State::Line, b'\r') => Ok(State::LastLf),
            (State::LastLf, b'\n') => Ok(State::End),
            (State::Line | State::TrailerName | State::TrailerValue | State::TrailerLf, _) => {
                self.trailer(byte)
            }
            // The loop does not come here with the other two.
            (State::LastLf | State::Data | State::End, _) => Err(Refused::Trailer),
        }
    }

    fn digit(&mut self, digit: u8) -> Result<State, Refused> {
        if self.digits == MOST_DIGITS {
            return Err(Refused::ChunkSizeTooLong);
        }
        self.digits += 1;
        // So many digits fit: nothing is shifted out.
        let value = char::from(digit).to_digit(16).ok_or(Refused::ChunkSize)?;
        self.left = self.left << 4 | u64::from(value);
        Ok(State::Size)
    }

    fn extension(&mut self, state: State) -> Result<State, Refused> {
        self.extension_bytes += 1;
        if self.extension_bytes > MOST_EXTENSIONS {
            return Err(Refused::ExtensionsTooLong { most: MOST_EXTENSIONS });
        }
        Ok(state)
    }

    /// A size has been read.
    fn sized(&mut self) -> State {
        self.digits = 0;
        if self.left == 0 { State::Line } else { State::Data }
    }

    /// Trailers are dropped, but only if they are fields: what is none may be the start of another response.
    fn trailer(&mut self, byte: u8) -> Result<State, Refused> {
        if self.state == State::Line {
            if self.trailers == MOST_TRAILERS {
                return Err(Refused::TooManyTrailers { most: MOST_TRAILERS });
            }
            self.trailers += 1;
        }
        self.trailer_bytes += 1;
        if self.trailer_bytes > MOST_TRAILER_BYTES {
            return Err(Refused::TrailersTooLong { most: MOST_TRAILER_BYTES });
        }
        match (self.state, byte) {
            (State::Line | State::TrailerName, _) if is_token(byte) => Ok(State::TrailerName),
            (State::TrailerName, b':') | (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => {
                Ok(State::TrailerValue)
            }
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerLf, b'\n') => Ok(State::Line),
            _ => Err(Refused::Trailer),
        }
    }
}

/// Whether a name can have this byte: RFC 9110 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What some bytes came to: the body, and how many bytes were its own; `None` if they are too few.
    type Decoded = Result<Option<(Vec<u8>, usize)>, Refused>;

    /// In pieces that end at these places.
    fn pieces(bytes: &[u8], ends: &[usize]) -> Decoded {
        let (mut chunked, mut body, mut start) = (Chunked::default(), Vec::new(), 0);
        for end in ends.iter().copied().chain([bytes.len()]) {
            loop {
                let piece = &bytes[start..end];
                match chunked.next(piece)? {
                    Step::Data { at, len } => {
                        assert_ne!(len, 0);
                        body.extend_from_slice(&piece[at..at + len]);
                        start += at + len;
                    }
                    Step::More => break start = end,
                    Step::End { used } => return Ok(Some((body, start + used))),
                }
            }
        }
        Ok(None)
    }

    fn whole(text: &str) -> Decoded {
        pieces(text.as_bytes(), &[])
    }

    #[test]
    fn a_body_is_put_together_from_its_chunks() {
        for (text, body) in [
            ("0\r\n\r\n", ""),
            ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("5\r\nhello\r\n7\r\n, world\r\n000\r\n\r\n", "hello, world"),
            ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
            ("0000000000000001\r\nx\r\n0\r\n\r\n", "x"),
            ("3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n", "abc"),
            ("3 \t\r\nabc\r\n0 ; e\r\n\r\n", "abc"),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
            ("1\r\nx\r\n0\r\nTrailer-1: a\r\nb:\r\nc: \u{fc}\t d\r\n\r\n", "x"),
        ] {
            let with_more = format!("{text}HTTP/1.1");
            let decoded = Ok(Some((body.as_bytes().to_vec(), text.len())));
            assert_eq!(whole(&with_more), decoded, "{text:?}");
        }
    }

    #[test]
    fn whatever_breaks_the_grammar_is_refused_by_name() {
        for (text, refused) in [
            ("\r\n", Refused::ChunkSize),
            ("x\r\n", Refused::ChunkSize),
            ("+1\r\n", Refused::ChunkSize),
            ("-1\r\n", Refused::ChunkSize),
            ("0x1\r\n", Refused::ChunkSize),
            (" 1\r\n", Refused::ChunkSize),
            (";a\r\n", Refused::ChunkSize),
            ("1 1\r\n", Refused::ChunkSize),
            ("1_0\r\n", Refused::ChunkSize),
            ("\n", Refused::ChunkSize),
            ("00000000000000001\r\n", Refused::ChunkSizeTooLong),
            ("fffffffffffffffff\r\n", Refused::ChunkSizeTooLong),
            ("1\nx\r\n", Refused::ChunkLineEnd),
            ("1 \nx\r\n", Refused::ChunkLineEnd),
            ("1;a\nx\r\n", Refused::ChunkLineEnd),
            ("1\rx", Refused::ChunkLineEnd),
            ("1;a\rb\r\n", Refused::ChunkLineEnd),
            ("1\r\r\n", Refused::ChunkLineEnd),
            ("1\r\nxy\r\n", Refused::ChunkEnd),
            ("1\r\nx\n", Refused::ChunkEnd),
            ("1\r\nx\rx", Refused::ChunkEnd),
            ("0\r\n\n", Refused::Trailer),
            ("0\r\n\rx", Refused::Trailer),
            ("0\r\nHTTP/1.1 200 OK\r\n", Refused::Trailer),
            ("0\r\n: a\r\n", Refused::Trailer),
            ("0\r\n a: b\r\n", Refused::Trailer),
            ("0\r\na : b\r\n", Refused::Trailer),
            ("0\r\na: b\n\r\n", Refused::Trailer),
            ("0\r\na: b\rc\r\n", Refused::Trailer),
            ("0\r\na: b\0c\r\n", Refused::Trailer),
            ("0\r\na\r\n\r\n", Refused::Trailer),
            ("0\r\na: b\r\n c\r\n\r\n", Refused::Trailer),
        ] {
            assert_eq!(whole(text), Err(refused), "{text:?}");
        }
    }

    #[test]
    fn the_largest_size_is_read_and_not_overflowed() {
        let mut chunked = Chunked::default();
        assert_eq!(chunked.next(b"ffffffffffffffff\r\nx"), Ok(Step::Data { at: 18, len: 1 }));
        assert_eq!(chunked.left, u64::MAX - 1);
    }

    #[test]
    fn a_body_that_has_ended_stays_so() {
        let mut chunked = Chunked::default();
        assert_eq!(chunked.next(b"0\r\n\r\nrest"), Ok(Step::End { used: 5 }));
        assert_eq!(chunked.next(b"rest"), Ok(Step::End { used: 0 }));
    }

    #[test]
    fn extensions_are_limited_over_all_chunks() {
        let most = MOST_EXTENSIONS;
        let body = |each: usize| format!("1;{}\r\nx\r\n", "e".repeat(each - 1)).repeat(16) + "0\r\n\r\n";
        assert!(whole(&body(1024)).unwrap().is_some());
        assert_eq!(whole(&body(1025)), Err(Refused::ExtensionsTooLong { most }));
        let padded = format!("1{}", " ".repeat(most as usize + 1));
        assert_eq!(whole(&padded), Err(Refused::ExtensionsTooLong { most }));
    }

    #[test]
    fn trailers_are_limited_in_bytes_and_number() {
        let body = |trailers: &str| format!("0\r\n{trailers}\r\n");
        assert!(whole(&body(&"a:\r\n".repeat(128))).unwrap().is_some());
        assert_eq!(whole(&body(&"a:\r\n".repeat(129))), Err(Refused::TooManyTrailers { most: 128 }));
        let of = |len: usize| format!("a:{}\r\n", "x".repeat(len - 4));
        assert!(whole(&body(&of(16 * 1024))).unwrap().is_some());
        assert_eq!(
            whole(&body(&of(16 * 1024 + 1))),
            Err(Refused::TrailersTooLong { most: MOST_TRAILER_BYTES })
        );
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<Chunked>() <= 24);
    }

    /// A valid body, and its encoding.
    fn valid() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let chunk = (
            prop::collection::vec(any::<u8>(), 1..40),
            "(0{0,3})",
            "[ \t]{0,2}(;[ -~]{0,9})?",
            any::<bool>(),
        );
        let trailer = "([A-Za-z0-9!#$%&'*+.^_`|~-]{1,8}:[ -~\t]{0,9}\r\n){0,3}";
        (prop::collection::vec(chunk, 0..6), "0{1,4}(;[ -~]{0,9})?", trailer).prop_map(
            |(chunks, last, trailer)| {
                let (mut body, mut bytes) = (Vec::new(), Vec::new());
                for (data, zeros, extension, upper) in chunks {
                    let size = if upper { format!("{:X}", data.len()) } else { format!("{:x}", data.len()) };
                    bytes.extend_from_slice(format!("{zeros}{size}{extension}\r\n").as_bytes());
                    bytes.extend_from_slice(&data);
                    bytes.extend_from_slice(b"\r\n");
                    body.extend_from_slice(&data);
                }
                bytes.extend_from_slice(format!("{last}\r\n{trailer}\r\n").as_bytes());
                (body, bytes)
            },
        )
    }

    fn ends(len: usize) -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(0..=len, 0..20).prop_map(|mut ends| {
            ends.sort_unstable();
            ends
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_valid_body_is_read_back_exactly_wherever_it_is_cut(
            ((body, bytes), ends) in valid().prop_flat_map(|valid| {
                let len = valid.1.len();
                (Just(valid), ends(len))
            }),
            rest in prop::collection::vec(any::<u8>(), 0..5),
        ) {
            let used = bytes.len();
            let bytes = [bytes, rest].concat();
            prop_assert_eq!(pieces(&bytes, &ends), Ok(Some((body.clone(), used))));
            let each: Vec<usize> = (0..bytes.len()).collect();
            prop_assert_eq!(pieces(&bytes, &each), Ok(Some((body, used))));
        }

        #[test]
        fn a_broken_body_is_judged_the_same_wherever_it_is_cut(
            (bytes, ends) in valid().prop_flat_map(|(_, bytes)| {
                let len = bytes.len();
                (Just(bytes), ends(len))
            }),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = bytes;
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            prop_assert_eq!(pieces(&bytes, &ends), pieces(&bytes, &[]));
        }
    }
}
