//! Promise: a threshold says what it means, k6's numbers come out of k6's inputs, and one with `abort_on_fail` ends the
//! test at the second at which it no longer holds.

mod abort;
mod golden;
mod live;

use loadcore::Report;
use loadcore::metric::Metric;
use loadcore::prelude::*;
use std::time::Duration;

const SHARDS: [usize; 4] = [1, 2, 3, 7];

fn secs(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

/// Four VUs in a loop of a tenth of a second each; the check holds until that time.
fn good_until(end: Duration) -> Scenario {
    let scenario = Scenario::new("steady", async move |vu: &Vu| {
        vu.sleep(millis(100)).await;
        vu.check("good", vu.elapsed() <= end);
        Ok(())
    });
    scenario.executor(constant_vus(4, secs(20.0)).graceful_stop(secs(30.0)))
}

/// A single iteration that does this and takes that long.
fn once<F>(takes: Duration, journey: F) -> LoadTest
where
    F: Fn(&Vu) + Send + Sync + 'static,
{
    let scenario = Scenario::new("once", async move |vu: &Vu| {
        journey(vu);
        vu.sleep(takes).await;
        Ok(())
    });
    LoadTest::new().scenario(scenario.executor(shared_iterations(1)))
}

fn run(test: LoadTest) -> Report {
    test.seed(1).run_virtual(1).unwrap()
}

#[test]
fn no_name_of_loadcores_own_can_be_taken() {
    use loadcore::metric::{Contains, Kind};
    let mut known = run(once(Duration::ZERO, |_| {})).metrics().metrics();
    // Other tests of this program declare metrics as well.
    known.retain(|desc| desc.is_builtin());
    assert!(known.len() > 20, "{known:?}");
    let refused = |name: &str, metric: &(dyn Metric + Sync)| {
        struct Desc<'a>(&'a (dyn Metric + Sync));
        impl Metric for Desc<'_> {
            fn desc(&self) -> loadcore::metric::MetricDesc {
                self.0.desc()
            }
        }
        let error = once(Duration::ZERO, |_| {}).metric(Desc(metric)).run_virtual(1).unwrap_err().to_string();
        let constant = format!("use {}", name.to_uppercase());
        assert!(error.contains(&format!("metric `{name}` is loadcore's own")), "{error}");
        assert!(error.contains(&constant) && error.contains("another name"), "{error}");
    };
    for desc in known {
        let name: &'static str = String::leak(desc.name.to_string());
        // Of the very same kind and unit, and of another.
        match (desc.kind, desc.contains) {
            (Kind::Counter, Contains::Data) => refused(name, &Counter::new(name).bytes()),
            (Kind::Counter, _) => refused(name, &Counter::new(name)),
            (Kind::Rate, _) => refused(name, &Rate::new(name)),
            (Kind::Gauge, _) => refused(name, &Gauge::new(name)),
            (Kind::Trend, _) => refused(name, &Trend::new(name).time()),
        }
        refused(name, &Trend::new(name).bytes());
    }
}

#[test]
fn a_builtin_metric_may_be_registered_as_itself() {
    let own: Rate = CHECKS;
    let test = once(Duration::ZERO, move |vu| own.add(vu, true));
    let report = run(test.metric(CHECKS).metric(HTTP_REQ_DURATION).threshold(own.rate().at_least(1)));
    report.assert_thresholds();
}

#[test]
fn a_sample_under_a_name_of_loadcores_own_is_refused_and_told() {
    let report = run(once(Duration::ZERO, |vu| Rate::new("checks").add(vu, true)));
    assert!(report.rate(CHECKS).is_nan());
    assert_eq!(report.metrics().rejected_samples(), 1);
    let reasons = report.generator().reasons.join("\n");
    assert!(
        reasons.contains("1 samples were") && reasons.contains("whose name another metric has"),
        "{reasons}"
    );
}
