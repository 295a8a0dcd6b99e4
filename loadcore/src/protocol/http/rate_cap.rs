//! The test-wide cap on requests per second: turns in a fixed rhythm, which all cores draw from.

use crate::run::{Clock, Nanos, Turn};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

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
    turns: Mutex<Turns>,
}

/// Whose turn is when.
#[derive(Debug, Default)]
struct Turns {
    /// The first one that nobody has.
    next: u64,
    /// Those that were drawn and have not come.
    waiting: BTreeMap<u64, Arc<Waiter>>,
}

/// A request that waits for its turn.
#[derive(Debug)]
struct Waiter {
    turn: AtomicU64,
    /// It has been given an earlier one.
    moved: Notify,
}

impl Waiter {
    fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }
}

impl Turns {
    /// When the request that asks now may go.
    fn draw(&mut self, now: u64, interval: u64) -> u64 {
        let turn = if self.next.saturating_add(CATCH_UP) < now { now } else { self.next };
        self.next = turn.saturating_add(interval);
        turn
    }

    /// Whoever came last takes a turn that was given back: then the rhythm has no hole, and nobody waits longer.
    fn give_back(&mut self, turn: u64, interval: u64) {
        let last = self.waiting.last_key_value().map_or(turn, |(last, _)| turn.max(*last));
        if let Some(waiter) = self.waiting.remove(&last) {
            waiter.turn.store(turn, Ordering::Relaxed);
            waiter.moved.notify_one();
            self.waiting.insert(turn, waiter);
        }
        if self.next == last.saturating_add(interval) {
            self.next = last;
        }
    }
}

impl RateCap {
    /// `None` if there is no such rate.
    pub(crate) fn per_second(rate: f64) -> Option<Self> {
        let possible = (1e-6..=1e9).contains(&rate);
        possible.then(|| Self { interval: (PARTS_PER_SECOND / rate).round() as u64, turns: Mutex::default() })
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws a turn; `None` if it has come already.
    fn stand_in_line(&self, now: Nanos) -> Option<Place<'_>> {
        let now = now.saturating_mul(PARTS);
        let mut turns = self.turns();
        let turn = turns.draw(now, self.interval);
        (turn > now).then(|| {
            let waiter = Arc::new(Waiter { turn: AtomicU64::new(turn), moved: Notify::new() });
            turns.waiting.insert(turn, Arc::clone(&waiter));
            Place { cap: self, waiter, has_come: false }
        })
    }

    pub(super) async fn wait(&self, clock: &Clock) {
        let Some(mut place) = self.stand_in_line(clock.now()) else { return };
        while !place.has_come {
            tokio::select! {
                biased;
                () = clock.sleep_until(place.at(), Turn::Vu) => place.has_come = true,
                () = place.waiter.moved.notified() => {}
            }
        }
    }
}

/// A request's place in line. One that is left before its turn has come is given back.
#[derive(Debug)]
struct Place<'a> {
    cap: &'a RateCap,
    waiter: Arc<Waiter>,
    has_come: bool,
}

impl Place<'_> {
    fn at(&self) -> Nanos {
        self.waiter.turn().div_ceil(PARTS)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut turns = self.cap.turns();
        let turn = self.waiter.turn();
        turns.waiting.remove(&turn);
        if !self.has_come {
            turns.give_back(turn, self.cap.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    impl RateCap {
        /// Takes a turn, and goes when it comes: at this time.
        fn take(&self, now: Nanos) -> Nanos {
            self.turns().draw(now * PARTS, self.interval).max(now * PARTS).div_ceil(PARTS)
        }
    }

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
    fn a_turn_that_is_given_back_goes_to_whoever_came_last() {
        let cap = RateCap::per_second(1.0).unwrap();
        assert!(cap.stand_in_line(SECOND).is_none(), "the first one goes at once");
        let mut line: Vec<_> = (0..5).map(|_| cap.stand_in_line(SECOND).unwrap()).collect();
        let turns = |line: &[Place<'_>]| line.iter().map(|place| place.at() / SECOND).collect::<Vec<_>>();
        assert_eq!(turns(&line), [2, 3, 4, 5, 6]);
        drop(line.remove(1));
        assert_eq!(turns(&line), [2, 4, 5, 3]);
        // Those whose turn has come leave no hole either.
        line[0].has_come = true;
        drop(line.remove(0));
        drop(line.remove(1));
        assert_eq!(turns(&line), [4, 3]);
        line.push(cap.stand_in_line(2 * SECOND).unwrap());
        assert_eq!(turns(&line), [4, 3, 5]);
        drop(line);
        assert_eq!(cap.stand_in_line(2 * SECOND).unwrap().at(), 3 * SECOND);
        assert!(cap.turns().waiting.is_empty());
    }

    #[test]
    fn requests_that_are_given_up_while_they_wait_take_no_turns_from_others() {
        // Each wait is left a while before its turn would come, again and again; one goes on.
        let cap = RateCap::per_second(10.0).unwrap();
        let mut now = 0;
        assert!(cap.stand_in_line(now).is_none());
        let mut went = 0;
        for _ in 0..100 {
            let impatient: Vec<_> = (0..50).map(|_| cap.stand_in_line(now).unwrap()).collect();
            let mut patient = cap.stand_in_line(now).unwrap();
            drop(impatient);
            assert!(patient.at() <= now + SECOND / 10, "{} at {now}", patient.at());
            now = patient.at();
            patient.has_come = true;
            went += 1;
        }
        assert_eq!((went, now), (100, 10 * SECOND));
    }

    #[tokio::test]
    async fn who_is_given_an_earlier_turn_is_woken_up_for_it() {
        let cap = RateCap::per_second(0.1).unwrap();
        let clock = Clock::Real(std::time::Instant::now());
        cap.wait(&clock).await;
        // Behind two turns of ten seconds, the first of which is nearly over.
        cap.turns().next = clock.now() * PARTS + SECOND / 5 * PARTS;
        let first = tokio::time::timeout(std::time::Duration::from_millis(50), cap.wait(&clock));
        let (given_up, ()) = tokio::join!(first, cap.wait(&clock));
        assert!(given_up.is_err());
        let took = clock.now();
        assert!((SECOND / 5..2 * SECOND).contains(&took), "{took} ns");
    }

    #[test]
    fn there_is_no_rate_of_zero_or_less() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(RateCap::per_second(rate).is_none(), "{rate}");
        }
    }
}
