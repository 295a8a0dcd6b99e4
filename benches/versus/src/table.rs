//! A table in Markdown, aligned so that it reads well in a terminal, too.

/// Rows of as many cells as the heading has; the first column is to the left, the others to the right.
#[derive(Debug)]
pub(crate) struct Table {
    heading: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<String>),
    /// A name, and a remark in place of the figures.
    Remark(String, String),
}

impl Table {
    pub(crate) fn new<T: Into<String>>(heading: impl IntoIterator<Item = T>) -> Self {
        Self { heading: heading.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row::Cells(cells));
    }

    pub(crate) fn remark(&mut self, name: impl Into<String>, remark: impl Into<String>) {
        self.rows.push(Row::Remark(name.into(), remark.into()));
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heading.iter().map(|cell| cell.chars().count()).collect();
        for row in &self.rows {
            let cells = match row {
                Row::Cells(cells) => cells.as_slice(),
                Row::Remark(name, _) => std::slice::from_ref(name),
            };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths = self.widths();
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 => format!(" {cell:<width$} |"),
                _ => format!(" {cell:>width$} |"),
            });
            format!("|{}", cells.collect::<String>())
        };
        writeln!(f, "{}", line(&self.heading))?;
        let rules = widths.iter().enumerate().map(|(column, &width)| match column {
            0 => format!("{}|", "-".repeat(width + 2)),
            _ => format!("{}:|", "-".repeat(width + 1)),
        });
        writeln!(f, "|{}", rules.collect::<String>())?;
        for row in &self.rows {
            match row {
                Row::Cells(cells) => writeln!(f, "{}", line(cells))?,
                Row::Remark(name, remark) => {
                    let empty = " |".repeat(widths.len().saturating_sub(2));
                    writeln!(f, "| {name:<width$} | {remark} |{empty}", width = widths[0])?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_markdown() {
        let mut table = Table::new(["client", "µs", "MiB"]);
        table.row(vec!["wrk".into(), "8.60".into(), "5".into()]);
        table.remark("k6", "not installed");
        let expected = "| client |   µs | MiB |\n|--------|-----:|----:|\n\
                        | wrk    | 8.60 |   5 |\n| k6     | not installed | |\n";
        assert_eq!(table.to_string(), expected);
    }
}
