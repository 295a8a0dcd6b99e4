//! Random arrivals: independent of each other, as real users are.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// The instants of a Poisson process of rate 1: the gaps are independent and exponentially distributed with mean 1.
///
/// Where a rate changes with time, an instant of this process is the number of arrivals that are expected by then.
/// The generator is named, not just the best of the day: a seed gives the same arrivals on every machine.
pub(crate) fn unit_process(seed: u64) -> impl Iterator<Item = f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut at = 0.0;
    std::iter::repeat_with(move || {
        let uniform: f64 = random.random();
        // `uniform` may be 0 but never 1.
        at -= (-uniform).ln_1p();
        at
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Kolmogorov and Smirnov's statistic, scaled: the greatest distance between the distribution of these gaps and
    /// the exponential one of mean 1, times the root of their number. It exceeds 1.63 in 1 of 100 samples.
    pub(crate) fn distance_from_exponential(instants: &[f64]) -> f64 {
        let starts = std::iter::once(&0.0).chain(instants);
        let mut gaps: Vec<f64> = instants.iter().zip(starts).map(|(at, before)| at - before).collect();
        gaps.sort_by(f64::total_cmp);
        let n = gaps.len() as f64;
        let distance = |(rank, gap): (usize, &f64)| {
            let expected = 1.0 - (-gap).exp();
            (expected - rank as f64 / n).max((rank + 1) as f64 / n - expected)
        };
        gaps.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
    }

    #[test]
    fn the_distance_tells_other_gaps_from_exponential_ones() {
        let instants = |gap: fn(f64) -> f64| -> Vec<f64> {
            let gaps = unit_process(7).take(100_000).collect::<Vec<_>>();
            let starts = std::iter::once(0.0).chain(gaps.clone());
            let gaps = gaps.iter().zip(starts).map(|(at, before)| gap(at - before));
            gaps.scan(0.0, |at, gap| {
                *at += gap;
                Some(*at)
            })
            .collect()
        };
        assert!(distance_from_exponential(&instants(|gap| gap)) < 1.63);
        assert!(distance_from_exponential(&instants(|gap| gap * 1.02)) > 1.63, "a rate 2% too low");
        assert!(distance_from_exponential(&instants(|_| 1.0)) > 100.0, "even gaps");
        assert!(distance_from_exponential(&instants(|gap| gap.max(0.02))) > 1.63, "no gap below 0.02");
    }

    #[test]
    fn the_gaps_of_any_seed_are_exponential() {
        for seed in [0, 1, 42, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
            let instants: Vec<f64> = unit_process(seed).take(100_000).collect();
            let distance = distance_from_exponential(&instants);
            assert!(distance < 1.63, "seed {seed}: {distance}");
        }
    }

    #[test]
    fn a_gap_says_nothing_of_the_next_one() {
        let instants: Vec<f64> = unit_process(3).take(100_000).collect();
        let gaps: Vec<f64> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let products: f64 = gaps.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0)).sum();
        // The correlation of independent ones is about 0, give or take the root of 1 in 100,000.
        let correlation = products / gaps.len() as f64;
        assert!(correlation.abs() < 0.01, "{correlation}");
    }
}
