//! Iterations whose rate ramps linearly from stage to stage, however long they take.

use super::constant_arrival_rate::{require_rate, require_unit};
use super::open::{OpenOptions, open_options};
use super::ramp::{arrivals, ramps};
use super::{Plan, PlanError, require_total, shared_options};
use crate::plan::number::counted;
use crate::plan::poisson::unit_process;
use crate::plan::{ArrivalRate, Arrivals, OpenSchedule, Schedule, Stage, StageLoad, format_duration};
use std::time::Duration;

/// Made by [`ramping_arrival_rate`].
#[derive(Debug, Clone)]
pub struct RampingArrivalRate {
    start_rate: ArrivalRate,
    stages: Vec<(Duration, ArrivalRate)>,
    options: OpenOptions,
}

/// The rate at which iterations start ramps to each stage's target over its duration:
/// `ramping_arrival_rate([(mins(1), per_sec(100)), (mins(5), per_sec(100))])`, or `1m` for `mins(1)` in the attribute.
///
/// Starts from a rate of 0 unless [`start_rate`](RampingArrivalRate::start_rate) says otherwise (as in k6). A stage of 0 s
/// jumps. The n-th iteration is due when the area under the rate reaches n, in whole nanoseconds, rounded down; so none is
/// due at 0.
///
/// Each iteration takes an idle VU, or a new one up to [`max_vus`](RampingArrivalRate::max_vus). When all of those are
/// busy the arrival is dropped and counted in `dropped_iterations`, or waits if there is a
/// [`queue`](RampingArrivalRate::queue).
pub fn ramping_arrival_rate(stages: impl IntoIterator<Item = (Duration, ArrivalRate)>) -> RampingArrivalRate {
    RampingArrivalRate {
        start_rate: crate::plan::per_sec(0),
        stages: stages.into_iter().collect(),
        options: OpenOptions::default(),
    }
}

impl RampingArrivalRate {
    /// The rate at the start. Default: 0.
    pub fn start_rate(mut self, rate: ArrivalRate) -> Self {
        self.start_rate = rate;
        self
    }

    fn peak(&self) -> f64 {
        let targets = self.stages.iter().map(|(_, rate)| rate.per_second());
        targets.fold(self.start_rate.per_second(), f64::max)
    }

    fn total(&self) -> Duration {
        super::total(self.stages.iter().map(|(duration, _)| *duration))
    }
}

shared_options!(RampingArrivalRate);
open_options!(RampingArrivalRate);

impl Plan for RampingArrivalRate {
    fn name(&self) -> &'static str {
        "ramping-arrival-rate"
    }

    fn describe(&self) -> String {
        let (peak, total, stages) =
            (self.peak(), format_duration(self.total()), counted(self.stages.len() as u64, "stage"));
        let options = self.options.describe();
        format!("up to {peak:.2} iterations/s for {total} over {stages}{options}")
    }

    fn schedule(&self) -> Result<Schedule, PlanError> {
        if self.stages.is_empty() {
            return Err(PlanError::new(
                self.name(),
                "there is no stage: give at least one (duration, rate) pair",
            ));
        }
        require_total(self.name(), self.total())?;
        for rate in self.stages.iter().map(|(_, rate)| rate).chain([&self.start_rate]) {
            require_unit(self.name(), *rate)?;
            if !(rate.count.is_finite() && rate.count >= 0.0) {
                let problem = format!("a rate of {} is impossible: give 0 or more", rate.count);
                return Err(PlanError::new(self.name(), problem));
            }
        }
        require_rate(self.name(), self.peak())?;
        self.options.check(self.name())?;
        let ramps = ramps(self.start_rate, &self.stages);
        let arrivals = if self.options.poisson {
            Arrivals::random(move |seed| arrivals(ramps.clone(), unit_process(seed)))
        } else {
            Arrivals::new(move || arrivals(ramps.clone(), (1_u64..).map(|n| n as f64)))
        };
        Ok(Schedule::Open(OpenSchedule {
            arrivals,
            max_vus: self.options.max_vus,
            queue: self.options.queue,
            peak_rate: self.peak(),
            end: self.total(),
        }))
    }

    fn stages(&self) -> Vec<Stage> {
        let ramps = ramps(self.start_rate, &self.stages);
        let mut ramps = ramps.iter();
        let (mut start, mut from, mut counted) = (Duration::ZERO, self.start_rate.per_second(), 0);
        let stage = |(duration, rate): &(Duration, ArrivalRate)| {
            // A jump has no ramp, and takes no time for an arrival.
            let ramp = if duration.is_zero() { None } else { ramps.next() };
            let by_its_end = ramp.map_or(counted, |ramp| ramp.done_after() as u64);
            let load = StageLoad::Rate { from, to: rate.per_second(), arrivals: by_its_end - counted };
            let stage = Stage { start, end: start + *duration, load };
            (start, from, counted) = (stage.end, rate.per_second(), by_its_end);
            stage
        };
        self.stages.iter().map(stage).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::poisson::tests::distance_from_exponential;
    use crate::plan::{per_sec, secs};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_stages_count_what_the_iterator_gives(
            start in 0_u32..200,
            stages in prop::collection::vec((0_u64..2_000, 0_u32..300), 1..6),
        ) {
            let stages = stages.into_iter().map(|(ms, rate)| (Duration::from_millis(ms), per_sec(rate)));
            let plan = ramping_arrival_rate(stages).start_rate(per_sec(start));
            prop_assume!(plan.schedule().is_ok());
            let counts: Vec<u64> = plan.stages().iter().filter_map(Stage::arrivals).collect();
            let instants = instants(&plan);
            prop_assert_eq!(counts.iter().sum::<u64>(), instants.len() as u64);
            // And each in its own stage, but for an instant on the border itself.
            let mut before = 0;
            for (stage, count) in plan.stages().iter().zip(counts) {
                before += count;
                let due = instants.iter().filter(|due| **due < stage.end.as_nanos() as u64).count() as u64;
                prop_assert!(due.abs_diff(before) <= 1, "{} of {} by {:?}", before, due, stage.end);
            }
        }
    }

    fn instants(plan: &RampingArrivalRate) -> Vec<u64> {
        let Ok(Schedule::Open(open)) = plan.schedule() else { panic!("refused") };
        open.arrivals.iter().map(|due| due.as_nanos() as u64).collect()
    }

    /// k6 2.2's instants for stages 5s to 1/s, 1s at 1/s, 5s to 0 (exact values; its ...999 are float artefacts).
    #[test]
    fn arrivals_equal_the_golden_instants() {
        let plan =
            ramping_arrival_rate([(secs(5), per_sec(1)), (secs(1), per_sec(1)), (secs(5), per_sec(0))]);
        let golden =
            [3_162_277_660, 4_472_135_954, 5_500_000_000, 6_527_864_045, 7_837_722_339, 11_000_000_000_u64];
        let got = instants(&plan);
        assert_eq!(got.len(), golden.len(), "{got:?}");
        for (got, want) in got.iter().zip(golden) {
            assert!(got.abs_diff(want) <= 1, "{got} instead of {want}");
        }
    }

    #[test]
    fn each_second_has_its_share_and_a_jump_is_a_jump() {
        let base =
            ramping_arrival_rate([(secs(1), per_sec(10)), (secs(1), per_sec(50)), (secs(1), per_sec(50))]);
        let base = instants(&base.start_rate(per_sec(10)));
        let in_second = |s: u64| {
            base.iter().filter(|t| (s * 1_000_000_000 + 1..=(s + 1) * 1_000_000_000).contains(t)).count()
        };
        assert_eq!([0, 1, 2].map(in_second), [10, 30, 50]);
        let jump =
            ramping_arrival_rate([(secs(1), per_sec(0)), (secs(0), per_sec(4)), (secs(1), per_sec(4))]);
        assert_eq!(instants(&jump), [1_250_000_000, 1_500_000_000, 1_750_000_000, 2_000_000_000]);
    }

    /// By the area under the rate until they are due, instants of a changing rate become those of a rate of 1.
    #[test]
    fn poisson_arrivals_follow_the_rate_whatever_it_does() {
        // Per second: 0 to 2,000 in 60 s, 2,000 for 10 s, then 500 and up to 1,500 in 40 s: 60,000 + 20,000 + 40,000.
        let plan = ramping_arrival_rate([
            (secs(60), per_sec(2_000)),
            (secs(10), per_sec(2_000)),
            (secs(0), per_sec(500)),
            (secs(40), per_sec(1_500)),
        ]);
        let area = |t: f64| match t {
            t if t < 60.0 => t * t * 2_000.0 / 120.0,
            t if t < 70.0 => 60_000.0 + (t - 60.0) * 2_000.0,
            t => 80_000.0 + (t - 70.0) * 500.0 + (t - 70.0).powi(2) * 1_000.0 / 80.0,
        };
        let plan = plan.poisson();
        let instants = |seed| -> Vec<f64> {
            let Ok(Schedule::Open(open)) = plan.schedule().map(|s| s.seeded(seed)) else { panic!("refused") };
            open.arrivals.iter().map(|due| due.as_secs_f64()).collect()
        };
        let all: Vec<f64> = instants(11).into_iter().map(area).collect();
        assert!((all.len() as f64 - 120_000.0).abs() < 3.0 * 346.4, "{}", all.len());
        let distance = distance_from_exponential(&all[..100_000]);
        assert!(distance < 1.63, "{distance}");
        assert_ne!(instants(11)[0], instants(12)[0], "another seed");
        assert_eq!(plan.stages().iter().filter_map(Stage::arrivals).sum::<u64>(), 120_000);
    }

    #[test]
    fn impossible_ramps_are_refused() {
        let error = |plan: RampingArrivalRate| plan.schedule().unwrap_err().to_string();
        assert!(error(ramping_arrival_rate([])).contains("no stage"));
        assert!(error(ramping_arrival_rate([(secs(1), per_sec(0))])).contains("starts nothing"));
        assert!(error(ramping_arrival_rate([(secs(1), per_sec(-1))])).contains("impossible"));
        assert!(error(ramping_arrival_rate([(secs(0), per_sec(1))])).contains("0s does nothing"));
        let ages = [(Duration::MAX, per_sec(1)), (secs(1), per_sec(1))];
        assert!(error(ramping_arrival_rate(ages)).contains("more than 584 years"));
        assert!(error(ramping_arrival_rate([(secs(1), per_sec(1e10))])).contains("more than one arrival"));
    }
}
