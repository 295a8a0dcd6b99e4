//! Wakes the driver of an open model when arrivals are due.
//!
//! Tokio's timers round up to the next millisecond, so each arrival would start 1 ms late or more, and arrivals would
//! start in bursts. The kernel's own timer is late by what waking a thread takes, some 50 µs. Its price is a wake-up for
//! each arrival, so at high rates one wake-up serves all arrivals of a quantum.

#[cfg(target_os = "linux")]
mod timer;

use super::clock::{Clock, Nanos, Turn};
use std::cell::Cell;

/// How long an arrival may wait for others to be woken up with: no more wake-ups than 4,000 a second.
const QUANTUM: Nanos = 250_000;

/// How long before an arrival spinning begins: longer than any other way of waking up takes.
const SPIN: Nanos = 2_000_000;

/// One shard's alarm.
#[derive(Debug)]
pub(crate) struct Alarm {
    clock: Clock,
    spins: bool,
    /// When it rang last, or was to ring.
    last: Cell<Option<Nanos>>,
    /// The kernel's timer, where there is one; else the clock has to do.
    #[cfg(target_os = "linux")]
    timer: Option<timer::Timer>,
}

impl Alarm {
    pub(crate) fn new(clock: &Clock, spins: bool) -> Self {
        Self {
            clock: clock.clone(),
            spins: spins && clock.is_real(),
            last: Cell::new(None),
            // Without a free descriptor arrivals are late, which the report tells.
            #[cfg(target_os = "linux")]
            timer: clock.origin().and_then(|origin| timer::Timer::new(origin).ok()),
        }
    }

    /// Waits until it is time for what is due at this instant: exactly, or some microseconds later with all that is due
    /// by then. It may be given up and called again.
    pub(crate) async fn ring(&self, due: Nanos) {
        if self.spins {
            self.sleep_until(due.saturating_sub(SPIN)).await;
            while self.clock.now() < due {
                tokio::task::yield_now().await;
            }
            return;
        }
        let at = if self.clock.is_real() { batched(self.last.get(), due) } else { due };
        self.sleep_until(at).await;
        self.last.set(Some(at));
    }

    #[cfg(target_os = "linux")]
    async fn sleep_until(&self, at: Nanos) {
        match &self.timer {
            Some(timer) if timer.sleep_until(&self.clock, at).await.is_ok() => {}
            _ => self.clock.sleep_until(at, Turn::Plan).await,
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn sleep_until(&self, at: Nanos) {
        self.clock.sleep_until(at, Turn::Plan).await;
    }
}

/// When to wake up for what is due at an instant: just then, unless the last time was less than a quantum before. Then at
/// the quantum's end, which is the same instant for all shards of all cores.
fn batched(last: Option<Nanos>, due: Nanos) -> Nanos {
    match last {
        Some(last) if due < last.saturating_add(QUANTUM) => due.next_multiple_of(QUANTUM),
        _ => due,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wake-ups for arrivals at these instants, and how late each arrival is.
    fn wake_ups(dues: impl Iterator<Item = Nanos>) -> (usize, Vec<Nanos>) {
        let (mut last, mut count, mut late) = (None, 0, Vec::new());
        for due in dues {
            match last {
                // Started by the last wake-up.
                Some(last) if due <= last => {}
                _ => {
                    last = Some(batched(last, due));
                    count += 1;
                }
            }
            late.push(last.unwrap_or(due) - due);
        }
        (count, late)
    }

    #[test]
    fn at_low_rates_each_arrival_is_woken_up_for_exactly() {
        let (count, late) = wake_ups((0..4_000).map(|i| 77 + i * QUANTUM));
        assert_eq!(count, 4_000);
        assert!(late.iter().all(|late| *late == 0));
    }

    #[test]
    fn at_high_rates_a_wake_up_serves_a_quantum() {
        for gap in [100, 33_333, 100_000, 249_999] {
            let arrivals = 1_000_000_000 / gap;
            let (count, late) = wake_ups((0..arrivals).map(|i| i * gap));
            assert!(count <= 4_001, "{count} wake-ups a second for gaps of {gap} ns");
            assert!(late.iter().all(|late| *late < QUANTUM), "for gaps of {gap} ns");
        }
    }

    #[test]
    fn a_burst_after_a_pause_begins_at_once() {
        let (count, late) = wake_ups([10, 20, 30, 900_000, 900_010].into_iter());
        assert_eq!((count, late), (4, vec![0, 249_980, 249_970, 0, 99_990]));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_never_rings_early_and_can_be_given_up() {
        let clock = Clock::Real(std::time::Instant::now());
        for spins in [false, true] {
            let alarm = Alarm::new(&clock, spins);
            assert!(alarm.timer.is_some());
            for step in [0, 1, 10_000, 300_000, 3_000_000] {
                let due = clock.now() + step;
                tokio::select! {
                    biased;
                    () = alarm.ring(due + 400_000) => {}
                    () = tokio::task::yield_now() => {}
                }
                alarm.ring(due).await;
                assert!(clock.now() >= due);
            }
        }
    }
}
