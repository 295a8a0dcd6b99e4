//! Thresholds of the options file, which are text or tables.

use super::{Key, Reader, Value, entries, items};
use crate::cli::options::Said;
use crate::cli::values::{self, Parsed};
use toml::de::{DeTable, DeValue};

/// Keys of a threshold that is more than a condition.
const THRESHOLD_KEYS: [&str; 3] = ["threshold", "abort_on_fail", "delay_abort_eval"];

impl Reader<'_> {
    /// A table of selectors, each with a condition, a table, or an array of both.
    pub(super) fn thresholds(&mut self, key: &Key<'_>, value: &Value<'_>) -> Vec<Said<String>> {
        let example = "http_req_duration = \"p(95)<500\"";
        let Some(table) = self.table(key, value, example) else { return Vec::new() };
        let mut texts = Vec::new();
        for (selector, value) in entries(table) {
            for item in items(value) {
                let condition = match item.get_ref() {
                    DeValue::Table(table) => self.threshold_table(selector, item, table),
                    _ => self.parsed(selector.get_ref(), item, |text| Ok(text.to_owned())),
                };
                let place = self.place(item.span());
                let text = condition.map(|condition| format!("{}: {condition}", selector.get_ref()));
                texts.extend(text.map(|text| Said::new(text, place)));
            }
        }
        texts
    }

    /// `{ threshold = "p(95)<500", abort_on_fail = true, delay_abort_eval = "10s" }` as text.
    fn threshold_table(
        &mut self,
        selector: &Key<'_>,
        item: &Value<'_>,
        table: &DeTable<'_>,
    ) -> Option<String> {
        let (mut condition, mut aborts, mut delay) = (None, false, None);
        for (key, value) in entries(table) {
            let place = format!("{}.{}", selector.get_ref(), key.get_ref());
            match &**key.get_ref() {
                "threshold" => condition = self.parsed(&place, value, |text| Ok(text.to_owned())),
                "abort_on_fail" => aborts = self.parsed(&place, value, values::truth)?,
                "delay_abort_eval" => {
                    delay = Some((self.parsed(&place, value, duration_text)?, key.span()));
                }
                _ => self.unknown(key, "part of a threshold named", &THRESHOLD_KEYS),
            }
        }
        if let Some((_, span)) = delay.as_ref().filter(|_| !aborts) {
            self.problem(span.clone(), "`delay_abort_eval` does nothing alone: add abort_on_fail = true");
        }
        let Some(mut text) = condition else {
            self.problem(item.span(), "the condition is missing: add threshold = \"p(95)<500\"");
            return None;
        };
        if aborts {
            text.push_str(" abort_on_fail");
            text.extend(delay.map(|(delay, _)| format!(" delay_abort_eval={delay}")));
        }
        Some(text)
    }
}

fn duration_text(text: &str) -> Parsed<String> {
    crate::plan::parse_duration(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}
