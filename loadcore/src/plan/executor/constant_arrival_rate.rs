//! Iterations that start at a constant rate, however long the earlier ones take.

use super::open::{OpenOptions, open_options};
use super::{LONGEST, Plan, PlanError, require_duration, shared_options};
use crate::plan::poisson::unit_process;
use crate::plan::{ArrivalRate, Arrivals, OpenSchedule, Schedule, Stage, StageLoad, format_duration};
use std::time::Duration;

/// Made by [`constant_arrival_rate`].
#[derive(Debug, Clone)]
pub struct ConstantArrivalRate {
    rate: ArrivalRate,
    duration: Duration,
    options: OpenOptions,
}

/// Iterations start at `rate` for `duration`: an open model, as real users are.
/// `constant_arrival_rate(per_sec(200), mins(5))`, or `5m` in the attribute.
///
/// Iteration `i` is due at `i` times unit / rate, in whole nanoseconds, rounded down: the first one at 0, the last one
/// before the duration is over. A rate or a duration of 0 is an error before the start, and so is a rate above one arrival
/// in each nanosecond.
///
/// Each iteration takes an idle VU, or a new one up to [`max_vus`](ConstantArrivalRate::max_vus). When all of those are
/// busy the arrival is dropped and counted in `dropped_iterations`, or waits if there is a
/// [`queue`](ConstantArrivalRate::queue).
pub fn constant_arrival_rate(rate: ArrivalRate, duration: Duration) -> ConstantArrivalRate {
    ConstantArrivalRate { rate, duration, options: OpenOptions::default() }
}

shared_options!(ConstantArrivalRate);
open_options!(ConstantArrivalRate);

impl ConstantArrivalRate {
    fn end(&self) -> Duration {
        self.duration.min(LONGEST)
    }
}

/// Arrival `i` is due at `i * unit / rate`, the first at 0 and the last before `end`.
fn arrivals(rate: ArrivalRate, end: Duration) -> impl Iterator<Item = Duration> {
    (0_u64..).map(move |i| due(rate, i as f64)).take_while(move |due| *due < end)
}

/// A Poisson process with this mean rate, before `end`.
fn random_arrivals(rate: ArrivalRate, end: Duration, seed: u64) -> impl Iterator<Item = Duration> {
    unit_process(seed).map(move |n| due(rate, n)).take_while(move |due| *due < end)
}

/// How long the rate takes for `n` arrivals.
fn due(rate: ArrivalRate, n: f64) -> Duration {
    Duration::from_nanos((n * rate.unit.as_nanos() as f64 / rate.count).floor() as u64)
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
    while n > 0 && due(rate, (n - 1) as f64) >= end {
        n -= 1;
    }
    while due(rate, n as f64) < end {
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

/// Checks the highest rate per second.
pub(super) fn require_rate(executor: &'static str, rate: f64) -> Result<(), PlanError> {
    const MOST: f64 = 1e9;
    if rate > MOST {
        let problem = format!(
            "a rate of {rate:e} a second is more than one arrival in each nanosecond: give for example per_sec(10)"
        );
        return Err(PlanError::new(executor, problem));
    }
    if rate > 0.0 {
        return Ok(());
    }
    Err(PlanError::new(executor, format!("a rate of {rate} starts nothing: give for example per_sec(10)")))
}

impl Plan for ConstantArrivalRate {
    fn name(&self) -> &'static str {
        "constant-arrival-rate"
    }

    fn describe(&self) -> String {
        format!("{} for {}{}", self.rate, format_duration(self.duration), self.options.describe())
    }

    fn schedule(&self) -> Result<Schedule, PlanError> {
        require_duration(self.name(), "duration", self.duration)?;
        require_unit(self.name(), self.rate)?;
        require_rate(self.name(), self.rate.per_second())?;
        self.options.check(self.name())?;
        let (rate, end) = (self.rate, self.end());
        let arrivals = if self.options.poisson {
            Arrivals::random(move |seed| random_arrivals(rate, end, seed))
        } else {
            Arrivals::new(move || arrivals(rate, end))
        };
        Ok(Schedule::Open(OpenSchedule {
            arrivals,
            max_vus: self.options.max_vus,
            queue: self.options.queue,
            peak_rate: rate.per_second(),
            end,
        }))
    }

    fn stages(&self) -> Vec<Stage> {
        let rate = self.rate.per_second();
        let arrivals = arrivals_before(self.rate, self.end());
        let load = StageLoad::Rate { from: rate, to: rate, arrivals };
        vec![Stage { start: Duration::ZERO, end: self.end(), load }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::poisson::tests::distance_from_exponential;
    use crate::plan::{per, per_min, per_sec};
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

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arrivals_are_due_at_the_exact_instants(
            count in 1_u32..100_000,
            unit_ms in prop_oneof![Just(1_000), Just(60_000), 1_u64..5_000],
            // Much later floats are no longer as exact.
            days in prop::collection::vec(0.0..25.0, 20),
        ) {
            let rate = per(count, Duration::from_millis(unit_ms));
            for day in days {
                let n = (day * 86_400.0 * rate.per_second()) as u64;
                let exact = u128::from(n) * rate.unit.as_nanos() / u128::from(count);
                prop_assert!(due(rate, n as f64).as_nanos().abs_diff(exact) <= 1, "arrival {}", n);
            }
        }
    }

    #[test]
    fn ten_million_arrivals_are_counted_at_once() {
        let stages = constant_arrival_rate(per_sec(10_000), Duration::from_secs(1_000)).stages();
        assert_eq!(stages[0].arrivals(), Some(10_000_000));
    }

    #[test]
    fn a_plan_without_an_end_ends_with_the_clock() {
        let rare = constant_arrival_rate(per(1, Duration::from_secs(1 << 30)), Duration::MAX);
        let Ok(Schedule::Open(plan)) = rare.schedule() else { panic!("refused") };
        // 2^64 ns, in steps of 2^30 s.
        assert_eq!((plan.arrivals.iter().count(), rare.stages()[0].arrivals()), (18, Some(18)));
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
    fn poisson_arrivals_have_exponential_gaps_of_the_mean_rate() {
        let plan = constant_arrival_rate(per_min(60_000), Duration::from_secs(200)).poisson();
        let Ok(schedule @ Schedule::Open(_)) = plan.schedule() else { panic!("refused") };
        let instants = |seed| -> Vec<f64> {
            let Schedule::Open(open) = schedule.clone().seeded(seed) else { panic!("not open") };
            assert!(open.arrivals.is_random());
            open.arrivals.iter().map(|due| due.as_secs_f64() * 1e3).collect()
        };
        let all = instants(5);
        // 200,000 are expected, give or take the root of that.
        assert!((all.len() as f64 - 200_000.0).abs() < 3.0 * 447.2, "{}", all.len());
        let distance = distance_from_exponential(&all[..100_000]);
        assert!(distance < 1.63, "{distance}");
        assert_eq!(all, instants(5), "the same seed");
        assert_ne!(all[0], instants(6)[0], "another seed");
        assert_eq!(plan.stages()[0].arrivals(), Some(200_000), "the expected number is told");
    }

    #[test]
    fn rates_that_start_nothing_are_refused() {
        for rate in [0.0, -1.0, f64::NAN] {
            let error = constant_arrival_rate(per_sec(rate), Duration::from_secs(1)).schedule().unwrap_err();
            assert!(error.to_string().contains("starts nothing"), "{error}");
        }
        for rate in [1.1e9, (1_u64 << 53) as f64, f64::MAX, f64::INFINITY] {
            let error = constant_arrival_rate(per_sec(rate), Duration::from_secs(1)).schedule().unwrap_err();
            assert!(error.to_string().contains("more than one arrival in each nanosecond"), "{error}");
        }
        assert!(constant_arrival_rate(per_sec(1), Duration::from_secs(1)).max_vus(0).schedule().is_err());
    }
}
