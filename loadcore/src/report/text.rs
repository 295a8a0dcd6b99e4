//! The end summary, shaped like k6's: thresholds, checks, metrics by section, then what k6 has no room for: requests by
//! group and name, errors by place, and whether the generator kept up.

use super::{CheckResult, Report, format};
use crate::metric::{
    CHECKS, Contains, DROPPED_ITERATIONS, GROUP_DURATION, ITERATION_FAILED, Kind, Metric, MetricDesc,
    Selector, Stats,
};
use crate::protocol::http::{HTTP_REQ_DURATION, HTTP_REQ_FAILED, HTTP_REQS};
use crate::verdict::Soundness;
use console::Style;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The percentiles of a trend's line, after avg, min, med and max.
const PERCENTILES: [f64; 4] = [50.0, 90.0, 95.0, 99.0];
/// The line below `http_req_duration`.
const EXPECTED: &str = "  { expected_response:true }";
/// Rows of a table beyond which the rest is only counted.
const MOST_ROWS: usize = 40;

pub(super) fn summary(report: &Report, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    thresholds(&mut page, report);
    totals(&mut page, report);
    requests(&mut page, report);
    groups(&mut page, report);
    errors(&mut page, report);
    generator(&mut page, report);
    page.text
}

/// Text in the making. Writing into a string cannot fail.
struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// One empty line, unless there is one already.
    fn gap(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn title(&mut self, title: &str) {
        self.gap();
        self.line(format!("  █ {}\n", self.paint(Style::new().bold(), title)));
    }

    fn paint(&self, style: Style, text: &str) -> String {
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    fn mark(&self, ok: bool) -> String {
        if ok { self.paint(Style::new().green(), "✓") } else { self.paint(Style::new().red(), "✗") }
    }

    fn faint(&self, text: &str) -> String {
        self.paint(Style::new().dim(), text)
    }

    /// Rows with aligned columns: the first to the left, the others to the right.
    fn table(&mut self, head: &[&str], rows: &[Vec<String>], total: usize) {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| console::measure_text_width(&row[column]));
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
        let contains = result.threshold.metric().contains;
        let is_share = result.threshold.metric().kind == Kind::Rate;
        let observed = match result.observed {
            None => page.paint(Style::new().yellow(), "no data"),
            Some(value) if is_share => format::percent(value),
            // As exact as the bound it is compared with.
            Some(value) if contains == Contains::Data => format!("{value}"),
            Some(value) => format::value(value, contains),
        };
        let aggregation = result.threshold.aggregation();
        let line = format!(
            "    {} '{}' {aggregation}={observed}",
            page.mark(result.ok),
            result.threshold.expression()
        );
        page.line(line);
    }
}

fn totals(page: &mut Page, report: &Report) {
    page.title("TOTAL RESULTS");
    checks(page, report);
    let all: Vec<MetricDesc> = report.aggregate.metrics();
    let shown: Vec<&MetricDesc> = all
        .iter()
        .filter(|desc| !report.aggregate.series(&desc.name).is_empty())
        .filter(|desc| !matches!(&*desc.name, "checks" | "group_duration") && !is_quiet(report, desc))
        .collect();
    let widest = shown.iter().map(|desc| desc.name.len()).max().unwrap_or(0);
    let width = widest.max(EXPECTED.len()) + 3;
    let built_in: BTreeSet<String> = crate::metric::builtin::all()
        .into_iter()
        .chain(crate::protocol::metrics())
        .map(|desc| desc.name.to_string())
        .collect();
    type Belongs = fn(&str) -> bool;
    let sections: [(&str, Belongs); 3] = [
        ("HTTP", |name| name.starts_with("http_")),
        ("EXECUTION", |name| !name.starts_with("http_") && !name.starts_with("data_")),
        ("NETWORK", |name| name.starts_with("data_")),
    ];
    let custom: Vec<&MetricDesc> = shown.iter().copied().filter(|d| !built_in.contains(&*d.name)).collect();
    section(page, report, "CUSTOM", &custom, width);
    for (title, belongs) in sections {
        let metrics = shown.iter().copied().filter(|d| built_in.contains(&*d.name) && belongs(&d.name));
        section(page, report, title, &metrics.collect::<Vec<_>>(), width);
    }
}

/// Nothing was dropped: there is a series for thresholds, and nothing to say to people.
fn is_quiet(report: &Report, desc: &MetricDesc) -> bool {
    desc.name == DROPPED_ITERATIONS.name() && report.count(DROPPED_ITERATIONS) == 0.0
}

fn section(page: &mut Page, report: &Report, title: &str, metrics: &[&MetricDesc], width: usize) {
    if metrics.is_empty() {
        return;
    }
    page.line(format!("    {}", page.paint(Style::new().bold(), title)));
    for desc in metrics {
        let all = Selector::all_of((*desc).clone());
        let line = metric_line(page, report, &all, &format!("    {}", desc.name), width + 4);
        page.line(line);
        if desc.name == HTTP_REQ_DURATION.name() {
            let expected = all.with_tag("expected_response", "true");
            let line = metric_line(page, report, &expected, &format!("    {EXPECTED}"), width + 4);
            page.line(line);
        }
    }
    page.line("");
}

fn metric_line(page: &Page, report: &Report, selector: &Selector, name: &str, width: usize) -> String {
    let dots = ".".repeat(width.saturating_sub(name.chars().count()));
    let contains = selector.metric.contains;
    let show = |value: f64| format::value(value, contains);
    let values = match report.aggregate.stats(selector, &PERCENTILES) {
        Stats::Counter { count, rate, .. } => {
            format!("{:<10} {}", show(count), page.faint(&format!("{}/s", show(rate))))
        }
        Stats::Rate { rate, trues, total } => {
            format!("{:<10} {}", format::percent(rate), page.faint(&format!("{trues} out of {total}")))
        }
        Stats::Gauge { value, min, max } => {
            format!("{:<10} {}", show(value), page.faint(&format!("min={} max={}", show(min), show(max))))
        }
        Stats::Trend { count, sum, min, max, percentiles } => {
            let [med, p90, p95, p99] = [0, 1, 2, 3].map(|i| percentiles.get(i).copied().unwrap_or(f64::NAN));
            let cells = [
                ("avg", sum / count as f64),
                ("min", min),
                ("med", med),
                ("max", max),
                ("p(90)", p90),
                ("p(95)", p95),
                ("p(99)", p99),
            ];
            cells.map(|(name, value)| format!("{name}={:<9}", show(value))).join(" ")
        }
    };
    format!("{name}{}: {}", page.faint(&dots), values.trim_end())
}

fn checks(page: &mut Page, report: &Report) {
    let checks = report.checks();
    let Stats::Rate { trues, total, rate } = report.aggregate.stats(&Selector::all_of(CHECKS.desc()), &[])
    else {
        return;
    };
    if checks.is_empty() {
        return;
    }
    page.line(format!("    checks succeeded: {} {trues} out of {total}", format::percent(rate)));
    page.line("");
    for CheckResult { name, group, passes, fails } in checks {
        let group = if group.is_empty() { group } else { page.faint(&format!("  {group}")) };
        page.line(format!("    {} {name}{group}", page.mark(fails == 0)));
        if fails > 0 {
            let share = format::whole_percent(passes, passes + fails);
            let (ok, failed) = (page.mark(true), page.mark(false));
            page.line(format!("      ↳ {share}: {ok} {passes} / {failed} {fails}"));
        }
    }
    page.line("");
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
    let took = format::time(run.duration.as_secs_f64() * 1e3);
    page.line(format!("\n  {}", page.faint(&format!("run {} took {took}, seed {}", run.id, run.seed))));
    if run.interrupted {
        page.line(page.paint(Style::new().yellow(), "  interrupted by a signal"));
    }
}
