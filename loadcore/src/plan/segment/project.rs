//! The part of a schedule that a share carries out.

use super::Share;
use crate::plan::{Budget, ClosedSchedule, OpenSchedule, Schedule, VuStep};

impl Schedule {
    /// What is left for this share; `None` if it has nothing to do at all.
    ///
    /// VU counts are scaled step by step. Shared iterations, and the arrivals of open models, are first cut anew in
    /// proportion to the share's VUs (as in k6), so that machines with more VUs also get more iterations.
    pub fn for_share(&self, share: &Share) -> Option<Self> {
        if share.is_whole() {
            return Some(self.clone());
        }
        match self {
            Self::Closed(closed) => closed.for_share(share).map(Self::Closed),
            Self::Open(open) => open.for_share(share).map(Self::Open),
        }
    }

    /// Which iterations this share carries out, by their test-wide numbers: [`Share::indices`] of what this gives. `None` if
    /// it carries out none.
    ///
    /// It is the share itself, but where iterations are cut in proportion to VUs.
    pub fn iteration_share(&self, share: &Share) -> Option<Share> {
        let cut_for = match self {
            Self::Closed(closed) => matches!(closed.budget, Budget::Shared(_)).then(|| closed.max_vus()),
            Self::Open(open) => open.max_vus,
        };
        match cut_for {
            Some(vus) if !share.is_whole() => share.recut(vus),
            _ => Some(share.clone()),
        }
    }
}

impl ClosedSchedule {
    fn for_share(&self, share: &Share) -> Option<Self> {
        let (share, budget) = match self.budget {
            Budget::Shared(iterations) => {
                let recut = share.recut(self.max_vus())?;
                let iterations = recut.scale(iterations);
                (recut, Budget::Shared(iterations))
            }
            unchanged => (share.clone(), unchanged),
        };
        let mut steps: Vec<VuStep> = Vec::new();
        for step in &self.steps {
            let vus = share.scale(step.vus);
            if steps.last().is_none_or(|last| last.vus != vus) {
                steps.push(VuStep { at: step.at, vus });
            }
        }
        let scaled = Self { steps, budget, ..self.clone() };
        (scaled.max_vus() > 0).then_some(scaled)
    }
}

impl OpenSchedule {
    fn for_share(&self, share: &Share) -> Option<Self> {
        let share = self.max_vus.map_or_else(|| Some(share.clone()), |vus| share.recut(vus))?;
        let max_vus = self.max_vus.map(|vus| share.scale(vus));
        let part = share.fraction();
        let arrivals = self.arrivals.only(move || share.indices());
        Some(Self { arrivals, max_vus, peak_rate: self.peak_rate * part, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{
        Executor, Schedule, Share, VuStep, constant_arrival_rate, per, per_sec, ramping_arrival_rate,
        ramping_vus, secs, shared_iterations,
    };
    use proptest::prelude::*;
    use std::time::Duration;

    fn share(segment: &str, sequence: &str) -> Share {
        let sequence = (sequence != "-").then(|| sequence.parse().unwrap());
        Share::new(segment.parse().unwrap(), sequence).unwrap()
    }

    fn part(executor: impl Into<Executor>, segment: &str, sequence: &str) -> Option<Schedule> {
        executor.into().schedule().unwrap().for_share(&share(segment, sequence))
    }

    /// As the golden tables write steps.
    fn steps(schedule: Option<Schedule>) -> String {
        let Some(Schedule::Closed(plan)) = schedule else { return String::new() };
        let text = |step: &VuStep| format!("{}:{}", step.at.as_secs_f64(), step.vus);
        plan.steps.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    /// To the nanosecond below or above, as the tables' own rounding.
    fn millis(schedule: Option<Schedule>, most: usize) -> Vec<u128> {
        let Some(Schedule::Open(plan)) = schedule else { return Vec::new() };
        plan.arrivals.iter().take(most).map(|at| (at + Duration::from_nanos(1)).as_millis()).collect()
    }

    const THIRDS: &str = "0,1/3,2/3,1";

    #[test]
    fn golden_ramping_arrivals_of_segments() {
        let ramp = || {
            ramping_arrival_rate([(secs(5), per_sec(1)), (secs(1), per_sec(1)), (secs(5), per_sec(0))])
                .max_vus(100)
        };
        let ramp = || ramp().start_rate(per_sec(0));
        let times = |segment, sequence| {
            // The golden rows have no limit of VUs to cut again for.
            let Schedule::Open(mut plan) = Executor::from(ramp()).schedule().unwrap() else { unreachable!() };
            plan.max_vus = None;
            millis(Schedule::Open(plan).for_share(&share(segment, sequence)), 99)
        };
        assert_eq!(times("0:1", "-"), [3162, 4472, 5500, 6527, 7837, 11000]);
        for (segment, sequence, want) in [
            ("0:1/3", "-", [4472, 7837]),
            ("0:1/3", "0,1/3,1", [4472, 7837]),
            ("1/3:2/3", "-", [4472, 7837]),
            ("2/3:1", "-", [4472, 7837]),
            ("0:1/3", THIRDS, [3162, 6527]),
            ("1/3:2/3", THIRDS, [4472, 7837]),
        ] {
            assert_eq!(times(segment, sequence), want, "{segment} of {sequence}");
        }
    }

    #[test]
    fn golden_constant_arrivals_of_segments() {
        let arrivals = || constant_arrival_rate(per_sec(50), secs(60)).max_vus(20);
        for (segment, sequence, want) in [
            ("0:1/3", "-", [20, 60, 120, 180, 240, 300, 360, 420, 460, 520]),
            ("1/3:2/3", "-", [20, 80, 140, 200, 260, 320, 380, 420, 480, 540]),
            ("1/6:3/6", "-", [20, 60, 140, 180, 260, 300, 380, 420, 460, 540]),
            ("0:1/3", THIRDS, [0, 60, 120, 180, 240, 300, 360, 400, 460, 520]),
        ] {
            assert_eq!(millis(part(arrivals(), segment, sequence), 10), want, "{segment} of {sequence}");
        }
    }

    #[test]
    fn golden_vu_steps_of_segments() {
        let stages = |stages: &[(u64, u64)]| -> Vec<(Duration, u64)> {
            stages.iter().map(|(target, seconds)| (Duration::from_secs(*seconds), *target)).collect()
        };
        let long = stages(&[
            (6, 2),
            (1, 5),
            (5, 4),
            (1, 4),
            (4, 3),
            (4, 2),
            (1, 0),
            (1, 3),
            (5, 0),
            (5, 3),
            (0, 0),
            (2, 2),
            (0, 2),
            (4, 4),
        ]);
        let lone = "0:1 1:2 4:1 7:0 8:1 11:2 12:1 15:0 16:1 20:0 23:2 26:0 28:1 29:0 32:1";
        for segment in ["0:1/3", "1/3:2/3", "2/3:1"] {
            assert_eq!(steps(part(ramping_vus(long.clone()).start_vus(4), segment, "-")), lone, "{segment}");
        }
        let first = "0:2 5:1 10:2 13:1 18:2 20:1 23:2 26:0 27:1 30:0 31:1 34:2";
        assert_eq!(steps(part(ramping_vus(long).start_vus(4), "0:1/3", THIRDS)), first);
        let waves = || ramping_vus(stages(&[(2, 2), (0, 2), (2, 2), (0, 2)])).start_vus(0);
        for (segment, sequence) in [("0:1/2", "-"), ("0:1/3", "0,1/3,1/2,2/3,1")] {
            assert_eq!(steps(part(waves(), segment, sequence)), "0:0 1:1 4:0 5:1 8:0", "{segment}");
        }
    }

    #[test]
    fn golden_shared_iterations_of_a_segment() {
        let Some(Schedule::Closed(plan)) = part(shared_iterations(22).vus(12), "0:1/3", THIRDS) else {
            panic!()
        };
        assert_eq!((plan.iterations(), plan.max_vus()), (Some(8), 4));
    }

    #[test]
    fn golden_a_segment_without_a_vu_has_nothing_to_do() {
        let ramp = ramping_arrival_rate([(secs(1), per_sec(10))]).max_vus(2);
        assert!(part(ramp, "1/5:2/5", "0,1/5,2/5,1").is_none());
        let most = |segment| match part(
            constant_arrival_rate(per(30, secs(60)), secs(60)).max_vus(4000),
            segment,
            "0,1/4,1/2,3/4,1",
        ) {
            Some(Schedule::Open(plan)) => plan.max_vus,
            _ => None,
        };
        assert_eq!(most("0:1/4"), Some(1000));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn the_union_of_the_parts_is_the_whole_plan(
            weights in prop::collection::vec(1_u64..6, 1..5),
            start in 0_u64..20,
            stages in prop::collection::vec((0_u64..5, 0_u64..30), 1..6),
            max_vus in 1_u64..40,
        ) {
            let sum: u64 = weights.iter().sum();
            let mut points = vec!["0".to_owned()];
            let mut at = 0;
            for weight in &weights {
                at += weight;
                points.push(format!("{at}/{sum}"));
            }
            let sequence = points.join(",");
            let shares: Vec<Share> =
                points.windows(2).map(|pair| share(&pair.join(":"), &sequence)).collect();

            let ramp: Vec<_> = stages.iter().map(|(s, vus)| (Duration::from_secs(*s), *vus)).collect();
            if let Ok(whole) = Executor::from(ramping_vus(ramp).start_vus(start)).schedule() {
                let Schedule::Closed(closed) = &whole else { unreachable!() };
                let parts: Vec<_> = shares.iter().filter_map(|share| whole.for_share(share)).collect();
                for (step, next) in closed.steps.iter().zip(closed.steps.iter().skip(1).map(Some).chain([None])) {
                    if next.is_some_and(|next| next.at == step.at) {
                        continue;
                    }
                    let at = |part: &Schedule| match part {
                        Schedule::Closed(part) => part.steps.iter().rfind(|s| s.at <= step.at).map_or(0, |s| s.vus),
                        Schedule::Open(_) => 0,
                    };
                    prop_assert_eq!(parts.iter().map(at).sum::<u64>(), step.vus);
                }
            }
            let open = Executor::from(constant_arrival_rate(per_sec(7), secs(20)).max_vus(max_vus)).schedule().unwrap();
            let mut union = Vec::new();
            for part in shares.iter().filter_map(|share| open.for_share(share)) {
                let Schedule::Open(part) = part else { unreachable!() };
                union.extend(part.arrivals.iter());
            }
            union.sort();
            let Schedule::Open(open) = open else { unreachable!() };
            prop_assert_eq!(union, open.arrivals.iter().collect::<Vec<_>>());
        }
    }
}
