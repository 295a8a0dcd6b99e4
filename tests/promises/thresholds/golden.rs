//! k6's own numbers, from sample to verdict: what its tests put into a metric and what they expect of it.
//!
//! Its rows for an aggregation that a metric does not have (`p(95)` of a counter passes) have no counterpart: they do not
//! compile here, and are refused in text. Where nothing was measured k6 mostly passes, and loadcore fails ("no data").

use super::*;
use loadcore::metric::Stats;
use loadcore::verdict::Threshold;

const NUMBERS: Trend = Trend::new("golden_numbers");
const TIMES: Trend<Time> = Trend::new("golden_times").time();
const SUM: Counter = Counter::new("golden_sum");
const LEVEL: Gauge = Gauge::new("golden_level");
const SHARE: Rate = Rate::new("golden_share");

#[track_caller]
fn assert_judged(report: impl Fn(Threshold) -> Report, cases: impl IntoIterator<Item = (Threshold, bool)>) {
    for (threshold, holds) in cases {
        let report = report(threshold);
        assert_eq!(report.passed(), holds, "{}", report.thresholds()[0].threshold);
        assert_eq!(report.exit_code(), if holds { 0 } else { 99 });
    }
}

/// So many true samples of so many.
fn share(trues: u32, of: u32) -> impl Fn(Threshold) -> Report {
    move |threshold| {
        let journey = move |vu: &Vu| (0..of).for_each(|i| SHARE.add(vu, i < trues));
        run(once(secs(1.0), journey).threshold(threshold))
    }
}

#[test]
fn rates() {
    assert_judged(share(1, 1), [(SHARE.rate().above(0.01), true)]);
    let on_the_bound = [
        (SHARE.rate().at_least(0.01), true),
        (SHARE.rate().at_most(0.01), true),
        (SHARE.rate().above(0.01), false),
        (SHARE.rate().below(0.01), false),
    ];
    assert_judged(share(1, 100), on_the_bound);
    let hardly_any = [(SHARE.rate().below(0.01), true), (SHARE.rate().above(0.01), false)];
    assert_judged(share(1, 100_000), hardly_any);
    let half = run(once(secs(1.0), |vu| [1, 0, 1, 0, 0, 1].iter().for_each(|i| SHARE.add(vu, *i == 1))));
    assert_eq!(half.rate(SHARE), 0.5);
}

#[test]
fn counters() {
    let of =
        |sum: f64| move |threshold| run(once(secs(1.0), move |vu| SUM.add(vu, sum)).threshold(threshold));
    assert_judged(of(1234.5), [(SUM.count().below(2_000), true)]);
    assert_judged(of(3_000.0), [(SUM.count().below(2_000), false)]);

    let report = run(once(secs(1.0), |vu| (1..=9).chain([100]).for_each(|n| SUM.add(vu, n))));
    assert_eq!((report.count(SUM), report.value(SUM.rate())), (145.0, 145.0));
    // A test that takes no time has no rate, and is below any.
    let at_once = |threshold| run(once(Duration::ZERO, |vu| SUM.add(vu, 7)).threshold(threshold));
    assert_judged(at_once, [(SUM.rate().below(100), true), (SUM.rate().above(0), false)]);
}

#[test]
fn gauges() {
    for (values, want) in [(&[1, 2, 3, 4, 10, 5][..], (5.0, 1.0, 10.0)), (&[-5, -3, -8], (-8.0, -8.0, -3.0))]
    {
        let report = run(once(secs(1.0), move |vu| values.iter().for_each(|value| LEVEL.set(vu, *value))));
        let Stats::Gauge { value, min, max } = report.stats(LEVEL, &[]) else { panic!("a gauge") };
        assert_eq!((value, min, max), want);
        let last = |threshold| {
            run(once(secs(1.0), move |vu| values.iter().for_each(|value| LEVEL.set(vu, *value)))
                .threshold(threshold))
        };
        assert_judged(last, [(LEVEL.value().at_most(want.0), true), (LEVEL.value().above(want.0), false)]);
    }
}

#[test]
fn trends() {
    let of = |threshold| {
        let journey = |vu: &Vu| [70, 80, 90].iter().for_each(|value| NUMBERS.add(vu, *value));
        run(once(secs(1.0), journey).threshold(threshold))
    };
    assert_judged(of, [(NUMBERS.med().above(39), true), (NUMBERS.med().below(39), false)]);
    let of = |threshold| run(once(secs(1.0), |vu| TIMES.add(vu, millis(500))).threshold(threshold));
    assert_judged(of, [(TIMES.p(95).below(millis(200)), false), (TIMES.p(95).at_most(millis(500)), true)]);
}

#[test]
fn percentiles() {
    for (values, percentiles) in [
        (&[7.0][..], &[(0.0, 7.0), (50.0, 7.0), (95.0, 7.0), (99.9, 7.0), (100.0, 7.0)][..]),
        (&[5.0, 10.0], &[(0.0, 5.0), (50.0, 7.5), (95.0, 9.75), (99.0, 9.95), (100.0, 10.0)]),
        (&[20.0, 10.0, 15.0], &[(50.0, 15.0), (90.0, 19.0), (95.0, 19.5), (99.0, 19.9), (99.9, 19.99)]),
    ] {
        let report = run(once(secs(1.0), move |vu| {
            for value in values {
                NUMBERS.add(vu, *value);
                TIMES.add(vu, *value);
            }
        }));
        for (p, want) in percentiles {
            let (number, time) = (report.value(NUMBERS.p(*p)), report.value(TIMES.p(*p)));
            // A rank's value is that of its bucket: within a thousandth.
            for got in [number, time] {
                assert!((got - want).abs() <= want * 0.001, "p({p}) of {values:?}: {got} instead of {want}");
            }
        }
        let avg = values.iter().sum::<f64>() / values.len() as f64;
        assert_eq!((report.value(NUMBERS.avg()), report.value(TIMES.avg())), (avg, avg));
    }
}

#[test]
fn an_empty_trend_fails_either_way_where_k6_takes_it_for_zero() {
    let of = |threshold| run(once(secs(1.0), |_| {}).threshold(threshold));
    assert_judged(of, [(NUMBERS.med().below(39), false), (NUMBERS.med().above(39), false)]);
    assert_judged(of, [(SHARE.rate().below(1), false), (SUM.count().below(1), false)]);
    assert!(run(once(secs(1.0), |_| {})).value(NUMBERS.p(95)).is_nan());
}

#[test]
fn several_thresholds_hold_together_or_not_at_all() {
    let (low, high) = (SHARE.rate().below(0.5), SHARE.rate().above(0.5));
    for (thresholds, holds) in
        [([low.clone(), low.clone()], true), ([high.clone(), high.clone()], false), ([low, high], false)]
    {
        let test = once(secs(1.0), |vu| (0..4).for_each(|i| SHARE.add(vu, i == 0)));
        let report = run(thresholds.into_iter().fold(test, LoadTest::threshold));
        assert_eq!((report.thresholds().len(), report.passed()), (2, holds));
    }
}

/// Only series with all the pairs, as in k6.
#[test]
fn a_selector_takes_the_samples_with_all_its_tags() {
    let test = || {
        let two = ["sc1", "sc2"].map(|name| {
            let journey = async |vu: &Vu| {
                SUM.add(vu, 1);
                Ok(())
            };
            Scenario::new(name, journey).tag("team", "shop").executor(shared_iterations(1))
        });
        LoadTest::new().scenarios(two)
    };
    for (threshold, holds) in [
        (SUM.count().at_least(2), true),
        (SUM.tag("team", "shop").count().at_least(2), true),
        (SUM.scenario("sc1").count().at_least(2), false),
        (SUM.scenario("sc1").tag("team", "shop").count().at_least(1), true),
        (SUM.scenario("sc1").tag("team", "stock").count().at_least(0), false),
    ] {
        assert_eq!(run(test().threshold(threshold.clone())).passed(), holds, "{threshold}");
    }
}
