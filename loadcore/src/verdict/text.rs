//! Thresholds as text, in k6's grammar: `http_req_duration{scenario:checkout}: p(95)<500`.

use super::threshold::{Aggregation, Comparison, Threshold, ThresholdError};
use crate::metric::{Contains, Kind, MetricDesc, Selector};
use crate::plan::parse_duration;

/// Longest first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Comparison); 7] = [
    ("===", Comparison::Equal),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

/// Reads `METRIC{TAG:VALUE,..}: AGGREGATION OPERATOR NUMBER`; the tags may be left out.
///
/// Times are in milliseconds, as in k6, or written with their unit (`500ms`). `known` are the metrics of the test.
pub(crate) fn parse_threshold(text: &str, known: &[MetricDesc]) -> Result<Threshold, ThresholdError> {
    let error = |problem: String| ThresholdError::Text { text: text.to_owned(), problem };
    let (selector, expression) = split(text).ok_or_else(|| {
        error(
            "write METRIC: CONDITION or METRIC{TAG:VALUE}: CONDITION, such as http_req_duration: p(95)<500"
                .into(),
        )
    })?;
    let selector = parse_selector(selector, known).map_err(error)?;
    let (aggregation, comparison, bound) = parse_expression(expression, &selector.metric).map_err(error)?;
    let threshold = Threshold::new(selector, aggregation, comparison, bound);
    threshold.validate()?;
    Ok(threshold)
}

/// The series and the condition; tag values may hold colons themselves, as `group:::User Login` does.
fn split(text: &str) -> Option<(&str, &str)> {
    let selector_end = match (text.find('{'), text.find(':')) {
        (Some(open), colon) if colon.is_none_or(|colon| open < colon) => text.rfind('}')? + 1,
        _ => text.find(':')?,
    };
    let (selector, rest) = text.split_at(selector_end);
    let expression = rest.trim_start().strip_prefix(':')?.trim();
    (!expression.is_empty()).then_some((selector.trim(), expression))
}

fn parse_selector(text: &str, known: &[MetricDesc]) -> Result<Selector, String> {
    let (name, tags) = match text.split_once('{') {
        Some((name, tags)) => (name.trim(), tags.strip_suffix('}').unwrap_or(tags)),
        None => (text, ""),
    };
    let metric = known.iter().find(|desc| desc.name == name).ok_or_else(|| unknown_metric(name, known))?;
    let mut selector = Selector::all_of(metric.clone());
    if text.contains('{') && tags.trim().is_empty() {
        return Err("there is no tag between the braces: write {TAG:VALUE}, or leave them out".to_owned());
    }
    for tag in tags.split(',').filter(|_| !tags.is_empty()) {
        let (key, value) = tag.split_once(':').ok_or_else(|| format!("`{}` is no TAG:VALUE", tag.trim()))?;
        let (key, value) = (unquoted(key), unquoted(value));
        if key.is_empty() || value.is_empty() {
            return Err(format!("`{}` is no TAG:VALUE", tag.trim()));
        }
        selector = selector.with_tag(key, value);
    }
    Ok(selector)
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}

fn unknown_metric(name: &str, known: &[MetricDesc]) -> String {
    let nearest = known.iter().min_by_key(|desc| distance(name, &desc.name));
    match nearest {
        Some(desc) if distance(name, &desc.name) <= 3 => {
            format!("no metric is named `{name}`; did you mean `{}`?", desc.name)
        }
        _ => {
            let names: Vec<&str> = known.iter().map(|desc| &*desc.name).collect();
            format!("no metric is named `{name}`; there are: {}", names.join(", "))
        }
    }
}

/// How many letters differ (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

fn parse_expression(text: &str, metric: &MetricDesc) -> Result<(Aggregation, Comparison, f64), String> {
    let earliest = |(operator, comparison): &(&'static str, Comparison)| {
        text.find(operator).map(|at| (at, *operator, *comparison))
    };
    // Of several at one place the longest comes first in the list, and `min_by_key` keeps the first.
    let found = OPERATORS.iter().filter_map(earliest).min_by_key(|(at, ..)| *at);
    let (at, operator, comparison) =
        found.ok_or_else(|| format!("`{text}` has no comparison: write one of < <= > >= == !="))?;
    let aggregation = parse_aggregation(text[..at].trim(), metric)?;
    let bound = parse_bound(text[at + operator.len()..].trim(), metric)?;
    Ok((aggregation, comparison, bound))
}

fn parse_aggregation(text: &str, metric: &MetricDesc) -> Result<Aggregation, String> {
    let percentile =
        |text: &str| text.strip_prefix("p(")?.strip_suffix(')')?.parse().ok().map(Aggregation::P);
    let parsed = match (metric.kind, text) {
        (Kind::Counter, "count") => Some(Aggregation::Count),
        (Kind::Counter | Kind::Rate, "rate") => Some(Aggregation::Rate),
        (Kind::Gauge, "value") => Some(Aggregation::Value),
        (Kind::Trend, "avg") => Some(Aggregation::Avg),
        (Kind::Trend, "min") => Some(Aggregation::Min),
        (Kind::Trend, "med") => Some(Aggregation::Med),
        (Kind::Trend, "max") => Some(Aggregation::Max),
        (Kind::Trend, text) => percentile(text),
        _ => None,
    };
    parsed.ok_or_else(|| {
        let (kind, allowed) = match metric.kind {
            Kind::Counter => ("counter", "count, rate"),
            Kind::Rate => ("rate", "rate"),
            Kind::Gauge => ("gauge", "value"),
            Kind::Trend => ("trend", "avg, min, med, max, p(N)"),
        };
        format!("{} is a {kind} and has no `{text}`: write one of {allowed}", metric.name)
    })
}

fn parse_bound(text: &str, metric: &MetricDesc) -> Result<f64, String> {
    if let Ok(bound) = text.parse() {
        return Ok(bound);
    }
    if metric.contains == Contains::Time {
        let duration =
            parse_duration(text).map_err(|error| format!("{error}, or a number of milliseconds"))?;
        return Ok(duration.as_nanos() as f64 / 1e6);
    }
    Err(format!("`{text}` is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::builtin;

    fn parse(text: &str) -> Result<String, String> {
        parse_threshold(text, &builtin::all()).map(|t| t.to_string()).map_err(|error| error.to_string())
    }

    /// What k6 2.2 accepts, read back in its normal form.
    #[test]
    fn the_golden_expressions_are_read() {
        for (text, want) in [
            ("iterations:count>20", "iterations: count>20"),
            ("checks: rate >= 0.01", "checks: rate>=0.01"),
            ("iteration_duration: p(99.9) < 500", "iteration_duration: p(99.9)<500"),
            ("iteration_duration: p(0)<=1e3", "iteration_duration: p(0)<=1000"),
            ("iteration_duration: med<1.5s", "iteration_duration: med<1500"),
            ("iterations: count == 3", "iterations: count==3"),
            ("iterations: count === 3", "iterations: count==3"),
            ("iterations: count!=3", "iterations: count!=3"),
            ("vus: value<10", "vus: value<10"),
            ("checks{group:::User Login}: rate>0.9", "checks{group:::User Login}: rate>0.9"),
            (
                "checks{ scenario : 'a b' , check:\"x: y\" }: rate>0.9",
                "checks{scenario:a b,check:x: y}: rate>0.9",
            ),
            (
                "iteration_duration{name:http://${}.com}: avg<1",
                "iteration_duration{name:http://${}.com}: avg<1",
            ),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_k6_refuses_is_refused_with_a_way_out() {
        for (text, want) in [
            ("", "write METRIC: CONDITION"),
            ("checks", "write METRIC: CONDITION"),
            ("checks: ", "write METRIC: CONDITION"),
            ("checks{group:a: rate>1", "write METRIC: CONDITION"),
            ("checks{}: rate>1", "no tag between the braces"),
            ("checks{easyas}: rate>1", "`easyas` is no TAG:VALUE"),
            ("checks{easyas:}: rate>1", "is no TAG:VALUE"),
            ("chekcs: rate>1", "did you mean `checks`?"),
            ("http_nothing_like_it: rate>1", "there are: vus"),
            ("checks: count>1", "checks is a rate and has no `count`: write one of rate"),
            ("iteration_duration: rate<1", "write one of avg, min, med, max, p(N)"),
            ("iteration_duration: p(95<1", "has no `p(95`"),
            ("iteration_duration: p(foo)<1", "has no `p(foo)`"),
            ("iteration_duration: p(101)<1", "between 0 and 100"),
            ("iteration_duration: p(NaN)<1", "between 0 and 100"),
            ("iteration_duration: p(95)<abc", "or a number of milliseconds"),
            ("iterations: count>abc", "`abc` is not a number"),
            ("iterations: count 20", "has no comparison"),
            ("iterations: foo>20", "has no `foo`: write one of count, rate"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
