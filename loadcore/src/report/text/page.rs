//! Text in the making: titles, tables, colours.

use console::Style;
use std::fmt::Write as _;

/// Text in the making. Writing into a string cannot fail.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) colour: bool,
    /// The columns that there are.
    pub(super) width: usize,
}

impl Page {
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// A line of cells behind its head; those that do not fit go on below the first one.
    pub(super) fn cells(&mut self, head: &str, cells: &[String]) {
        let indent = console::measure_text_width(head);
        let (mut line, mut used, mut is_first) = (head.to_owned(), indent, true);
        for cell in cells {
            let width = console::measure_text_width(cell.trim_end());
            if !is_first && used + 1 + width > self.width {
                self.line(line.trim_end());
                (line, used, is_first) = (" ".repeat(indent), indent, true);
            }
            if !is_first {
                line.push(' ');
                used += 1;
            }
            line.push_str(cell);
            used += console::measure_text_width(cell);
            is_first = false;
        }
        self.line(line.trim_end());
    }

    /// One empty line, unless there is one already.
    pub(super) fn gap(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn title(&mut self, title: &str) {
        self.gap();
        self.line(format!("  █ {}\n", self.paint(Style::new().bold(), title)));
    }

    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    pub(super) fn mark(&self, ok: bool) -> String {
        if ok { self.paint(Style::new().green(), "✓") } else { self.paint(Style::new().red(), "✗") }
    }

    pub(super) fn faint(&self, text: &str) -> String {
        self.paint(Style::new().dim(), text)
    }

    /// Rows with aligned columns: the first to the left, the others to the right. A row of a single cell is a line of text.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>], total: usize) {
        let width = |column: usize| {
            let rows = rows.iter().filter(|row| row.len() > 1);
            let cells = rows.map(|row| console::measure_text_width(&row[column]));
            cells.chain([head[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let render = |cells: &[&str]| {
            let mut line = String::from("    ");
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let pad = " ".repeat(width.saturating_sub(console::measure_text_width(cell)));
                let _ = if column == 0 { write!(line, "{cell}{pad}") } else { write!(line, "  {pad}{cell}") };
            }
            line.trim_end().to_owned()
        };
        let head = self.faint(&render(head));
        self.line(head);
        for row in rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            self.line(render(&cells));
        }
        if total > rows.len() {
            self.line(format!("    .. and {} more: see --summary-export", total - rows.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_do_not_fit_go_on_below_the_first_one() {
        let shown = |width: usize| {
            let mut page = Page { text: String::new(), colour: false, width };
            page.cells("name: ", &["avg=1   ", "med=2   ", "max=3   "].map(str::to_owned));
            page.text
        };
        assert_eq!(shown(usize::MAX), "name: avg=1    med=2    max=3\n");
        assert_eq!(shown(29), shown(usize::MAX));
        assert_eq!(shown(28), "name: avg=1    med=2\n      max=3\n");
        assert_eq!(shown(3), "name: avg=1\n      med=2\n      max=3\n");
    }
}
