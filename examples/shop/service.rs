//! What every route shares: users, time taken, trouble.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::auth::Auth;
use crate::options::ShopOptions;

/// How long a route takes: a log-normal distribution, the usual shape of a service's latency (a floor, a bulk near
/// the median, a long tail to the right).
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    median_ms: f64,
    /// Standard deviation of the logarithm; the 99th percentile is `median * exp(2.33 * spread)`.
    spread: f64,
}

// The tails end well below 35 ms at p99: the examples promise a p99 below 50 ms and the machine needs its share too.
pub(crate) const LOGIN: Latency = Latency { median_ms: 8.0, spread: 0.35 }; // p99 18 ms
pub(crate) const PRODUCTS: Latency = Latency { median_ms: 4.0, spread: 0.45 }; // p99 11 ms
pub(crate) const ORDERS: Latency = Latency { median_ms: 12.0, spread: 0.30 }; // p99 24 ms

impl Latency {
    /// One draw. The tail is cut at four standard deviations, so that one request in 30,000 does not decide a test.
    fn sample(self, rng: &mut impl RngExt) -> Duration {
        // Box-Muller: two uniform numbers make a normal one. 1 - u keeps the logarithm's argument off zero.
        let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
        let normal = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
        Duration::from_secs_f64(self.median_ms / 1e3 * (self.spread * normal.clamp(-4.0, 4.0)).exp())
    }
}

/// The request is to fail, as asked for by [`ShopOptions::failure_rate`].
pub(crate) struct Unavailable;

/// The shop behind the routes.
pub(crate) struct Service {
    pub(crate) auth: Auth,
    options: ShopOptions,
    // One generator for all threads: it is held for nanoseconds, and only one can be seeded.
    rng: Mutex<StdRng>,
    orders: AtomicU64,
}

impl Service {
    pub(crate) fn new(options: &ShopOptions) -> Service {
        let rng = options.seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        Service {
            auth: Auth::new(),
            options: options.clone(),
            rng: Mutex::new(rng),
            orders: AtomicU64::new(1),
        }
    }

    /// Takes the time that a request of this kind takes, and fails as often as asked for.
    pub(crate) async fn work(&self, latency: Latency) -> Result<(), Unavailable> {
        let (takes, fails) = self.draw(latency);
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if fails { Err(Unavailable) } else { Ok(()) }
    }

    /// The next order's number, from 1.
    pub(crate) fn next_order(&self) -> u64 {
        self.orders.fetch_add(1, Ordering::Relaxed)
    }

    fn draw(&self, latency: Latency) -> (Duration, bool) {
        let options = &self.options;
        let mut rng = self.rng.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Always three draws, so that an option changes its own share of the requests and nothing else of a seeded run.
        let takes = latency.sample(&mut *rng).mul_f64(options.latency_scale);
        let is_slow = rng.random::<f64>() < options.slow_rate;
        let fails = rng.random::<f64>() < options.failure_rate;
        (if is_slow { takes + options.slow_by } else { takes }, fails)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shop;

    fn drawn(options: &ShopOptions, latency: Latency) -> (Vec<f64>, usize) {
        let service = Service::new(options);
        let draws: Vec<_> = (0..20_000).map(|_| service.draw(latency)).collect();
        let mut millis: Vec<f64> = draws.iter().map(|(takes, _)| takes.as_secs_f64() * 1e3).collect();
        millis.sort_by(f64::total_cmp);
        (millis, draws.iter().filter(|(_, fails)| *fails).count())
    }

    #[test]
    fn latencies_have_their_median_and_a_bounded_tail() {
        for (latency, median, p99) in [(LOGIN, 8.0, 18.06), (PRODUCTS, 4.0, 11.39), (ORDERS, 12.0, 24.11)] {
            let (millis, _) = drawn(&Shop::builder().seed(7), latency);
            let (at_50, at_99) = (millis[10_000], millis[19_800]);
            assert!((at_50 / median - 1.0).abs() < 0.02, "median {at_50} ms instead of {median}");
            assert!((at_99 / p99 - 1.0).abs() < 0.05, "p99 {at_99} ms instead of {p99}");
            assert!(at_99 < 35.0 && millis[19_999] < 45.0);
        }
    }

    #[test]
    fn trouble_comes_as_often_as_asked_for() {
        let options =
            Shop::builder().seed(7).failure_rate(0.1).slow(0.05, Duration::from_secs(1)).no_latency();
        let (millis, failures) = drawn(&options, ORDERS);
        let slow = millis.iter().filter(|ms| **ms >= 1000.0).count();
        assert!((1_850..2_150).contains(&failures), "{failures} failures in 20,000");
        assert!((900..1_100).contains(&slow), "{slow} slow ones in 20,000");
        assert_eq!(millis.iter().filter(|ms| **ms > 0.0).count(), slow);
    }

    #[test]
    fn a_seed_repeats_a_run() {
        let seeded = |seed| drawn(&Shop::builder().seed(seed), LOGIN).0;
        assert_eq!(seeded(1), seeded(1));
        assert_ne!(seeded(1), seeded(2));
    }
}
