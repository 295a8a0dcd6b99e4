//! CSV: a head with the fields' names, then a row a line.

use super::format::BadRow;
use super::window::Window;
use csv::{DeserializeErrorKind, ErrorKind, StringRecord};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::marker::PhantomData;

/// More of a value than this does not help to find it.
const SHOWN: usize = 40;

/// Reads a row at a time. After one that does not fit it goes on with the next one; an error of the file itself is its last
/// word.
pub(super) struct Table<T, R> {
    /// Its window begins with the row that is read.
    reader: csv::Reader<Window<R>>,
    head: StringRecord,
    other_separator: Option<BadRow>,
    /// A table whose first line cannot be read has no rows.
    bad_head: Option<BadRow>,
    row: StringRecord,
    over: bool,
    is_broken: bool,
    rows: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned, R: Read> Table<T, R> {
    /// Blanks are trimmed off the names alone: of a password they may be a part.
    pub(super) fn new(input: R) -> Self {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(Window::new(input));
        let head = reader.headers().cloned();
        let mut table = Self {
            reader,
            head: StringRecord::new(),
            other_separator: None,
            bad_head: None,
            row: StringRecord::new(),
            over: false,
            is_broken: false,
            rows: PhantomData,
        };
        match head {
            Ok(head) => {
                table.head = head;
                table.other_separator = table.find_other_separator();
                table.bad_head = table.open_quote();
            }
            Err(error) => table.bad_head = Some(table.bad(&error, None)),
        }
        table
    }
}

impl<T: DeserializeOwned, R: Read> Iterator for Table<T, R> {
    type Item = Result<T, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        if let Some(bad) = self.bad_head.take() {
            (self.over, self.is_broken) = (true, true);
            return Some(Err(bad));
        }
        let begin = self.reader.position().byte();
        self.reader.get_mut().begin_at(begin);
        match self.reader.read_record(&mut self.row) {
            Ok(false) => {
                self.over = true;
                None
            }
            Ok(true) => {
                let row = self.row.deserialize(Some(&self.head));
                let row = row.map_err(|error| self.bad(&error, Some(&self.row)));
                // The reader takes the end of the file for the end of a quote, too.
                Some(row.and_then(|row| self.open_quote().map_or(Ok(row), Err)))
            }
            Err(error) => {
                self.is_broken = error.is_io_error();
                self.over = self.is_broken;
                Some(Err(self.bad(&error, None)))
            }
        }
    }
}

impl<T, R: Read> Table<T, R> {
    /// Whether the last word was an error of the file itself.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The most likely cause of an error, first those that make all that follows look wrong.
    fn bad(&self, error: &csv::Error, row: Option<&StringRecord>) -> BadRow {
        if self.window().is_too_long() {
            return self.endless();
        }
        if error.is_io_error() {
            return self.said(error, row);
        }
        let cause = self.other_separator.clone().or_else(|| self.open_quote());
        cause.unwrap_or_else(|| self.said(error, row))
    }

    fn endless(&self) -> BadRow {
        let Row { begin, open_quote, .. } = self.places();
        match open_quote {
            Some(quote) => {
                let message = "this quote is not closed within 16 MiB: write another `\"` behind the value";
                self.at(quote, message.to_owned())
            }
            None => self.at(begin, "this row is longer than 16 MiB: end each one with its line".to_owned()),
        }
    }

    fn said(&self, error: &csv::Error, row: Option<&StringRecord>) -> BadRow {
        match error.kind() {
            ErrorKind::Deserialize { err, .. } => {
                let missing =
                    missing_column(err.kind()).filter(|name| !self.head.iter().any(|column| column == *name));
                match (missing, err.field()) {
                    (Some(name), _) => BadRow { line: 1, column: 1, message: self.no_column(name) },
                    (None, Some(field)) => self.at_field(field as usize, row, &err.kind().to_string()),
                    (None, None) => self.at(self.places().begin, err.kind().to_string()),
                }
            }
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let fields = if *len == 1 { "field" } else { "fields" };
                // The first that is too many, or the last there is.
                let field = (*len).min(*expected_len + 1).saturating_sub(1) as usize;
                let message = format!("{len} {fields}, where the head has {expected_len}");
                self.at(self.places().field(field), message)
            }
            ErrorKind::Utf8 { err, .. } => self.at(
                self.places().field(err.field()),
                "this is not UTF-8: save the file in that encoding".to_owned(),
            ),
            _ => self.at(self.places().begin, error.to_string()),
        }
    }

    fn at_field(&self, field: usize, row: Option<&StringRecord>, problem: &str) -> BadRow {
        let place = self.places().field(field);
        let (Some(name), Some(value)) = (self.head.get(field), row.and_then(|row| row.get(field))) else {
            return self.at(place, problem.to_owned());
        };
        let shown: String = value.chars().take(SHOWN).collect();
        let more = if shown.len() < value.len() { ".." } else { "" };
        let blanks = match value.trim() == value {
            true => "",
            false => "; the blanks are a part of it, so leave them out",
        };
        self.at(place, format!("field `{name}` is `{shown}{more}`: {problem}{blanks}"))
    }

    fn no_column(&self, name: &str) -> String {
        let columns: Vec<String> = self.head.iter().map(|column| format!("`{column}`")).collect();
        format!("no column `{name}` in the head, which has {}", columns.join(", "))
    }

    /// A head of one name that looks like several, as long as the window begins with it.
    fn find_other_separator(&self) -> Option<BadRow> {
        let only = self.head.get(0).filter(|_| self.head.len() == 1)?;
        let separator = only.chars().find(|c| [';', '\t', '|'].contains(c))?;
        let place = self.window().text().iter().position(|byte| char::from(*byte) == separator)?;
        let shown = if separator == '\t' { "a tab".to_owned() } else { format!("`{separator}`") };
        Some(self.at(place, format!("{shown} does not separate fields: write a comma, here and in each row")))
    }

    /// The quote that this row opens and the file does not close.
    fn open_quote(&self) -> Option<BadRow> {
        let message = "this quote is never closed: write another `\"` behind the value, and two for one that belongs to it";
        let place = self.window().is_last().then(|| self.places().open_quote)??;
        Some(self.at(place, message.to_owned()))
    }

    /// The row's own places, in the window.
    fn places(&self) -> Row {
        Row::read(self.window().text())
    }

    fn at(&self, place: usize, message: String) -> BadRow {
        let (line, column) = self.window().place(place);
        BadRow { line, column, message }
    }

    fn window(&self) -> &Window<R> {
        self.reader.get_ref()
    }
}

/// The name in serde's message for a field that no column has.
fn missing_column(kind: &DeserializeErrorKind) -> Option<&str> {
    let DeserializeErrorKind::Message(message) = kind else { return None };
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// Where a row and its fields begin in a text that begins with it: what the reader forgets. Read as the reader reads them,
/// and only when there is something to tell.
#[derive(Debug)]
struct Row {
    begin: usize,
    fields: Vec<usize>,
    /// The place of a quote that is open at the end of the file.
    open_quote: Option<usize>,
}

/// Where in a row a byte stands.
#[derive(Clone, Copy)]
enum State {
    FieldBegins,
    Bare,
    /// Behind this quote.
    Quoted(usize),
    /// Behind a quote inside of quotes: their end, or the first of two.
    MaybeClosed(usize),
}

impl Row {
    fn read(text: &[u8]) -> Self {
        // The reader's rows begin with the line ends that it has passed over.
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let begin = text.iter().take_while(|byte| is_end(byte)).count();
        let (mut fields, mut state) = (vec![begin], State::FieldBegins);
        for (at, byte) in text.iter().enumerate().skip(begin) {
            state = match (state, byte) {
                (State::Quoted(quote), b'"') => State::MaybeClosed(quote),
                (State::MaybeClosed(quote), b'"') | (State::Quoted(quote), _) => State::Quoted(quote),
                (State::FieldBegins, b'"') => State::Quoted(at),
                (_, b',') => {
                    fields.push(at + 1);
                    State::FieldBegins
                }
                (_, byte) if is_end(byte) => return Self { begin, fields, open_quote: None },
                _ => State::Bare,
            };
        }
        let open_quote = if let State::Quoted(quote) = state { Some(quote) } else { None };
        Self { begin, fields, open_quote }
    }

    fn field(&self, n: usize) -> usize {
        self.fields.get(n).copied().unwrap_or(self.begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Person {
        name: String,
        age: u8,
    }

    fn read(text: &str) -> Result<Vec<(String, u8)>, String> {
        let rows: Result<Vec<_>, BadRow> = Table::<Person, _>::new(text.as_bytes()).collect();
        let told = |bad: BadRow| format!("{}:{}: {}", bad.line, bad.column, bad.message);
        rows.map(|rows| rows.into_iter().map(|row| (row.name, row.age)).collect()).map_err(told)
    }

    #[test]
    fn blanks_belong_to_a_value_and_not_to_a_name() {
        assert_eq!(read(" age , name\n7, Ann \n"), Ok(vec![(" Ann ".to_owned(), 7)]));
        let blanks = "field `age` is ` 7`: invalid digit found in string; the blanks are a part of it, so leave them out";
        assert_eq!(read("name,age\nAnn, 7\n"), Err(format!("2:5: {blanks}")));
    }

    #[test]
    fn a_bad_value_is_found_by_line_and_character() {
        let old = "field `age` is `old`: invalid digit found in string";
        for (text, place) in [
            ("name,age\nAnn,7\nBob,old\n", "3:5"),
            ("name,age\r\nAnn,7\r\n\r\nBob,old\r\n", "4:5"),
            ("name,age\n\"Ann,\n \"\"A.\"\"\",7\n\nŽaneta,\"old\"", "5:8"),
            ("name,age\n\"Ann,\n A.\",old", "3:6"),
        ] {
            assert_eq!(read(text), Err(format!("{place}: {old}")), "{text}");
        }
        let long = read(&format!("name,age\nAnn,{}\n", "9".repeat(50))).unwrap_err();
        assert!(long.contains(&format!("`{}..`", "9".repeat(40))), "{long}");
    }

    #[test]
    fn a_row_of_another_length_is_found_where_it_begins_to_differ() {
        assert_eq!(read("name,age\nAnn\n"), Err("2:1: 1 field, where the head has 2".into()));
        assert_eq!(read("name,age\nAnn,7,8,9\n"), Err("2:7: 4 fields, where the head has 2".into()));
    }

    #[test]
    fn a_missing_column_is_named_at_the_head() {
        let expected = "1:1: no column `age` in the head, which has `name`, `years`";
        assert_eq!(read("name,years\nAnn,7\n"), Err(expected.into()));
    }

    #[test]
    fn a_quote_that_nobody_closes_is_found_where_it_opens() {
        for (text, place) in [
            ("name,age\n\"Ann,7\nBob,9\n", "2:1"),
            ("age,name\n7,Ann\n9,\"Bob\n", "3:3"),
            ("age,name\r\n7,\"Ann\"\"\r\n9,Bob\r\n", "2:3"),
            ("name,\"age\nAnn,7\n", "1:6"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.starts_with(&format!("{place}: this quote is never closed")), "{text}: {told}");
        }
        assert_eq!(
            read("age,name\n7,A\"nn\n9,\"\"\"Bob\"\"\""),
            Ok(vec![("A\"nn".into(), 7), ("\"Bob\"".into(), 9)])
        );
    }

    #[test]
    fn another_separator_is_told_to_be_a_comma() {
        for (text, told) in [
            ("name;age\nAnn;7\n", "1:5: `;` does not separate fields: write a comma, here and in each row"),
            (
                "name\tage\nAnn\t7\n",
                "1:5: a tab does not separate fields: write a comma, here and in each row",
            ),
            ("name;age\nAnn;7,5\n", "1:5: `;` does not separate fields: write a comma, here and in each row"),
        ] {
            assert_eq!(read(text), Err(told.into()));
        }
    }

    #[test]
    fn another_encoding_is_told_to_be_utf_8() {
        let bad = |text: &[u8]| Table::<Person, _>::new(text).find_map(Result::err).unwrap();
        let told = bad(b"age,name\n7,Jos\xe9\n");
        assert_eq!((told.line, told.column, told.message.contains("not UTF-8")), (2, 3, true));
        assert!(bad(b"name,\xe9\nAnn,7\n").message.contains("not UTF-8"));
    }

    #[test]
    fn a_head_alone_has_no_rows() {
        assert_eq!((read("name,age\n"), read(""), read("\n\n")), (Ok(vec![]), Ok(vec![]), Ok(vec![])));
    }
}
