//! Promise: what another client does is measured and traced like a request.

use loadcore::prelude::*;
use std::sync::{Arc, Mutex};

#[test]
fn a_measured_part_has_a_duration_a_verdict_and_a_span() {
    let traces = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&traces);
    let scenario = Scenario::new("reports", async move |vu: &Vu| {
        let outer = vu.trace();
        let rows = vu
            .measure("db.query", async |vu: &Vu| {
                log.lock().unwrap().push((outer, vu.trace()));
                vu.sleep(millis(30)).await;
                if vu.iteration() % 4 == 3 { Err("no rows".into()) } else { Ok(7) }
            })
            .await?;
        assert_eq!(rows, 7);
        Ok(())
    });
    let test = LoadTest::new().scenario(scenario.executor(shared_iterations(8).vus(2)));
    let report =
        test.threshold(MEASURE_DURATION.named("db.query").p(95).at_most(millis(31))).run_virtual(2).unwrap();
    report.assert_thresholds();
    assert_eq!(report.rate(MEASURE_FAILED.named("db.query")), 0.25);
    assert_eq!(report.value(MEASURE_DURATION.max()), 30.0);
    assert_eq!(report.errors()[0].count, 2);
    for (outer, inner) in &*traces.lock().unwrap() {
        assert_eq!(outer.trace_id, inner.trace_id);
        assert_ne!(outer.span_id, inner.span_id);
        assert!(inner.traceparent().starts_with("00-"));
    }
}
