//! The formats that rows can be read from.

use super::table::Table;
use serde::de::DeserializeOwned;

/// How a file's rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One array.
    Json,
    /// One value a line.
    JsonLines,
    /// A head with the fields' names, then a row a line.
    Csv,
}

/// A row that does not fit, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadRow {
    /// From 1.
    pub(super) line: usize,
    /// From 1.
    pub(super) column: usize,
    pub(super) message: String,
}

impl Format {
    pub(super) fn read<T: DeserializeOwned>(self, text: &[u8]) -> Result<Vec<T>, BadRow> {
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        match self {
            Self::Json => json(text),
            Self::JsonLines => json_lines(text),
            Self::Csv => Table::<T, _>::new(text).collect(),
        }
    }
}

/// What serde says of a text; `line` is the number of `in_file`, the line that it is about.
pub(super) fn bad_json(error: &serde_json::Error, line: usize, in_file: &[u8]) -> BadRow {
    let text = error.to_string();
    // The place is said in front of the message already.
    let message = text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned());
    // serde counts bytes, and an empty line's from 0.
    let bytes = &in_file[..error.column().min(in_file.len())];
    BadRow { line, column: String::from_utf8_lossy(bytes).chars().count().max(1), message }
}

fn json<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, BadRow> {
    // An empty file is no JSON, but what is wrong with it is that it has no rows.
    if text.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(text).map_err(|error| {
        let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1));
        bad_json(&error, error.line(), line.unwrap_or_default())
    })
}

fn json_lines<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, BadRow> {
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| serde_json::from_slice(line).map_err(|error| bad_json(&error, index + 1, line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Row {
        name: String,
        age: u8,
    }

    fn read(format: Format, text: &str) -> Result<Vec<Row>, BadRow> {
        format.read(text.as_bytes())
    }

    fn rows() -> Vec<Row> {
        vec![Row { name: "Ann, A.".into(), age: 7 }, Row { name: "Bob".into(), age: 9 }]
    }

    #[test]
    fn each_format_gives_the_same_rows() {
        let json = r#"[{"name":"Ann, A.","age":7},{"name":"Bob","age":9}]"#;
        let lines = "{\"name\":\"Ann, A.\",\"age\":7}\r\n\n{\"name\":\"Bob\",\"age\":9}\n";
        let csv = "age,name\n7,\"Ann, A.\"\n9,Bob\n";
        for (format, text) in [(Format::Json, json), (Format::JsonLines, lines), (Format::Csv, csv)] {
            assert_eq!(read(format, text), Ok(rows()), "{format:?}");
            assert_eq!(
                read(format, &format!("\u{feff}{text}")),
                Ok(rows()),
                "{format:?} after a byte order mark"
            );
        }
    }

    #[test]
    fn columns_are_characters() {
        let row = "{\"name\":\"Žaneta\",\"age\":-1}";
        let columns = [(Format::Json, format!("[\n{row}]")), (Format::JsonLines, format!("\n{row}"))];
        assert_eq!(columns.map(|(format, text)| read(format, &text).unwrap_err().column), [25, 25]);
    }

    #[test]
    fn an_empty_file_of_any_format_has_no_rows() {
        for format in [Format::Json, Format::JsonLines, Format::Csv] {
            for text in ["", " \n", "\u{feff}"] {
                // To a CSV reader a line of blanks is a head without a name.
                assert_eq!(read(format, text), Ok(Vec::new()), "{format:?} {text:?}");
            }
        }
    }

    #[test]
    fn a_bad_row_is_found_by_line_and_column() {
        let bad = |format, text| {
            let row = read(format, text).unwrap_err();
            format!("{}:{}: {}", row.line, row.column, row.message)
        };
        let lines = "{\"name\":\"Ann\",\"age\":7}\n{\"name\":\"Bob\",\"age\":-1}\n";
        assert_eq!(bad(Format::JsonLines, lines), "2:22: invalid value: integer `-1`, expected u8");
        let json = "[{\"name\":\"Ann\",\"age\":7},\n {\"name\":\"Bob\",\"age\":-1}]";
        assert_eq!(bad(Format::Json, json), "2:23: invalid value: integer `-1`, expected u8");
        let csv = "name,age\nAnn,7\nBob,old\n";
        assert_eq!(bad(Format::Csv, csv), "3:5: field `age` is `old`: invalid digit found in string");
    }
}
