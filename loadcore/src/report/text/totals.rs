//! Checks, and every metric's numbers over the whole test.

use super::page::Page;
use crate::metric::{
    CHECKS, DROPPED_ITERATIONS, GROUP_DURATION, ITERATION_DURATION, ITERATION_LATENESS,
    ITERATION_RESPONSE_TIME, Metric, MetricDesc, Selector, Stats,
};
use crate::protocol::http::{HTTP_REQ_BLOCKED, HTTP_REQ_DURATION, HTTP_REQS};
use crate::report::{CheckResult, Report, format};
use console::Style;

/// The percentiles of a trend's line, after avg, min, med and max.
const PERCENTILES: [f64; 4] = [50.0, 90.0, 95.0, 99.0];
/// The line below `http_req_duration`.
const EXPECTED: &str = "  { expected_response:true }";
/// Metrics that have a section of their own.
const ELSEWHERE: [&str; 5] = [
    CHECKS.name(),
    GROUP_DURATION.name(),
    ITERATION_DURATION.name(),
    ITERATION_RESPONSE_TIME.name(),
    ITERATION_LATENESS.name(),
];

pub(super) fn totals(page: &mut Page, report: &Report) {
    page.title("TOTAL RESULTS");
    checks(page, report);
    let all: Vec<MetricDesc> = report.aggregate.metrics();
    let shown: Vec<&MetricDesc> = all
        .iter()
        .filter(|desc| !report.aggregate.series(&desc.name).is_empty())
        .filter(|desc| !ELSEWHERE.contains(&&*desc.name) && !is_quiet(report, desc))
        .collect();
    let widest = shown.iter().map(|desc| desc.name.len()).max().unwrap_or(0);
    let width = widest.max(EXPECTED.len()) + 3;
    type Belongs = fn(&str) -> bool;
    let sections: [(&str, Belongs); 3] = [
        ("HTTP", |name| name.starts_with("http_")),
        ("EXECUTION", |name| !name.starts_with("http_") && !name.starts_with("data_")),
        ("NETWORK", |name| name.starts_with("data_")),
    ];
    let custom: Vec<&MetricDesc> = shown.iter().copied().filter(|d| !d.builtin).collect();
    section(page, report, "CUSTOM", &custom, width);
    for (title, belongs) in sections {
        let metrics = shown.iter().copied().filter(|d| d.builtin && belongs(&d.name));
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
        metric_line(page, report, &all, &format!("    {}", desc.name), width + 4);
        if desc.name == HTTP_REQ_DURATION.name() {
            let expected = all.with_tag("expected_response", "true");
            metric_line(page, report, &expected, &format!("    {EXPECTED}"), width + 4);
        }
    }
    if title == "HTTP" {
        by_reqwest(page, report);
    }
    page.line("");
}

/// Says which numbers are not of all requests. Every request over a connection of loadcore's own has a `blocked` time, if only
/// of 0.
fn by_reqwest(page: &mut Page, report: &Report) {
    let all = report.count(HTTP_REQS);
    let seen = match report.aggregate.stats(&Selector::all_of(HTTP_REQ_BLOCKED.desc()), &[]) {
        Stats::Trend { count, .. } => count as f64,
        _ => 0.0,
    };
    if seen < all {
        let line = format!(
            "not seen by reqwest ({} of {all} requests): http_req_blocked and 4 others, data_sent, data_received; connecting \
             counts as waiting",
            all - seen
        );
        page.line(format!("    {}", page.faint(&line)));
    }
}

fn metric_line(page: &mut Page, report: &Report, selector: &Selector, name: &str, width: usize) {
    let dots = ".".repeat(width.saturating_sub(name.chars().count()));
    let contains = selector.metric.contains;
    let show = |value: f64| format::value(value, contains);
    let values = match report.aggregate.stats(selector, &PERCENTILES) {
        Stats::Counter { count, rate, .. } => {
            vec![format!("{:<10} {}", show(count), page.faint(&format!("{}/s", show(rate))))]
        }
        Stats::Rate { rate, trues, total } => {
            vec![format!("{:<10} {}", format::percent(rate), page.faint(&format!("{trues} out of {total}")))]
        }
        Stats::Gauge { value, min, max } => {
            vec![format!(
                "{:<10} {}",
                show(value),
                page.faint(&format!("min={} max={}", show(min), show(max)))
            )]
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
            cells.map(|(name, value)| format!("{name}={:<9}", show(value))).to_vec()
        }
    };
    let head = format!("{name}{}: ", page.faint(&dots));
    page.cells(&head, &values);
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

#[cfg(test)]
mod tests {
    #[test]
    fn no_metric_of_loadcores_own_is_shown_as_a_custom_one() {
        for desc in crate::metric::builtin::all().into_iter().chain(crate::protocol::metrics()) {
            assert!(desc.is_builtin(), "{} lacks `.builtin()` where it is declared", desc.name);
        }
    }
}
