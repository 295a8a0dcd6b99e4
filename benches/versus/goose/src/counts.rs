//! What `versus` reads of a goose run: one line with goose's own counts.

use goose::prelude::*;

/// Prints how many requests succeeded and how many failed, as goose counted them.
pub fn print(metrics: &GooseMetrics) {
    let ok: usize = metrics.requests.values().map(|request| request.success_count).sum();
    let failed: usize = metrics.requests.values().map(|request| request.fail_count).sum();
    println!("requests_ok={ok} requests_failed={failed}");
}
