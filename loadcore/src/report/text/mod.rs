//! The end summary, shaped like k6's: thresholds, checks, metrics by section, then what k6 has no room for: requests by
//! group and name, what an iteration's latency is made of, errors by place, and whether the generator kept up.

mod iterations;
mod page;
mod totals;

use super::{Report, format};
use crate::metric::{Contains, GROUP_DURATION, ITERATION_FAILED, Kind, Metric, MetricDesc, Selector, Stats};
use crate::protocol::http::{HTTP_REQ_DURATION, HTTP_REQ_FAILED, HTTP_REQS};
use crate::run::Ruling;
use crate::verdict::{Aborted, Soundness, Threshold};
use console::Style;
use page::Page;
use std::collections::BTreeSet;
use std::time::Duration;

/// Rows of a table beyond which the rest is only counted.
const MOST_ROWS: usize = 40;

pub(super) fn summary(report: &Report, colour: bool, width: usize) -> String {
    let mut page = Page { text: String::new(), colour, width };
    thresholds(&mut page, report);
    totals::totals(&mut page, report);
    iterations::iterations(&mut page, report);
    requests(&mut page, report);
    groups(&mut page, report);
    errors(&mut page, report);
    generator(&mut page, report);
    page.text
}

fn thresholds(page: &mut Page, report: &Report) {
    if report.thresholds.is_empty() {
        return;
    }
    page.title("THRESHOLDS");
    let mut last = String::new();
    for result in &report.thresholds {
        let selector = result.threshold.selector().to_string();
        if selector != last {
            page.line(format!("    {selector}"));
            last = selector;
        }
        let observed = match result.observed {
            None => page.paint(Style::new().yellow(), "no data"),
            Some(value) => format!("{}={}", result.threshold.aggregation(), number(&result.threshold, value)),
        };
        let (mark, expression) = (page.mark(result.ok), result.threshold.expression());
        let mut line = format!("    {mark} '{expression}' {observed}");
        if let Some(aborted) = &report.run.aborted_by
            && aborted.threshold == result.threshold
        {
            let told = format!("  aborted the test after {}", format::time(millis(aborted.at)));
            line.push_str(&page.paint(Style::new().red(), &told));
        }
        page.line(line);
    }
}

/// A threshold's number, in its metric's unit.
fn number(threshold: &Threshold, value: f64) -> String {
    let metric = threshold.metric();
    match (metric.kind, metric.contains) {
        (Kind::Rate, _) => format::percent(value),
        // As exact as the bound it is compared with.
        (_, Contains::Data) => format!("{value}"),
        (_, contains) => format::value(value, contains),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Which threshold has ended the test, when, and by what.
pub(super) fn abort_line(Aborted { threshold, observed, at, .. }: &Aborted) -> String {
    let (at, number) = (format::time(millis(*at)), number(threshold, *observed));
    format!("threshold `{threshold}` aborted the test after {at}, at {}={number}", threshold.aggregation())
}

/// What a journey has decided, and how often.
fn ruling_line(what: &str, ruling: &Ruling) -> String {
    let after = format::time(millis(ruling.at));
    let often = if ruling.count > 1 { format!(", {} times", ruling.count) } else { String::new() };
    format!("  {what} by a journey after {after}{often}: {ruling}")
}

/// Requests by group and name: what k6 shows only for thresholds that name them.
fn requests(page: &mut Page, report: &Report) {
    let keys: BTreeSet<[String; 3]> = report
        .aggregate
        .series(HTTP_REQS.name())
        .iter()
        .map(|series| ["group", "method", "name"].map(|key| series.tag(key).unwrap_or("").to_owned()))
        .collect();
    if keys.is_empty() {
        return;
    }
    page.title("REQUESTS");
    let select = |desc: MetricDesc, [group, method, name]: &[String; 3]| {
        let all = Selector::all_of(desc).with_tag("group", group);
        report.aggregate.stats(&all.with_tag("method", method).with_tag("name", name), &[50.0, 95.0, 99.0])
    };
    let rows: Vec<Vec<String>> = keys
        .iter()
        .take(MOST_ROWS)
        .map(|key| {
            let mut row = vec![format!("{} {} {}", key[0], key[1], key[2]).trim_start().to_owned()];
            if let Stats::Counter { count, rate, .. } = select(HTTP_REQS.desc(), key) {
                row.extend([format!("{count}"), format!("{rate:.1}/s")]);
            }
            if let Stats::Rate { rate, .. } = select(HTTP_REQ_FAILED.desc(), key) {
                row.push(format::percent(rate));
            }
            row.extend(trend_cells(&select(HTTP_REQ_DURATION.desc(), key)));
            row
        })
        .collect();
    page.table(&["request", "count", "rate", "failed", "med", "p(95)", "p(99)", "max"], &rows, keys.len());
}

fn groups(page: &mut Page, report: &Report) {
    let series = report.aggregate.series(GROUP_DURATION.name());
    if series.is_empty() {
        return;
    }
    page.title("GROUPS");
    let paths: BTreeSet<String> =
        series.iter().map(|series| series.tag("group").unwrap_or("").to_owned()).collect();
    let total = paths.len();
    let rows: Vec<Vec<String>> = paths
        .into_iter()
        .take(MOST_ROWS)
        .map(|path| {
            let selector = Selector::all_of(GROUP_DURATION.desc()).with_tag("group", &path);
            let stats = report.aggregate.stats(&selector, &[50.0, 95.0, 99.0]);
            let count = if let Stats::Trend { count, .. } = stats { count } else { 0 };
            let mut row = vec![path, count.to_string()];
            row.extend(trend_cells(&stats));
            row
        })
        .collect();
    page.table(&["group", "count", "med", "p(95)", "p(99)", "max"], &rows, total);
}

/// Median, p(95), p(99) and maximum of a trend that was asked for those three percentiles.
fn trend_cells(stats: &Stats) -> Vec<String> {
    match stats {
        Stats::Trend { max, percentiles, .. } => {
            let values = percentiles.iter().chain([max]);
            values.map(|value| format::value(*value, Contains::Time)).collect()
        }
        _ => vec![String::new(); 4],
    }
}

fn errors(page: &mut Page, report: &Report) {
    let errors = report.errors();
    if errors.is_empty() {
        return;
    }
    page.title("ERRORS");
    for error in errors.iter().take(MOST_ROWS) {
        let count = page.paint(Style::new().red(), &format!("{}×", error.count));
        page.line(format!("    {count} {} at {}", error.kind, error.place));
        let first = error.first.lines().next().unwrap_or("");
        page.line(format!("       {}", page.faint(&format!("first: {first}"))));
    }
    if errors.len() > MOST_ROWS {
        page.line(format!("    .. and {} more places: see --summary-export", errors.len() - MOST_ROWS));
    }
    // Failed iterations change the exit code only through a threshold.
    let failed = report.rate(ITERATION_FAILED);
    if failed > 0.01 {
        let warning = format!("{} of all iterations failed", format::percent(failed));
        page.line(format!("\n    {}", page.paint(Style::new().yellow(), &warning)));
    }
}

fn generator(page: &mut Page, report: &Report) {
    let verdict = &report.generator.verdict;
    let style = match verdict {
        Soundness::Sound => Style::new().green(),
        Soundness::Suspect => Style::new().yellow(),
        Soundness::Invalid => Style::new().red(),
    };
    let verdict = page.paint(style.bold(), &verdict.to_string());
    page.gap();
    page.line(format!("  █ GENERATOR {verdict}"));
    for reason in &report.generator.reasons {
        page.line(format!("    - {reason}"));
    }
    let run = &report.run;
    let took = format::time(millis(run.duration));
    page.line(format!("\n  {}", page.faint(&format!("run {} took {took}, seed {}", run.id, run.seed))));
    for warning in &run.warnings {
        page.line(page.paint(Style::new().red().bold(), &format!("  {warning}")));
    }
    if run.interrupted {
        page.line(page.paint(Style::new().yellow(), "  interrupted by a signal"));
    }
    if let Some(aborted) = &run.aborted_by {
        page.line(page.paint(Style::new().red(), &format!("  {}", abort_line(aborted))));
    }
    if let Some(ruling) = &run.aborted {
        page.line(page.paint(Style::new().red(), &ruling_line("aborted", ruling)));
    }
    if let Some(ruling) = &run.failed {
        page.line(page.paint(Style::new().red(), &ruling_line("marked as failed", ruling)));
    }
    for error in &run.teardown_errors {
        page.line(page.paint(Style::new().red(), &format!("  {error}")));
    }
}
