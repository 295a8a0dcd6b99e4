//! Distributions and the other values, in the form in which they travel and merge.

use hdrhistogram::Histogram;

/// What a series gained in an interval, or holds in all. Merging is associative and commutative.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The sum of the amounts.
    Counter(f64),
    /// How many samples were true, of how many.
    Rate {
        /// Samples that were true.
        trues: u64,
        /// All samples.
        total: u64,
    },
    /// The last, least and greatest value.
    Gauge {
        /// The latest value.
        last: f64,
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
        /// When the latest value was set, in nanoseconds of the test's clock.
        at: u64,
    },
    /// A distribution.
    Trend(TrendDelta),
}

/// A distribution as sparse histogram buckets, with exact count, sum, least and greatest beside them.
///
/// `sum`, `min` and `max` are in fine units (ns, 1/1000, bytes); buckets hold histogram units (µs, 1/1000, bytes), in
/// ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrendDelta {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: u128,
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    /// Histogram values with how many fell there.
    pub buckets: Vec<(u64, u64)>,
}

impl TrendDelta {
    /// Adds another distribution to this one.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        (self.min, self.max) = if self.count == 0 {
            (other.min, other.max)
        } else {
            (self.min.min(other.min), self.max.max(other.max))
        };
        self.count += other.count;
        self.sum += other.sum;
        self.buckets = merge_sorted(&self.buckets, &other.buckets);
    }
}

fn merge_sorted(a: &[(u64, u64)], b: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        merged.push(match (a.peek().copied(), b.peek().copied()) {
            (None, None) => return merged,
            (Some(x), Some(y)) if x.0 == y.0 => {
                a.next();
                b.next();
                (x.0, x.1 + y.1)
            }
            (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                a.next();
                x
            }
            (_, y) => {
                b.next();
                y.unwrap_or_default()
            }
        });
    }
}

impl Value {
    /// Adds what another interval or core saw. Values of different kinds do not meet: a series has one kind.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Counter(sum), Self::Counter(more)) => *sum += more,
            (Self::Rate { trues, total }, Self::Rate { trues: more_trues, total: more }) => {
                *trues += more_trues;
                *total += more;
            }
            (
                Self::Gauge { last, min, max, at },
                Self::Gauge { last: last2, min: min2, max: max2, at: at2 },
            ) => {
                // Equal stamps are settled by the value, so that the order of merging never matters.
                if (*at2, last2.to_bits()) > (*at, last.to_bits()) {
                    (*last, *at) = (*last2, *at2);
                }
                *min = min.min(*min2);
                *max = max.max(*max2);
            }
            (Self::Trend(trend), Self::Trend(more)) => trend.merge(more),
            (mine, theirs) => debug_assert!(false, "a series changed its kind: {mine:?} and {theirs:?}"),
        }
    }
}

/// Three significant digits: a bucket is at most 0.1% wide.
const DIGITS: u8 = 3;
/// Values beyond this are counted as this: 2^53 µs are 285 years.
const MOST: u64 = 1 << 53;

fn histogram<C: hdrhistogram::Counter>() -> Histogram<C> {
    // The digits are a valid constant, so the fallback is never taken; it keeps the hot path free of panics.
    Histogram::new(DIGITS).or_else(|_| Histogram::new(1)).unwrap_or_else(|_| unreachable!("1 digit is valid"))
}

/// A trend on a core, for one interval. The histogram is allocated at the first value that is not zero: the phases of
/// a reused connection cost no memory.
#[derive(Debug, Default)]
pub(crate) struct LiveTrend {
    count: u64,
    zeros: u64,
    sum: u64,
    min: u64,
    max: u64,
    histogram: Option<Box<Histogram<u32>>>,
}

impl LiveTrend {
    /// Records one value in fine units; returns by how many bytes the trend has grown.
    #[inline]
    pub(crate) fn record(&mut self, fine: u64, fine_per_bucket: u64) -> usize {
        if self.count == 0 {
            (self.min, self.max) = (fine, fine);
        } else {
            self.min = self.min.min(fine);
            self.max = self.max.max(fine);
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(fine);
        let value = if fine_per_bucket == 1_000 { fine.saturating_add(500) / 1_000 } else { fine };
        if value == 0 {
            self.zeros += 1;
            return 0;
        }
        match &mut self.histogram {
            Some(histogram) => {
                let before = histogram.distinct_values();
                // Auto-resizing cannot fail below MOST.
                let _ = histogram.record(value.min(MOST));
                (histogram.distinct_values() - before) * size_of::<u32>()
            }
            none => {
                let histogram = none.insert(Box::new(histogram()));
                let _ = histogram.record(value.min(MOST));
                histogram.distinct_values() * size_of::<u32>()
            }
        }
    }

    /// Hands over the interval and starts the next one. None if nothing was recorded.
    pub(crate) fn drain(&mut self) -> Option<TrendDelta> {
        if self.count == 0 {
            return None;
        }
        let mut buckets = Vec::new();
        if self.zeros > 0 {
            buckets.push((0, self.zeros));
        }
        if let Some(histogram) = &mut self.histogram {
            let recorded = histogram.iter_recorded();
            buckets.extend(recorded.map(|b| (b.value_iterated_to(), u64::from(b.count_at_value()))));
            histogram.reset();
        }
        let delta = TrendDelta {
            count: self.count,
            sum: u128::from(self.sum),
            min: self.min,
            max: self.max,
            buckets,
        };
        (self.count, self.zeros, self.sum) = (0, 0, 0);
        Some(delta)
    }
}

/// A trend in the aggregate, for the whole test. As on a core, values of zero need no histogram.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrendTotal {
    pub(crate) count: u64,
    pub(crate) sum: u128,
    pub(crate) min: u64,
    pub(crate) max: u64,
    zeros: u64,
    histogram: Option<Histogram<u64>>,
}

impl TrendTotal {
    fn widen(&mut self, count: u64, sum: u128, min: u64, max: u64) {
        (self.min, self.max) =
            if self.count == 0 { (min, max) } else { (self.min.min(min), self.max.max(max)) };
        self.count += count;
        self.sum += sum;
    }

    /// Adds an interval; returns by how many bytes the total has grown.
    pub(crate) fn add(&mut self, delta: &TrendDelta) -> usize {
        if delta.count == 0 {
            return 0;
        }
        self.widen(delta.count, delta.sum, delta.min, delta.max);
        let before = self.bytes();
        for (value, count) in &delta.buckets {
            if *value == 0 {
                self.zeros += count;
            } else {
                let _ = self.histogram.get_or_insert_with(histogram).record_n(*value, *count);
            }
        }
        self.bytes() - before
    }

    fn bytes(&self) -> usize {
        self.histogram.as_ref().map_or(0, |histogram| histogram.distinct_values() * size_of::<u64>())
    }

    /// Adds count, sum, least and greatest only: whoever wants no percentile need not pay for the buckets.
    pub(crate) fn merge_ends(&mut self, other: &Self) {
        if other.count > 0 {
            self.widen(other.count, other.sum, other.min, other.max);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.widen(other.count, other.sum, other.min, other.max);
        self.zeros += other.zeros;
        if let Some(more) = &other.histogram {
            let _ = self.histogram.get_or_insert_with(histogram).add(more);
        }
    }

    /// The values at these quantiles (0..=1), in fine units.
    ///
    /// k6's rule: linear interpolation at rank `(n - 1) q` between the two ranks' values, where a rank's value is the
    /// middle of its bucket; the first and last rank are the exact least and greatest. Off by at most 0.1% or 1 µs.
    pub(crate) fn quantiles(&self, quantiles: &[f64], fine_per_bucket: u64) -> Vec<f64> {
        if self.count == 0 {
            return vec![f64::NAN; quantiles.len()];
        }
        // How many values there are up to and including each bucket, and the bucket's middle.
        let mut cumulative = vec![(self.zeros, 0)];
        let mut seen = self.zeros;
        if let Some(histogram) = &self.histogram {
            cumulative.extend(histogram.iter_recorded().map(|bucket| {
                seen += bucket.count_at_value();
                (seen, histogram.median_equivalent(bucket.value_iterated_to()))
            }));
        }
        let at_rank = |rank: u64| -> f64 {
            if rank == 0 {
                return self.min as f64;
            }
            if rank + 1 >= self.count {
                return self.max as f64;
            }
            let bucket = cumulative.partition_point(|(upto, _)| *upto <= rank);
            let value = cumulative.get(bucket).map_or(self.max, |(_, value)| value * fine_per_bucket);
            (value as f64).clamp(self.min as f64, self.max as f64)
        };
        let value_at = |q: &f64| {
            let rank = (self.count - 1) as f64 * q.clamp(0.0, 1.0);
            let (low, high) = (at_rank(rank.floor() as u64), at_rank(rank.ceil() as u64));
            low + (high - low) * (rank - rank.floor())
        };
        quantiles.iter().map(value_at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// k6's percentile on all values, the truth to compare with.
    fn exact(sorted: &[u64], q: f64) -> f64 {
        let rank = (sorted.len() - 1) as f64 * q;
        let (low, high) = (sorted[rank.floor() as usize] as f64, sorted[rank.ceil() as usize] as f64);
        low + (high - low) * (rank - rank.floor())
    }

    fn total_of(values: &[u64], fine_per_bucket: u64, intervals: usize) -> TrendTotal {
        let mut total = TrendTotal::default();
        for chunk in values.chunks(values.len().div_ceil(intervals).max(1)) {
            let mut live = LiveTrend::default();
            for value in chunk {
                live.record(*value, fine_per_bucket);
            }
            total.add(&live.drain().unwrap_or_default());
        }
        total
    }

    /// 700 ms must not come out as 70 ms: every decade, through the whole way from sample to percentile.
    #[test]
    fn each_decade_comes_back_as_itself() {
        for millis in [1, 7, 10, 70, 100, 500, 700, 1_000, 3_000, 7_000, 70_000, 700_000_u64] {
            let nanos = millis * 1_000_000;
            let total = total_of(&[nanos, nanos, nanos], 1_000, 1);
            for value in total.quantiles(&[0.0, 0.5, 0.99, 1.0], 1_000) {
                assert!(
                    (value - nanos as f64).abs() <= nanos as f64 * 0.001,
                    "{millis} ms came out as {value} ns"
                );
            }
        }
    }

    /// k6's golden values: linear interpolation on plain numbers (in thousandths here).
    #[test]
    fn percentiles_interpolate_as_k6_does() {
        let total = total_of(&[10_000, 15_000, 20_000], 1, 1);
        let got = total.quantiles(&[0.5, 0.9, 0.95, 0.99, 0.999], 1);
        for (got, want) in got.iter().zip([15.0, 19.0, 19.5, 19.9, 19.99]) {
            assert!((got / 1_000.0 - want).abs() <= want * 0.001, "{got} instead of {want}");
        }
        let two = total_of(&[5_000, 10_000], 1, 1).quantiles(&[0.0, 0.5, 0.95, 1.0], 1);
        assert_eq!(two, [5_000.0, 7_500.0, 9_750.0, 10_000.0]);
        assert!(TrendTotal::default().quantiles(&[0.5], 1)[0].is_nan());
    }

    fn durations() -> impl Strategy<Value = Vec<u64>> {
        // Log-uniform from nanoseconds to an hour, so that every bucket size is met.
        prop::collection::vec((0.0_f64..28.9).prop_map(|e| e.exp() as u64), 1..400)
    }

    fn delta_of(values: &[u64]) -> TrendDelta {
        let mut live = LiveTrend::default();
        for value in values {
            live.record(*value, 1_000);
        }
        live.drain().unwrap_or_default()
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_thousandth_of_the_sorted_truth(mut values in durations(), intervals in 1_usize..4) {
            let total = total_of(&values, 1_000, intervals);
            values.sort_unstable();
            prop_assert_eq!(total.count, values.len() as u64);
            prop_assert_eq!(total.sum, values.iter().map(|v| u128::from(*v)).sum::<u128>());
            prop_assert_eq!((total.min, total.max), (values[0], values[values.len() - 1]));
            let quantiles: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 1000.0).collect();
            for (q, got) in quantiles.iter().zip(total.quantiles(&quantiles, 1_000)) {
                let want = exact(&values, *q);
                let slack = (want * 0.001).max(1_000.0);
                prop_assert!((got - want).abs() <= slack, "p{}: {got} ns instead of {want} ns", q * 100.0);
            }
        }

        #[test]
        fn merging_is_associative_and_commutative(a in durations(), b in durations(), c in durations()) {
            let (a, b, c) = (delta_of(&a), delta_of(&b), delta_of(&c));
            let merge = |x: &TrendDelta, y: &TrendDelta| { let mut sum = x.clone(); sum.merge(y); sum };
            prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
            prop_assert_eq!(merge(&a, &b), merge(&b, &a));
        }

        #[test]
        fn the_latest_gauge_wins_in_any_order(a in 0_u64..5, b in 0_u64..5, x in -9.0_f64..9.0, y in -9.0_f64..9.0) {
            let gauge = |value, at| Value::Gauge { last: value, min: value, max: value, at };
            let merge = |first: &Value, second: &Value| { let mut sum = first.clone(); sum.merge(second); sum };
            prop_assert_eq!(merge(&gauge(x, a), &gauge(y, b)), merge(&gauge(y, b), &gauge(x, a)));
        }
    }
}
