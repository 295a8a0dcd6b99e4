//! The formats that rows can be read from.

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
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadRow {
    /// From 1.
    pub(super) line: usize,
    /// From 1: a character in JSON, a field in CSV.
    pub(super) column: usize,
    pub(super) message: String,
}

impl Format {
    pub(super) fn read<T: DeserializeOwned>(self, text: &[u8]) -> Result<Vec<T>, BadRow> {
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        match self {
            Self::Json => serde_json::from_slice(text).map_err(|error| bad_json(&error, error.line())),
            Self::JsonLines => json_lines(text),
            Self::Csv => csv_rows(text),
        }
    }
}

fn bad_json(error: &serde_json::Error, line: usize) -> BadRow {
    let text = error.to_string();
    // The place is said in front of the message already.
    let message = text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned());
    // serde counts an empty file's columns from 0.
    BadRow { line, column: error.column().max(1), message }
}

fn json_lines<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, BadRow> {
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| serde_json::from_slice(line).map_err(|error| bad_json(&error, index + 1)))
        .collect()
}

fn csv_rows<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, BadRow> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let head = reader.headers().cloned().unwrap_or_default();
    reader.deserialize().map(|row| row.map_err(|error| bad_csv(&error, &head))).collect()
}

fn bad_csv(error: &csv::Error, head: &csv::StringRecord) -> BadRow {
    let line = error.position().map_or(1, |position| position.line() as usize);
    let (column, message) = match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let field = err.field().unwrap_or(0) as usize;
            let name = head.get(field).map(|name| format!("field `{name}`: ")).unwrap_or_default();
            (field + 1, format!("{name}{}", err.kind()))
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            (*len as usize, format!("{len} fields, where the head has {expected_len}"))
        }
        _ => (1, error.to_string()),
    };
    BadRow { line, column, message }
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
        let csv = "age,name\n7,\"Ann, A.\"\n9, Bob\n";
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
    fn a_bad_row_is_found_by_line_and_column() {
        let bad = |format, text| {
            let row = read(format, text).unwrap_err();
            format!("{}:{}: {}", row.line, row.column, row.message)
        };
        let lines = "{\"name\":\"Ann\",\"age\":7}\n{\"name\":\"Bob\",\"age\":-1}\n";
        assert_eq!(bad(Format::JsonLines, lines), "2:22: invalid value: integer `-1`, expected u8");
        assert_eq!(
            bad(Format::Csv, "name,age\nAnn,7\nBob,old\n"),
            "3:2: field `age`: invalid digit found in string"
        );
        assert_eq!(bad(Format::Csv, "name,age\nAnn\n"), "2:1: 1 fields, where the head has 2");
        assert!(bad(Format::Csv, "name\nAnn\n").contains("missing field `age`"));
    }
}
