//! Chance in a journey: all of it is drawn from the running iteration's stream, and so repeats with the seed.

use super::Vu;
use crate::plan::Number;
use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};
use std::time::Duration;

/// A distribution of think times: how long a user looks at a page before the next click.
///
/// Made by [`constant`], [`uniform`], [`normal`], [`lognormal`] and [`exponential`]; waited with
/// [`Vu::think`]. Never negative. `lognormal(secs(3), 0.6)` is a good first guess for people who read:
///
/// | | mean | median | 90% are below | 99% are below |
/// |---|---:|---:|---:|---:|
/// | `constant(secs(3))` | 3 s | 3 s | 3 s | 3 s |
/// | `uniform(secs(1), secs(5))` | 3 s | 3 s | 4.6 s | 5 s |
/// | `normal(secs(3), secs(1))` | 3 s | 3 s | 4.3 s | 5.3 s |
/// | `lognormal(secs(3), 0.6)` | 3.6 s | 3 s | 6.5 s | 12.1 s |
/// | `exponential(secs(3))` | 3 s | 2.1 s | 6.9 s | 13.8 s |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Think {
    shape: Shape,
    at_most: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Constant(Duration),
    Uniform(Duration, Duration),
    Normal { mean: f64, sd: f64 },
    Lognormal { median: f64, sigma: f64 },
    Exponential { mean: f64 },
}

/// A tail may go so far beyond the mean, unless something else is said.
const TAIL: f64 = 100.0;

/// The same time always.
pub const fn constant(time: Duration) -> Think {
    Think { shape: Shape::Constant(time), at_most: Duration::MAX }
}

/// Any time from `least` to `most`, all equally likely.
///
/// # Panics
/// If `least` is more than `most`.
#[track_caller]
pub fn uniform(least: Duration, most: Duration) -> Think {
    assert!(least <= most, "uniform({least:?}, {most:?}): the first time is more than the second one");
    Think { shape: Shape::Uniform(least, most), at_most: Duration::MAX }
}

/// Times around a mean: two thirds of them within one standard deviation (`sd`) of it. What would be negative is 0.
pub const fn normal(mean: Duration, sd: Duration) -> Think {
    Think { shape: Shape::Normal { mean: mean.as_secs_f64(), sd: sd.as_secs_f64() }, at_most: Duration::MAX }
}

/// Times as people take them: half of them below the median, and a long tail above it, the longer the larger `sigma`: two
/// thirds lie between the median divided by, and multiplied with, e to the power of it. 0.5 to 1 is usual. No time is more
/// than 100 times the mean, unless [`at_most`](Think::at_most) says otherwise.
///
/// # Panics
/// If `sigma` is negative or not finite.
#[track_caller]
pub fn lognormal(median: Duration, sigma: impl Number) -> Think {
    let (median, sigma) = (median.as_secs_f64(), sigma.into_f64());
    assert!(
        sigma >= 0.0 && sigma.is_finite(),
        "lognormal(.., {sigma}): give a sigma of at least 0, such as 0.5"
    );
    let mean = median * (sigma * sigma / 2.0).exp();
    Think { shape: Shape::Lognormal { median, sigma }, at_most: duration(mean * TAIL) }
}

/// The times between events that know nothing of each other, such as calls at a switchboard. No time is more than 100
/// times the mean, unless [`at_most`](Think::at_most) says otherwise.
pub fn exponential(mean: Duration) -> Think {
    let mean = mean.as_secs_f64();
    Think { shape: Shape::Exponential { mean }, at_most: duration(mean * TAIL) }
}

/// The nearest duration to a number of seconds, which may be negative or beyond what a duration holds.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

impl Think {
    /// No time is more than this: those that would be are this long. Default: 100 times the mean for
    /// [`lognormal`] and [`exponential`], else no limit.
    #[must_use]
    pub const fn at_most(self, most: Duration) -> Self {
        Self { at_most: most, ..self }
    }

    /// A time, drawn for the running iteration: for those who want to wait for it themselves.
    pub fn draw(&self, vu: &Vu) -> Duration {
        let time = match self.shape {
            Shape::Constant(time) => time,
            Shape::Uniform(least, most) => {
                let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                Duration::from_nanos(vu.with_rng(|rng| rng.random_range(nanos(least)..=nanos(most))))
            }
            Shape::Normal { mean, sd } => duration(mean + sd * standard_normal(vu)),
            Shape::Lognormal { median, sigma } => duration(median * (sigma * standard_normal(vu)).exp()),
            Shape::Exponential { mean } => {
                let times: f64 = vu.with_rng(|rng| Exp1.sample(rng));
                duration(mean * times)
            }
        };
        time.min(self.at_most)
    }
}

fn standard_normal(vu: &Vu) -> f64 {
    vu.with_rng(|rng| StandardNormal.sample(rng))
}

impl Vu {
    /// Waits as a user does who looks at a page. The VU's core serves other VUs meanwhile.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn journey(vu: &Vu) -> Result {
    /// vu.think(lognormal(secs(3), 0.6)).await; // mostly 2 to 6 s, sometimes much longer
    /// vu.think(lognormal(secs(3), 0.6).at_most(secs(20))).await;
    /// vu.think(uniform(millis(500), secs(2))).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn think(&self, time: Think) {
        self.sleep(time.draw(self)).await;
    }

    /// A random index below `n`, all equally likely: the same in each run with the same seed.
    ///
    /// # Panics
    /// If `n` is 0: there is nothing to pick from.
    #[track_caller]
    pub fn pick(&self, n: usize) -> usize {
        assert!(n > 0, "vu.pick(0): there is nothing to pick from");
        self.with_rng(|rng| rng.random_range(0..n))
    }

    /// True with this probability, and the same in each run with the same seed: `if vu.chance(0.3) { .. }`.
    ///
    /// # Panics
    /// If the probability is not within 0 and 1.
    #[track_caller]
    pub fn chance(&self, probability: f64) -> bool {
        assert!(
            (0.0..=1.0).contains(&probability),
            "vu.chance({probability}): give a probability from 0 to 1, such as 0.3 for 30%"
        );
        // Always drawn, so that what follows does not depend on the probability.
        self.with_rng(|rng| rng.random::<f64>()) < probability
    }

    /// One of these, as often as their weights say: 3 of 4 times the first one, in the example. Weights are whole or decimal
    /// numbers, and need not sum to anything. The same in each run with the same seed.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn search(vu: &Vu) -> Result { Ok(()) }
    /// # async fn order(vu: &Vu) -> Result { Ok(()) }
    /// # async fn journey(vu: &Vu) -> Result {
    /// match *vu.choose_weighted(&[(3, "search"), (1, "order")]) {
    ///     "search" => search(vu).await,
    ///     _ => order(vu).await,
    /// }
    /// # }
    /// ```
    ///
    /// # Panics
    /// If there is nothing to choose from, a weight is negative or not finite, or all are 0.
    #[track_caller]
    pub fn choose_weighted<'a, T>(&self, choices: &'a [(impl Number + Copy, T)]) -> &'a T {
        let weights = || choices.iter().map(|(weight, _)| weight.into_f64());
        if let Some(wrong) = weights().find(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            panic!("vu.choose_weighted: {wrong} is no weight; give numbers of at least 0");
        }
        let total: f64 = weights().sum();
        assert!(
            total > 0.0 && total.is_finite(),
            "vu.choose_weighted: there is nothing to choose from; give at least one weight above 0"
        );
        let mut left = self.with_rng(|rng| rng.random::<f64>()) * total;
        let chosen = weights().position(|weight| {
            left -= weight;
            left < 0.0
        });
        // Rounding may leave nothing: then it is the last one that can be chosen at all.
        let chosen = chosen.or_else(|| weights().rposition(|weight| weight > 0.0)).unwrap_or(0);
        &choices[chosen].1
    }
}
