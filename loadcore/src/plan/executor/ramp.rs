//! When arrivals are due whose rate changes linearly.

use crate::plan::ArrivalRate;
use std::time::Duration;

/// A number of arrivals in two parts, the second of which is what the first cannot hold. Where a rate falls to 0 a
/// billionth of an arrival decides about microseconds, also after a billion of them.
#[derive(Debug, Clone, Copy, Default)]
struct Precise {
    value: f64,
    rest: f64,
}

impl Precise {
    /// What a constant rate brings in this time.
    fn of_rate(rate: ArrivalRate, nanos: f64) -> Self {
        let unit = rate.unit.as_nanos() as f64;
        let product = rate.count * nanos;
        let lost = rate.count.mul_add(nanos, -product);
        let value = product / unit;
        Self { value, rest: ((-value).mul_add(unit, product) + lost) / unit }
    }

    fn plus(self, other: Self) -> Self {
        let value = self.value + other.value;
        // What the addition has lost is known exactly (Knuth's sum of two).
        let added = value - self.value;
        let lost = (self.value - (value - added)) + (other.value - added);
        Self { value, rest: self.rest + other.rest + lost }
    }

    fn half(self) -> Self {
        Self { value: self.value / 2.0, rest: self.rest / 2.0 }
    }

    /// How much more it is than `n`.
    fn beyond(self, n: f64) -> f64 {
        (self.value - n) + self.rest
    }
}

/// A stretch of time over which the rate changes linearly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    /// Nanoseconds before it, and in it.
    begin: f64,
    length: f64,
    /// Arrivals before it, and by its end.
    before: Precise,
    after: Precise,
    /// Arrivals per nanosecond, at its begin and its end.
    from: f64,
    to: f64,
}

impl Ramp {
    /// Arrivals by its end, with what is left of the last one: an area of 5.999999999 is 6 but for rounding, since 0.7 is
    /// not quite 0.7.
    pub(super) fn done_after(self) -> f64 {
        const ROUNDING: f64 = 1e-9;
        self.after.value + (self.after.rest + ROUNDING)
    }

    /// When the `n`-th arrival of all is due: the area under the rate reaches `n`.
    fn instant(self, n: f64) -> f64 {
        // From its lower end on, whichever that is: there is no difference to be taken that way.
        let since_begin = if self.from <= self.to {
            rising(self.from, self.to, self.length, -self.before.beyond(n))
        } else {
            self.length - rising(self.to, self.from, self.length, self.after.beyond(n))
        };
        self.begin + since_begin
    }
}

/// When the area under a rate that rises reaches `area`: the root of `from t + (to - from) / (2 length) t^2 = area`.
fn rising(from: f64, to: f64, length: f64, area: f64) -> f64 {
    if area <= 0.0 {
        return 0.0;
    }
    let slope = (to - from) / length;
    let root = (from * from + 2.0 * slope * area).sqrt();
    (2.0 * area / (from + root)).min(length)
}

/// A ramp for each stage that takes time.
pub(super) fn ramps(start: ArrivalRate, stages: &[(Duration, ArrivalRate)]) -> Vec<Ramp> {
    let per_nano = |rate: ArrivalRate| rate.count / rate.unit.as_nanos() as f64;
    let (mut begin, mut before, mut from) = (0.0, Precise::default(), start);
    let mut ramps = Vec::new();
    for (duration, to) in stages {
        if !duration.is_zero() {
            let length = duration.as_nanos() as f64;
            let area = Precise::of_rate(from, length).plus(Precise::of_rate(*to, length)).half();
            let after = before.plus(area);
            ramps.push(Ramp { begin, length, before, after, from: per_nano(from), to: per_nano(*to) });
            (begin, before) = (begin + length, after);
        }
        from = *to;
    }
    ramps
}

/// An arrival is due when the area under the rate reaches its number: 1, 2, 3 and so on, so that none is due at 0, where a
/// constant rate begins (as in k6). For random arrivals the numbers are those of a Poisson process of rate 1.
pub(super) fn arrivals(
    ramps: Vec<Ramp>,
    numbers: impl Iterator<Item = f64>,
) -> impl Iterator<Item = Duration> {
    let mut current = 0;
    numbers.map_while(move |n| {
        while n > ramps.get(current)?.done_after() {
            current += 1;
        }
        Some(Duration::from_nanos(ramps[current].instant(n) as u64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{per, per_sec};
    use proptest::prelude::*;

    /// A ramp of `count` per unit, in whole numbers: exact, and as slow as that is.
    struct Exact {
        unit: i128,
        /// Nanoseconds, and the counts at the begin and the end.
        stages: Vec<(i128, i128, i128)>,
    }

    impl Exact {
        /// Twice the area under all stages, in units.
        fn area(&self) -> i128 {
            self.stages.iter().map(|(length, from, to)| (from + to) * length).sum()
        }

        /// When the area reaches `n`, rounded down.
        fn due(&self, n: i128) -> i128 {
            let (mut begin, mut before) = (0, 0);
            for (length, from, to) in self.stages.iter().copied().filter(|(length, ..)| *length > 0) {
                let area = (from + to) * length;
                let wanted = 2 * self.unit * n - before;
                if area >= wanted {
                    // The area after t, times the length, so that it is whole.
                    let reached = |t: i128| 2 * from * t * length + (to - from) * t * t;
                    let (mut low, mut high) = (0, length);
                    while low < high {
                        let middle = (low + high) / 2;
                        if reached(middle) >= wanted * length { high = middle } else { low = middle + 1 }
                    }
                    let is_whole = reached(low) == wanted * length;
                    return begin + if is_whole { low } else { low - 1 };
                }
                (begin, before) = (begin + length, before + area);
            }
            unreachable!("it has fewer arrivals")
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arrivals_are_due_at_the_exact_instants(
            unit_ms in prop_oneof![Just(1_000), Just(60_000), 1_u64..5_000],
            start in 0_u32..20_000,
            stages in prop::collection::vec((0_u64..3_600_000, prop_oneof![Just(0), 0_u32..20_000]), 1..8),
            parts in prop::collection::vec(0.0..=1.0, 20),
        ) {
            let unit = Duration::from_millis(unit_ms);
            let rates: Vec<_> =
                stages.iter().map(|(ms, count)| (Duration::from_millis(*ms), per(*count, unit))).collect();
            let ramps = ramps(per(start, unit), &rates);
            let counted = ramps.last().map_or(0, |last| last.done_after() as i128);
            let froms = std::iter::once(start).chain(stages.iter().map(|(_, count)| *count));
            let exact = Exact {
                unit: unit.as_nanos() as i128,
                stages: stages.iter().zip(froms).map(|((ms, to), from)| {
                    (i128::from(*ms) * 1_000_000, i128::from(from), i128::from(*to))
                }).collect(),
            };
            let all = exact.area() / (2 * exact.unit);
            prop_assert_eq!(counted, all);
            let picked = parts.iter().map(|part| (part * all as f64) as i128).chain([1, all]);
            for n in picked.filter(|n| (1..=all).contains(n)) {
                let due = arrivals(ramps.clone(), std::iter::once(n as f64)).next().unwrap().as_nanos() as i128;
                let want = exact.due(n);
                prop_assert!((due - want).abs() <= 1, "{} of {}: {} instead of {}", n, all, due, want);
            }
        }
    }

    #[test]
    fn rates_that_no_float_holds_lose_no_arrival() {
        // 0.7 is a little less in binary, and 0.7 x 10 less than 7.
        for (rate, seconds, count) in [(0.7, 10, 7), (0.1, 3_000, 300), (1e-3, 86_400_000, 86_400)] {
            let ramps = ramps(per_sec(rate), &[(Duration::from_secs(seconds), per_sec(rate))]);
            let last = arrivals(ramps, (1_u32..).map(f64::from)).enumerate().last().unwrap();
            assert_eq!((last.0 + 1, last.1.as_secs_f64().round() as u64), (count, seconds), "{rate}");
        }
    }
}
