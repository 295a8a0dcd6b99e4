//! The test-wide cap on requests per second: a token bucket that holds one token, kept in one atomic number for all cores.

use crate::run::{Clock, Nanos, Turn};
use std::sync::atomic::{AtomicU64, Ordering};

/// Time is counted in parts of a nanosecond here, so that no rate is rounded by more than a millionth. 2^64 parts are two
/// years.
const PARTS: u64 = 256;
const PARTS_PER_SECOND: f64 = 1e9 * PARTS as f64;

/// Timers wake requests up late. So much of that time is made up for, or few VUs could not reach the rate; after a longer
/// pause one request may go at once, and no more.
const CATCH_UP: u64 = 5_000_000 * PARTS;

/// Lets requests pass at a rate.
#[derive(Debug)]
pub(crate) struct RateCap {
    interval: u64,
    /// When the next request may go.
    next: AtomicU64,
}

impl RateCap {
    /// `None` if there is no such rate.
    pub(crate) fn per_second(rate: f64) -> Option<Self> {
        let possible = (1e-6..=1e9).contains(&rate);
        possible.then(|| Self { interval: (PARTS_PER_SECOND / rate).round() as u64, next: AtomicU64::new(0) })
    }

    /// Takes a token: when the request that asks now may go.
    fn take(&self, now: Nanos) -> Nanos {
        let now = now.saturating_mul(PARTS);
        let from = |next: u64| if next.saturating_add(CATCH_UP) < now { now } else { next };
        let taken = |next| Some(from(next).saturating_add(self.interval));
        let next = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
        let (Ok(next) | Err(next)) = next;
        from(next).max(now).div_ceil(PARTS)
    }

    pub(super) async fn wait(&self, clock: &Clock) {
        let now = clock.now();
        let at = self.take(now);
        if at > now {
            clock.sleep_until(at, Turn::Vu).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn requests_that_are_always_ready_go_at_exactly_the_rate() {
        for rate in [1.0, 3.0, 7.0, 60.0, 999.0, 10_000.0, 0.5] {
            let cap = RateCap::per_second(rate).unwrap();
            let start = 5 * SECOND;
            let goes: Vec<Nanos> = (0..20_000).map(|_| cap.take(start)).collect();
            for (i, at) in goes.iter().enumerate() {
                let due = i as f64 / rate * 1e9;
                let off = (at - start) as f64 - due;
                assert!(off.abs() <= 1.0 + due * 1e-6, "request {i} at {rate}/s is {off} ns off");
            }
        }
    }

    #[test]
    fn one_vu_whose_timer_is_late_still_reaches_the_rate() {
        let cap = RateCap::per_second(1_000.0).unwrap();
        let (mut now, mut sent) = (0, 0);
        while now < 10 * SECOND {
            let at = cap.take(now);
            // A wake-up 1.2 ms late, and an answer after 50 µs.
            now = if at > now { at + 1_200_000 } else { at } + 50_000;
            sent += 1;
        }
        assert!((9_990..=10_002).contains(&sent), "{sent}");
    }

    #[test]
    fn a_pause_saves_up_nothing() {
        let cap = RateCap::per_second(100.0).unwrap();
        assert_eq!(cap.take(SECOND), SECOND);
        let later = 100 * SECOND;
        assert_eq!([cap.take(later), cap.take(later)], [later, later + SECOND / 100]);
    }

    #[test]
    fn there_is_no_rate_of_zero_or_less() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(RateCap::per_second(rate).is_none(), "{rate}");
        }
    }
}
