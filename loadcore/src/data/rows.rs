//! Rows of a file, read one after the other.

use super::format::{BadRow, Format, bad_json};
use super::table::Table;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, Read};

/// More than this is no row, but what is left of the file behind a mistake: it must not fill the memory.
pub(super) const LONGEST_ROW: usize = 16 << 20;

/// Reads a row at a time. After one that does not fit it goes on with the next one; an error of the file itself, or a row
/// without an end, is its last word.
pub(super) enum Rows<T, R: BufRead> {
    Csv(Box<Table<T, R>>),
    JsonLines(Lines<R>),
}

pub(super) struct Lines<R> {
    input: R,
    /// The last one that was read, without its end, and its number.
    text: Vec<u8>,
    line: usize,
    is_broken: bool,
}

impl<T: DeserializeOwned, R: BufRead> Rows<T, R> {
    pub(super) fn new(format: Format, mut input: R) -> io::Result<Self> {
        // Some editors begin a file with a byte order mark.
        if input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(Table::new(input))),
            // Nobody asks for a whole array in pieces.
            Format::JsonLines | Format::Json => Self::JsonLines(Lines::new(input)),
        })
    }

    /// Whether the last word was an error of the file itself.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Csv(table) => table.is_broken(),
            Self::JsonLines(lines) => lines.is_broken,
        }
    }
}

impl<T: DeserializeOwned, R: BufRead> Iterator for Rows<T, R> {
    type Item = Result<T, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv(table) => table.next(),
            Self::JsonLines(lines) => Some(lines.advance()?.and_then(|()| {
                serde_json::from_slice(&lines.text).map_err(|error| bad_json(&error, lines.line, &lines.text))
            })),
        }
    }
}

impl<R: BufRead> Lines<R> {
    fn new(input: R) -> Self {
        Self { input, text: Vec::new(), line: 0, is_broken: false }
    }

    /// Goes to the next line that is not empty.
    fn advance(&mut self) -> Option<Result<(), BadRow>> {
        while !self.is_broken {
            self.text.clear();
            self.line += 1;
            let mut input = self.input.by_ref().take(LONGEST_ROW as u64 + 1);
            match input.read_until(b'\n', &mut self.text) {
                Ok(0) => return None,
                Ok(count) if count > LONGEST_ROW => {
                    return Some(Err(self.broken("this line is longer than 16 MiB: write one value a line")));
                }
                Ok(_) => {
                    // Without its end: a row that ends too soon ends on its own line.
                    self.text.truncate(self.text.trim_ascii_end().len());
                    if !self.text.is_empty() {
                        return Some(Ok(()));
                    }
                }
                Err(error) => return Some(Err(self.broken(&error.to_string()))),
            }
        }
        None
    }

    fn broken(&mut self, message: &str) -> BadRow {
        self.is_broken = true;
        BadRow { line: self.line, column: 1, message: message.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Row {
        name: String,
        age: u8,
    }

    fn read(format: Format, text: &str) -> Vec<Result<(String, u8), String>> {
        let rows = Rows::<Row, _>::new(format, text.as_bytes()).unwrap();
        let place = |bad: BadRow| format!("{}:{}: {}", bad.line, bad.column, bad.message);
        rows.map(|row| row.map(|row| (row.name, row.age)).map_err(place)).collect()
    }

    #[test]
    fn a_bad_row_is_told_with_its_place_and_the_next_one_is_read() {
        let ann = Ok(("Ann".to_owned(), 7));
        let bob = Ok(("Bob".to_owned(), 9));
        let csv = "\u{feff}name,age\nAnn,7\nCid,old\nBob\nBob,9\n";
        let bad = [
            Err("3:5: field `age` is `old`: invalid digit found in string".to_owned()),
            Err("4:1: 1 field, where the head has 2".to_owned()),
        ];
        assert_eq!(
            read(Format::Csv, csv),
            [[ann.clone()].as_slice(), &bad, std::slice::from_ref(&bob)].concat()
        );
        let lines = "\u{feff}{\"name\":\"Ann\",\"age\":7}\r\n\n{\"name\":\"Cid\",\"age\":-1}\n{\"name\":\"Bob\",\"age\":9}";
        let bad = Err("3:22: invalid value: integer `-1`, expected u8".to_owned());
        assert_eq!(read(Format::JsonLines, lines), [ann, bad, bob]);
    }

    #[test]
    fn a_table_whose_head_cannot_be_read_has_no_rows() {
        let rows = Rows::<Row, _>::new(Format::Csv, b"n\xffme,age\nAnn,7\n".as_slice()).unwrap();
        let rows: Vec<_> = rows.collect();
        assert!(matches!(rows.as_slice(), [Err(bad)] if bad.message.contains("UTF-8")), "{rows:?}");
    }

    /// Gives a whole row, and then breaks.
    struct Broken(&'static [u8]);

    impl io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() { Err(io::Error::other("disk")) } else { self.0.read(buffer) }
        }
    }

    #[test]
    fn a_file_that_breaks_is_told_once_and_has_ended() {
        for (format, text) in [
            (Format::Csv, "name,age\nAnn,7\n".as_bytes()),
            (Format::JsonLines, b"{\"name\":\"Ann\",\"age\":7}\n"),
        ] {
            let mut reader = Rows::<Row, _>::new(format, io::BufReader::new(Broken(text))).unwrap();
            assert!(reader.next().unwrap().is_ok() && !reader.is_broken());
            let bad = reader.next().unwrap().unwrap_err();
            assert!((bad.line, bad.column) == (2 + usize::from(format == Format::Csv), 1), "{bad:?}");
            assert!(bad.message.contains("disk") && reader.is_broken(), "{bad:?}");
            assert!(reader.next().is_none());
        }
    }

    #[test]
    fn an_end_is_nothing_broken() {
        for (format, text) in [(Format::Csv, "name,age\nAnn,7\n"), (Format::JsonLines, "\n{}\n")] {
            let mut rows = Rows::<Row, _>::new(format, text.as_bytes()).unwrap();
            assert_eq!(rows.by_ref().count(), 1);
            assert!(!rows.is_broken());
        }
    }

    #[test]
    fn a_row_without_an_end_is_told_before_it_fills_the_memory() {
        let of = |format, text: &'static str| {
            let input = io::BufReader::new(text.as_bytes().chain(io::repeat(b'x')));
            let mut rows = Rows::<Row, _>::new(format, input).unwrap();
            assert!(rows.next().unwrap().is_ok());
            let BadRow { line, column, message } = rows.next().unwrap().unwrap_err();
            assert!(rows.is_broken() && rows.next().is_none());
            format!("{line}:{column}: {message}")
        };
        let csv = of(Format::Csv, "name,age\nAnn,7\nBob,\"9\n");
        assert_eq!(csv, "3:5: this quote is not closed within 16 MiB: write another `\"` behind the value");
        let csv = of(Format::Csv, "name,age\nAnn,7\nBob,9");
        assert_eq!(csv, "3:1: this row is longer than 16 MiB: end each one with its line");
        let lines = of(Format::JsonLines, "{\"name\":\"Ann\",\"age\":7}\n[");
        assert_eq!(lines, "2:1: this line is longer than 16 MiB: write one value a line");
    }
}
