//! What an iteration's latency is made of. In an open model there are three: how long it took once it had begun, how long
//! from when it should have begun, and how late it began.

use super::page::Page;
use super::{MOST_ROWS, trend_cells};
use crate::metric::{
    ITERATION_DURATION, ITERATION_LATENESS, ITERATION_RESPONSE_TIME, Metric, MetricDesc, Selector, Stats,
    Time, Trend,
};
use crate::report::{Report, ScenarioInfo, format};

/// Each with what it is, and whether closed models have it too.
const LATENCIES: [(Trend<Time>, &str, bool); 3] = [
    (ITERATION_DURATION, "service time", true),
    (ITERATION_RESPONSE_TIME, "from intended start", false),
    (ITERATION_LATENESS, "how late it began", false),
];

pub(super) fn iterations(page: &mut Page, report: &Report) {
    if report.aggregate.series(ITERATION_DURATION.name()).is_empty() {
        return;
    }
    page.title("ITERATION LATENCIES");
    let is_mixed =
        report.scenarios.iter().any(|it| it.is_open) && report.scenarios.iter().any(|it| !it.is_open);
    // Side by side, numbers of all scenarios and numbers of the open ones alone would invite a wrong comparison.
    let rows: Vec<Vec<String>> = if is_mixed {
        report.scenarios.iter().flat_map(|scenario| of_scenario(report, scenario)).collect()
    } else {
        let is_open = report.scenarios.iter().any(|it| it.is_open);
        LATENCIES.iter().map(|latency| row(report, latency, is_open, "", Selector::all_of)).collect()
    };
    let total = rows.len();
    let rows = &rows[..total.min(MOST_ROWS)];
    page.table(&["metric", "avg", "med", "p(95)", "p(99)", "max"], rows, total);
}

fn of_scenario(report: &Report, scenario: &ScenarioInfo) -> impl Iterator<Item = Vec<String>> {
    let select = |desc: MetricDesc| Selector::all_of(desc).with_tag("scenario", &scenario.name);
    let rows = LATENCIES.iter().map(move |latency| row(report, latency, scenario.is_open, "  ", select));
    std::iter::once(vec![scenario.name.clone()]).chain(rows)
}

fn row(
    report: &Report,
    (metric, meaning, always): &(Trend<Time>, &str, bool),
    is_open: bool,
    indent: &str,
    select: impl Fn(MetricDesc) -> Selector,
) -> Vec<String> {
    let widest = ITERATION_RESPONSE_TIME.name().len();
    let applies = is_open || *always;
    let meaning = if applies { meaning } else { "does not apply (closed model)" };
    let mut row = vec![format!("{indent}{:<widest$}  {meaning}", metric.name())];
    if applies {
        let stats = report.aggregate.stats(&select(metric.desc()), &[50.0, 95.0, 99.0]);
        let avg = if let Stats::Trend { count, sum, .. } = &stats { sum / *count as f64 } else { f64::NAN };
        row.push(format::time(avg));
        row.extend(trend_cells(&stats));
    }
    row
}
