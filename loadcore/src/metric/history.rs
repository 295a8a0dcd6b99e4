//! A series' past, in steps that grow coarser as a run grows longer.

use super::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// One step of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPoint {
    /// When the step began, since the test's start.
    pub at: Duration,
    /// What the series gained in it.
    pub value: Value,
}

/// Values per step, bounded: beyond [`History::MOST_STEPS`] steps, or too many bytes, neighbouring steps are merged.
///
/// All series share one step, so that they can be set beside each other.
#[derive(Debug)]
pub(crate) struct History {
    step_s: u64,
    bytes: usize,
    most_bytes: usize,
    series: Vec<BTreeMap<u64, Value>>,
}

impl History {
    /// The most steps kept: 10 minutes in seconds, 2.5 hours in 15 s steps, ...
    pub(crate) const MOST_STEPS: u64 = 600;
    /// The most bytes kept, unless this would leave fewer than [`FEWEST_STEPS`](Self::FEWEST_STEPS) steps.
    pub(crate) const MOST_BYTES: usize = 64 << 20;
    /// A run keeps at least about this many steps, whatever it costs.
    pub(crate) const FEWEST_STEPS: u64 = 16;

    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { step_s: 1, bytes: 0, most_bytes, series: Vec::new() }
    }

    /// The length of a step now.
    pub(crate) fn step(&self) -> Duration {
        Duration::from_secs(self.step_s)
    }

    /// Adds what a series gained in the interval that began at `since` (counted from the test's start).
    pub(crate) fn add(&mut self, series: usize, since: Duration, value: &Value) {
        if self.series.len() <= series {
            self.series.resize_with(series + 1, BTreeMap::new);
        }
        let step = since.as_secs() / self.step_s;
        match self.series[series].entry(step) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                self.bytes += weight(value);
                entry.insert(value.clone());
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let before = weight(entry.get());
                entry.get_mut().merge(value);
                self.bytes += weight(entry.get()) - before;
            }
        }
        let too_many = step >= Self::MOST_STEPS;
        let too_big = self.bytes > self.most_bytes && step >= Self::FEWEST_STEPS;
        if too_many || too_big {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.step_s *= 2;
        self.bytes = 0;
        for series in &mut self.series {
            let mut merged: BTreeMap<u64, Value> = BTreeMap::new();
            for (step, value) in std::mem::take(series) {
                match merged.get_mut(&(step / 2)) {
                    Some(sum) => sum.merge(&value),
                    None => {
                        merged.insert(step / 2, value);
                    }
                }
            }
            self.bytes += merged.values().map(weight).sum::<usize>();
            *series = merged;
        }
    }

    pub(crate) fn points(&self, series: usize) -> Vec<HistoryPoint> {
        let steps = self.series.get(series).into_iter().flatten();
        let at = |step: u64| Duration::from_secs(step * self.step_s);
        steps.map(|(step, value)| HistoryPoint { at: at(*step), value: value.clone() }).collect()
    }
}

fn weight(value: &Value) -> usize {
    let buckets = if let Value::Trend(trend) = value { trend.buckets.len() } else { 0 };
    size_of::<Value>() + 16 + buckets * size_of::<(u64, u64)>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::TrendDelta;

    fn total(history: &History) -> f64 {
        let points = history.points(0);
        points.iter().map(|p| if let Value::Counter(n) = p.value { n } else { 0.0 }).sum()
    }

    #[test]
    fn a_long_run_grows_coarser_and_loses_nothing() {
        let mut history = History::new(History::MOST_BYTES);
        for second in 0..7_200 {
            history.add(0, Duration::from_secs(second), &Value::Counter(1.0));
        }
        assert_eq!(total(&history), 7_200.0);
        assert!(history.points(0).len() as u64 <= History::MOST_STEPS);
        assert_eq!(history.step(), Duration::from_secs(16));
        assert_eq!(history.points(0)[1].at, Duration::from_secs(16));
        assert_eq!(history.points(0)[0].value, Value::Counter(16.0));
    }

    #[test]
    fn what_falls_into_one_step_is_weighed_once() {
        let trend = |sum| {
            let buckets = (0..50).map(|bucket| (bucket, 1)).collect();
            Value::Trend(TrendDelta { count: 1, sum, min: 1, max: 1, buckets })
        };
        // 2 cores, 60 series: 600 steps of them are well below the bound.
        let mut history = History::new(History::MOST_BYTES);
        for second in 0..600 {
            for series in 0..60 {
                history.add(series, Duration::from_secs(second), &trend(1));
                history.add(series, Duration::from_secs(second), &trend(2));
            }
        }
        assert_eq!(history.step(), Duration::from_secs(1));
    }

    #[test]
    fn memory_is_bounded_too() {
        let mut history = History::new(4_000);
        for second in 0..1_000 {
            history.add(0, Duration::from_secs(second), &Value::Counter(1.0));
        }
        assert_eq!(total(&history), 1_000.0);
        assert!(
            history.points(0).len() as u64 <= 2 * History::FEWEST_STEPS + 16,
            "{}",
            history.points(0).len()
        );
    }
}
