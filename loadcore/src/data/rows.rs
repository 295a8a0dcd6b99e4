//! Rows of a file, read one after the other.

use super::format::{BadRow, Format, bad_json};
use super::table::Table;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead};

/// Reads a row at a time. After one that does not fit it goes on with the next one; an error of the file itself is its last
/// word.
pub(super) struct Rows<T, R: BufRead> {
    source: Source<T, R>,
    over: bool,
}

enum Source<T, R: BufRead> {
    Csv(Box<Table<T, R>>),
    JsonLines { input: R, line: usize, text: Vec<u8> },
}

impl<T: DeserializeOwned, R: BufRead> Rows<T, R> {
    pub(super) fn new(format: Format, mut input: R) -> io::Result<Self> {
        // Some editors begin a file with a byte order mark.
        if input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        let source = match format {
            Format::Csv => Source::Csv(Box::new(Table::new(input))),
            // Nobody asks for a whole array in pieces.
            Format::JsonLines | Format::Json => Source::JsonLines { input, line: 0, text: Vec::new() },
        };
        Ok(Self { source, over: false })
    }
}

impl<T: DeserializeOwned, R: BufRead> Iterator for Rows<T, R> {
    type Item = Result<T, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        match &mut self.source {
            Source::Csv(table) => table.next(),
            Source::JsonLines { input, line, text } => loop {
                text.clear();
                *line += 1;
                match input.read_until(b'\n', text) {
                    Ok(0) => return None,
                    Ok(_) if text.trim_ascii().is_empty() => {}
                    Ok(_) => {
                        // Without its end: a row that ends too soon ends on its own line.
                        let row = serde_json::from_slice(text.trim_ascii_end());
                        return Some(row.map_err(|error| bad_json(&error, *line, text)));
                    }
                    Err(error) => {
                        self.over = true;
                        return Some(Err(BadRow { line: *line, column: 1, message: error.to_string() }));
                    }
                }
            },
        }
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
            let rows = Rows::<Row, _>::new(format, io::BufReader::new(Broken(text))).unwrap();
            let rows: Vec<_> = rows.collect();
            assert_eq!(rows.len(), 2, "{rows:?}");
            assert!(rows[0].is_ok(), "{rows:?}");
            assert!(rows[1].as_ref().is_err_and(|bad| bad.message.contains("disk")), "{rows:?}");
        }
    }
}
