//! CSV: a head with the fields' names, then a row a line.

use super::format::BadRow;
use csv::{DeserializeErrorKind, ErrorKind, StringRecord};
use serde::de::DeserializeOwned;

/// More of a value than this does not help to find it.
const SHOWN: usize = 40;

/// Blanks are trimmed off the names alone: of a password they may be a part.
pub(super) fn rows<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, BadRow> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text);
    let table = Table {
        text,
        head: reader.headers().cloned().map_err(|error| Table::without_head(text).bad(&error, None))?,
    };
    let (mut rows, mut row, mut last) = (Vec::new(), StringRecord::new(), 0);
    while reader.read_record(&mut row).map_err(|error| table.bad(&error, None))? {
        rows.push(row.deserialize(Some(&table.head)).map_err(|error| table.bad(&error, Some(&row)))?);
        last = row.position().map_or(last, |position| position.byte() as usize);
    }
    // The reader takes the end of the file for the end of a quote, too.
    table.open_quote(last).map_or(Ok(rows), Err)
}

/// The file and its head: what a mistake is told with.
struct Table<'a> {
    text: &'a [u8],
    head: StringRecord,
}

impl<'a> Table<'a> {
    fn without_head(text: &'a [u8]) -> Self {
        Self { text, head: StringRecord::new() }
    }

    /// The most likely cause of an error, first those that make all that follows look wrong.
    fn bad(&self, error: &csv::Error, row: Option<&StringRecord>) -> BadRow {
        let start = error.position().map_or(0, |position| position.byte() as usize);
        self.other_separator()
            .or_else(|| self.open_quote(start))
            .unwrap_or_else(|| self.said(error, start, row))
    }

    fn said(&self, error: &csv::Error, start: usize, row: Option<&StringRecord>) -> BadRow {
        match error.kind() {
            ErrorKind::Deserialize { err, .. } => {
                let missing =
                    missing_column(err.kind()).filter(|name| !self.head.iter().any(|column| column == *name));
                match (missing, err.field()) {
                    (Some(name), _) => self.at(0, self.no_column(name)),
                    (None, Some(field)) => self.at_field(start, field as usize, row, &err.kind().to_string()),
                    (None, None) => self.at(self.row(start).begin, err.kind().to_string()),
                }
            }
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let fields = if *len == 1 { "field" } else { "fields" };
                // The first that is too many, or the last there is.
                let field = (*len).min(*expected_len + 1).saturating_sub(1) as usize;
                let message = format!("{len} {fields}, where the head has {expected_len}");
                self.at(self.row(start).field(field), message)
            }
            ErrorKind::Utf8 { err, .. } => self.at(
                self.row(start).field(err.field()),
                "this is not UTF-8: save the file in that encoding".to_owned(),
            ),
            _ => self.at(self.row(start).begin, error.to_string()),
        }
    }

    fn at_field(&self, start: usize, field: usize, row: Option<&StringRecord>, problem: &str) -> BadRow {
        let place = self.row(start).field(field);
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

    /// A head of one name that looks like several.
    fn other_separator(&self) -> Option<BadRow> {
        let only = self.head.get(0).filter(|_| self.head.len() == 1)?;
        let separator = only.chars().find(|c| [';', '\t', '|'].contains(c))?;
        let place = self.text.iter().position(|byte| char::from(*byte) == separator)?;
        let shown = if separator == '\t' { "a tab".to_owned() } else { format!("`{separator}`") };
        Some(self.at(place, format!("{shown} does not separate fields: write a comma, here and in each row")))
    }

    /// The quote that the row at `start` opens and the file does not close.
    fn open_quote(&self, start: usize) -> Option<BadRow> {
        let message = "this quote is never closed: write another `\"` behind the value, and two for one that belongs to it";
        self.row(start).open_quote.map(|place| self.at(place, message.to_owned()))
    }

    fn row(&self, start: usize) -> Row {
        Row::read(self.text, start)
    }

    fn at(&self, place: usize, message: String) -> BadRow {
        let before = &self.text[..place.min(self.text.len())];
        let line_begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        BadRow {
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            column: 1 + String::from_utf8_lossy(&before[line_begin..]).chars().count(),
            message,
        }
    }
}

/// The name in serde's message for a field that no column has.
fn missing_column(kind: &DeserializeErrorKind) -> Option<&str> {
    let DeserializeErrorKind::Message(message) = kind else { return None };
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// Where in the file a row and its fields begin: what the reader forgets. Read as the reader reads them, and only when
/// there is something to tell.
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
    fn read(text: &[u8], start: usize) -> Self {
        // The reader's rows begin with the line ends that it has passed over.
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let begin = start + text.iter().skip(start).take_while(|byte| is_end(byte)).count();
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
        let rows: Result<Vec<Person>, BadRow> = rows(text.as_bytes());
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
        let told = rows::<Person>(b"age,name\n7,Jos\xe9\n").unwrap_err();
        assert_eq!((told.line, told.column, told.message.contains("not UTF-8")), (2, 3, true));
        assert!(rows::<Person>(b"name,\xe9\nAnn,7\n").unwrap_err().message.contains("not UTF-8"));
    }

    #[test]
    fn a_head_alone_has_no_rows() {
        assert_eq!((read("name,age\n"), read(""), read("\n\n")), (Ok(vec![]), Ok(vec![]), Ok(vec![])));
    }
}
