//! The condition of a threshold: `AGGREGATION OPERATOR NUMBER OPTION..`.

use super::{nearest, shown};
use crate::metric::{Contains, Kind, MetricDesc, Selector};
use crate::plan::parse_duration;
use crate::verdict::aggregation::{Aggregation, Comparison};
use crate::verdict::threshold::Threshold;

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

const ABORT: &str = "abort_on_fail";
const DELAY: &str = "delay_abort_eval";
const EMPTY: &str = "allow_empty";

pub(super) fn parse(text: &str, selector: Selector) -> Result<Threshold, String> {
    let earliest = |(operator, comparison): &(&'static str, Comparison)| {
        text.find(operator).map(|at| (at, *operator, *comparison))
    };
    // Of several at one place the longest comes first in the list, and `min_by_key` keeps the first.
    let found = OPERATORS.iter().filter_map(earliest).min_by_key(|(at, ..)| *at);
    let (at, operator, comparison) =
        found.ok_or_else(|| format!("`{}` has no comparison: write one of < <= > >= == !=", shown(text)))?;
    let aggregation = parse_aggregation(text[..at].trim(), &selector.metric)?;
    let mut words = text[at + operator.len()..].split_whitespace();
    let bound = words.next().ok_or_else(|| format!("there is no number behind `{operator}`"))?;
    let bound = parse_bound(bound, &selector.metric)?;
    with_options(Threshold::new(selector, aggregation, comparison, bound), words)
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
        format!("{} is a {kind} and has no `{}`: write one of {allowed}", metric.name, shown(text))
    })
}

fn parse_bound(text: &str, metric: &MetricDesc) -> Result<f64, String> {
    if let Ok(bound) = text.parse() {
        return Ok(bound);
    }
    match (metric.contains, metric.kind) {
        (Contains::Time, _) => match parse_duration(text) {
            Ok(duration) => Ok(duration.as_nanos() as f64 / 1e6),
            Err(_) => Err(format!(
                "`{}` is no time: write a number of milliseconds, or one with its unit such as 500ms or 1.5s",
                shown(text)
            )),
        },
        (_, Kind::Rate) => Err(format!(
            "`{}` is not a number: a rate lies between 0 and 1, so write 0.01 for one percent",
            shown(text)
        )),
        _ => Err(format!("`{}` is not a number", shown(text))),
    }
}

fn with_options<'a>(
    mut threshold: Threshold,
    words: impl Iterator<Item = &'a str>,
) -> Result<Threshold, String> {
    let mut seen = Vec::new();
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        if seen.contains(&name) {
            return Err(format!("`{}` is written twice", shown(name)));
        }
        seen.push(name);
        threshold = match (name, value) {
            (ABORT, None) => threshold.abort_on_fail(),
            (EMPTY, None) => threshold.allow_empty(),
            (ABORT | EMPTY, Some(_)) => return Err(format!("`{name}` takes no value: write it alone")),
            (DELAY, None | Some("")) => {
                return Err(format!(
                    "`{DELAY}` has no time: write {DELAY}=TIME without blanks, such as {DELAY}=10s"
                ));
            }
            (DELAY, Some(value)) => {
                let delay = parse_duration(value);
                threshold.delay_abort_eval(delay.map_err(|_| {
                    let value = shown(value);
                    format!(
                        "`{DELAY}={value}`: write a time with its unit, such as {DELAY}=10s or {DELAY}=1m30s"
                    )
                })?)
            }
            _ => return Err(unknown_option(word, name)),
        };
    }
    Ok(threshold)
}

fn unknown_option(word: &str, name: &str) -> String {
    let shown = shown(word);
    // k6's own spelling is `abortOnFail`.
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let known = [ABORT, DELAY, EMPTY].map(|name| (name, plain(name)));
    let near = nearest(&plain(name), known.iter().map(|(_, plain)| plain.as_str()));
    match known.iter().find(|(_, plain)| Some(plain.as_str()) == near) {
        Some((near, _)) => format!("`{shown}` is no option of a threshold; did you mean `{near}`?"),
        None => format!(
            "`{shown}` is no option of a threshold: behind the number may stand {ABORT}, {DELAY}=TIME and {EMPTY}"
        ),
    }
}
