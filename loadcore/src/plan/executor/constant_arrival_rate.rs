//! Iterations that start at a constant rate, however long the earlier ones take.

use super::{Plan, PlanError, require_duration, require_vus, shared_options};
use crate::plan::number::counted;
use crate::plan::{ArrivalRate, Arrivals, OpenSchedule, Schedule, Stage, StageLoad, format_duration};
use std::time::Duration;

/// Made by [`constant_arrival_rate`].
#[derive(Debug, Clone)]
pub struct ConstantArrivalRate {
    rate: ArrivalRate,
    duration: Duration,
    max_vus: Option<u64>,
}

/// Iterations start at `rate` for `duration`: an open model, as real users are.
///
/// Each iteration takes an idle VU, or a new one up to [`max_vus`](ConstantArrivalRate::max_vus). When all of those are
/// busy the arrival is dropped and counted in `dropped_iterations`.
pub fn constant_arrival_rate(rate: ArrivalRate, duration: Duration) -> ConstantArrivalRate {
    ConstantArrivalRate { rate, duration, max_vus: None }
}

impl ConstantArrivalRate {
    /// The most iterations in flight at once. Default: the arrivals of 10 seconds, at most 80% of the free file
    /// descriptors.
    pub fn max_vus(mut self, vus: u64) -> Self {
        self.max_vus = Some(vus);
        self
    }
}

shared_options!(ConstantArrivalRate);

/// Arrival `i` is due at `i * unit / rate`, the first at 0 and the last before `end`.
fn arrivals(rate: ArrivalRate, end: Duration) -> impl Iterator<Item = Duration> {
    (0_u64..).map(move |i| due(rate, i)).take_while(move |due| *due < end)
}

fn due(rate: ArrivalRate, i: u64) -> Duration {
    Duration::from_nanos((i as f64 * rate.unit.as_nanos() as f64 / rate.count).floor() as u64)
}

/// How many arrivals are due before `end`, without going through them.
fn arrivals_before(rate: ArrivalRate, end: Duration) -> u64 {
    let quotient = end.as_nanos() as f64 * rate.count / rate.unit.as_nanos() as f64;
    let mut n = quotient.ceil() as u64;
    if quotient > 1e15 {
        // Centuries of the fastest loop: nobody counts them one by one.
        return n;
    }
    // The quotient may be off by its rounding, and an instant is rounded down.
    while n > 0 && due(rate, n - 1) >= end {
        n -= 1;
    }
    while due(rate, n) < end {
        n += 1;
    }
    n
}

pub(super) fn require_unit(executor: &'static str, rate: ArrivalRate) -> Result<(), PlanError> {
    if rate.unit.is_zero() {
        let problem = "a rate per 0s has no meaning: give a time unit, for example per(10, secs(1))";
        return Err(PlanError::new(executor, problem));
    }
    Ok(())
}

pub(super) fn require_rate(executor: &'static str, rate: f64) -> Result<(), PlanError> {
    if rate.is_finite() && rate > 0.0 {
        return Ok(());
    }
    Err(PlanError::new(executor, format!("a rate of {rate} starts nothing: give for example per_sec(10)")))
}

impl Plan for ConstantArrivalRate {
    fn name(&self) -> &'static str {
        "constant-arrival-rate"
    }

    fn describe(&self) -> String {
        let vus = self.max_vus.map_or_else(String::new, |vus| format!(", up to {}", counted(vus, "VU")));
        format!("{} for {}{vus}", self.rate, format_duration(self.duration))
    }

    fn schedule(&self) -> Result<Schedule, PlanError> {
        require_duration(self.name(), "duration", self.duration)?;
        require_unit(self.name(), self.rate)?;
        require_rate(self.name(), self.rate.count)?;
        if let Some(vus) = self.max_vus {
            require_vus(self.name(), vus)?;
        }
        let (rate, end) = (self.rate, self.duration);
        Ok(Schedule::Open(OpenSchedule {
            arrivals: Arrivals::new(move || arrivals(rate, end)),
            max_vus: self.max_vus,
            peak_rate: rate.per_second(),
            end,
        }))
    }

    fn stages(&self) -> Vec<Stage> {
        let rate = self.rate.per_second();
        let arrivals = arrivals_before(self.rate, self.duration);
        let load = StageLoad::Rate { from: rate, to: rate, arrivals };
        vec![Stage { start: Duration::ZERO, end: self.duration, load }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{per, per_sec};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_formula_counts_what_the_iterator_gives(
            count in prop_oneof![(1_u32..5_000).prop_map(f64::from), 0.01..500.0],
            unit_ms in 1_u64..5_000,
            end_ns in 1_u64..2_000_000_000,
        ) {
            let (rate, end) = (per(count, Duration::from_millis(unit_ms)), Duration::from_nanos(end_ns));
            // A rate that would take the test too long.
            prop_assume!(rate.per_second() * end.as_secs_f64() < 100_000.0);
            prop_assert_eq!(arrivals_before(rate, end), arrivals(rate, end).count() as u64);
        }
    }

    #[test]
    fn ten_million_arrivals_are_counted_at_once() {
        let stages = constant_arrival_rate(per_sec(10_000), Duration::from_secs(1_000)).stages();
        assert_eq!(stages[0].arrivals(), Some(10_000_000));
    }

    #[test]
    fn arrivals_start_at_zero_and_keep_the_exact_rate() {
        let thirds: Vec<_> = arrivals(per_sec(3), Duration::from_secs(2)).map(|d| d.as_nanos()).collect();
        assert_eq!(thirds, [0, 333_333_333, 666_666_666, 1_000_000_000, 1_333_333_333, 1_666_666_666]);
        let golden: Vec<_> = arrivals(per_sec(50), Duration::from_secs(5)).collect();
        assert_eq!(golden.len(), 250);
        assert_eq!(golden[1], Duration::from_millis(20));
        // 20 per 950 ms for 1 s: the 21st falls on 950 ms, the 22nd on 997.5 ms.
        assert_eq!(arrivals(per(20, Duration::from_millis(950)), Duration::from_secs(1)).count(), 22);
    }

    #[test]
    fn rates_that_start_nothing_are_refused() {
        for rate in [0.0, -1.0, f64::NAN] {
            let error = constant_arrival_rate(per_sec(rate), Duration::from_secs(1)).schedule().unwrap_err();
            assert!(error.to_string().contains("starts nothing"), "{error}");
        }
        assert!(constant_arrival_rate(per_sec(1), Duration::from_secs(1)).max_vus(0).schedule().is_err());
    }
}
