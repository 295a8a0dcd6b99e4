//! Thresholds as text, in k6's grammar and a little more:
//! `http_req_duration{scenario:checkout}: p(95)<500 abort_on_fail delay_abort_eval=10s`.

mod condition;
mod selector;
#[cfg(test)]
mod tests;

use super::threshold::{Threshold, ThresholdError};
use crate::metric::MetricDesc;

const FORM: &str =
    "write METRIC: CONDITION or METRIC{TAG:VALUE}: CONDITION, such as http_req_duration: p(95)<500";
/// A longer text is shown in part.
const MOST_SHOWN: usize = 200;

/// Reads `METRIC{TAG:VALUE,..}: AGGREGATION OPERATOR NUMBER OPTION..`; tags and options may be left out.
///
/// Times are in milliseconds, as in k6, or written with their unit (`500ms`). A key or value with a comma, or one that
/// begins or ends with a blank, is written in quotes, and a quote in quotes twice. The options are `abort_on_fail`,
/// `delay_abort_eval=TIME` and `allow_empty`. `known` are the metrics of the test.
///
/// What a [`Threshold`] prints reads back as the same.
pub(crate) fn parse_threshold(text: &str, known: &[MetricDesc]) -> Result<Threshold, ThresholdError> {
    let read = || {
        let (series, condition) = split(text)?;
        condition::parse(condition, selector::parse(series, known)?)
    };
    let threshold = read().map_err(|problem| ThresholdError::Text { text: shown(text), problem })?;
    threshold.validate()?;
    Ok(threshold)
}

/// Refuses a threshold about a scenario that nobody knows, which could only ever find no data. An empty name means what
/// belongs to none.
pub(crate) fn check_scenario(
    text: &str,
    threshold: &Threshold,
    scenarios: &[&str],
) -> Result<(), ThresholdError> {
    let Some(name) = threshold.selector().tag("scenario") else { return Ok(()) };
    if name.is_empty() || scenarios.contains(&name) {
        return Ok(());
    }
    let name_shown = shown(name);
    let problem = match nearest(name, scenarios.iter().copied()) {
        Some(near) => format!("no scenario is named `{name_shown}`; did you mean `{near}`?"),
        None => format!("no scenario is named `{name_shown}`; there are: {}", scenarios.join(", ")),
    };
    Err(ThresholdError::Text { text: shown(text), problem })
}

/// The series and the condition; tag values may hold colons and braces themselves, as `group:::User Login` does.
fn split(text: &str) -> Result<(&str, &str), String> {
    let (open, colon) = (text.find('{'), text.find(':'));
    let end = match (open, colon) {
        (Some(open), colon) if colon.is_none_or(|colon| open < colon) => {
            let close = text.rfind('}').filter(|close| *close > open);
            close.ok_or("the brace is never closed: write METRIC{TAG:VALUE}: CONDITION")? + 1
        }
        (_, Some(colon)) => colon,
        (_, None) => return Err(FORM.to_owned()),
    };
    let (series, rest) = text.split_at(end);
    match rest.trim_start().strip_prefix(':').map(str::trim) {
        Some("") | None => Err(FORM.to_owned()),
        Some(condition) => Ok((series.trim(), condition)),
    }
}

/// What was written, as a message can show it: on one line, and of a sensible length.
fn shown(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let mut shown: String = text.chars().take(MOST_SHOWN).map(escape).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The word of `known` that was most likely meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 140;
    // Nobody mistypes a name as a page of text, and comparing one would take its time.
    if word.len() > LONGEST {
        return None;
    }
    let wrong = |known: &&str| strsim::damerau_levenshtein(word, known);
    known.into_iter().min_by_key(wrong).filter(|known| wrong(known) <= 3.min(known.len() / 2))
}
