//! The summary as JSON. The shape is a promise: `schema_version` grows when it breaks.

use super::Report;
use crate::metric::{Contains, MetricDesc, Stats};
use crate::run::Ruling;
use serde_json::{Map, Value, json};

const SCHEMA_VERSION: u32 = 1;
/// The percentiles of every trend: the median, then those shown by name.
const PERCENTILES: [f64; 4] = [50.0, 90.0, 95.0, 99.0];

pub(super) fn export(report: &Report) -> Value {
    let started = jiff::Timestamp::try_from(report.run.started).map(|time| time.to_string());
    let metrics: Map<String, Value> = report
        .aggregate
        .metrics()
        .into_iter()
        .filter_map(|desc| metric(report, &desc).map(|value| (desc.name.to_string(), value)))
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "run": {
            "id": report.run.id,
            "started": started.unwrap_or_default(),
            "duration_ms": report.run.duration.as_secs_f64() * 1e3,
            "seed": report.run.seed,
            "version": env!("CARGO_PKG_VERSION"),
            "exit_code": report.exit_code(),
            "aborted_by": report.run.aborted_by.as_ref().map(|aborted| json!({
                "threshold": aborted.threshold.to_string(),
                "observed": aborted.observed,
                "at_ms": aborted.at.as_secs_f64() * 1e3,
            })),
            "aborted": report.run.aborted.as_ref().map(ruling),
            "failed": report.run.failed.as_ref().map(ruling),
            "warnings": report.run.warnings,
        },
        "scenarios": report.scenarios,
        "metrics": metrics,
        "thresholds": report.thresholds.iter().map(|result| json!({
            "metric": result.threshold.metric().name,
            "selector": result.threshold.selector().tags_text(),
            "expression": result.threshold.expression(),
            "ok": result.ok,
            "observed": result.observed,
        })).collect::<Vec<_>>(),
        "checks": report.checks(),
        "errors": report.errors().into_iter().map(|error| json!({
            "kind": error.kind, "place": error.place, "count": error.count, "first": error.first,
        })).collect::<Vec<_>>(),
        "generator": report.generator,
    })
}

fn ruling(ruling: &Ruling) -> Value {
    json!({
        "message": ruling.message,
        "place": ruling.place,
        "scenario": ruling.scenario,
        "at_ms": ruling.at.as_secs_f64() * 1e3,
        "count": ruling.count,
    })
}

/// A metric with at least one sample: its numbers in all, and by series.
fn metric(report: &Report, desc: &MetricDesc) -> Option<Value> {
    let series = report.aggregate.series(&desc.name);
    if series.is_empty() {
        return None;
    }
    let all = crate::metric::Selector::all_of(desc.clone());
    let tagged: Vec<Value> = series
        .iter()
        .map(|series| {
            let tags: Map<String, Value> =
                series.tags().map(|(key, value)| (key.into(), value.into())).collect();
            json!({ "tags": tags, "values": values(&series.stats(&PERCENTILES)) })
        })
        .collect();
    Some(json!({
        "type": desc.kind,
        "contains": match desc.contains {
            Contains::Default => "default",
            Contains::Time => "time",
            Contains::Data => "data",
        },
        "values": values(&report.aggregate.stats(&all, &PERCENTILES)),
        "tagged": tagged,
    }))
}

/// Numbers that do not exist (of nothing) become `null`.
fn values(stats: &Stats) -> Value {
    match stats {
        Stats::Counter { count, rate, .. } => json!({ "count": count, "rate": rate }),
        Stats::Rate { rate, trues, total } => json!({ "rate": rate, "trues": trues, "total": total }),
        Stats::Gauge { value, min, max } => json!({ "value": value, "min": min, "max": max }),
        Stats::Trend { count, sum, min, max, percentiles } => {
            let percentile = |index: usize| percentiles.get(index).copied();
            json!({
                "count": count, "sum": sum, "avg": sum / *count as f64, "min": min, "max": max,
                "med": percentile(0), "p(90)": percentile(1), "p(95)": percentile(2), "p(99)": percentile(3),
            })
        }
    }
}
