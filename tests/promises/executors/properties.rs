//! Whatever the ramp: the cores' shares sum to the plan at each step, and the run equals the plan.

use super::reference::{self, End, MS, SECOND, ramp, vus_at};
use super::{Case, Kind, all_hold, ns, uneven};
use loadcore::prelude::*;
use proptest::prelude::*;

/// A length in nanoseconds that is often nothing.
fn some_time(most: u64) -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..most]
}

fn stages() -> impl Strategy<Value = (u64, Vec<(u64, u64)>)> {
    let stage = (some_time(3 * SECOND), 0_u64..9);
    let runs_at_all = |(start, stages): &(u64, Vec<(u64, u64)>)| {
        let longest = stages.iter().map(|(length, _)| *length).max().unwrap_or(0);
        longest > 0 && (*start > 0 || stages.iter().any(|(_, vus)| *vus > 0))
    };
    (0_u64..6, prop::collection::vec(stage, 1..6)).prop_filter("does something", runs_at_all)
}

fn case(start: u64, stages: &[(u64, u64)], ramp_down: u64, grace: u64, takes: u64) -> Case {
    let plan = ramping_vus(stages.iter().map(|(length, vus)| (ns(*length), *vus)));
    let plan = plan.start_vus(start).graceful_ramp_down(ns(ramp_down)).graceful_stop(ns(grace));
    let end = End { at: stages.iter().map(|(length, _)| length).sum(), grace };
    let steps = ramp(start, stages);
    Case::new(Kind::VuBound, plan, uneven(takes), |length| {
        reference::ramping_vus(&steps, ramp_down, end, length)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cores_shares_sum_to_the_plan_at_each_step((start, stages) in stages(), shards in 1_usize..9) {
        let case = case(start, &stages, 0, 0, 40 * MS);
        all_hold(std::slice::from_ref(&case), &[shards]);
        // The run equals the expected one; so what that says of VU counts, the run says.
        let (steps, end) = (ramp(start, &stages), stages.iter().map(|(length, _)| length).sum());
        for at in steps.iter().map(|(at, _)| *at).filter(|at| *at < end) {
            let running = case.expected.runs.iter().filter(|run| (run.start..run.end).contains(&at)).count();
            prop_assert_eq!(running as u64, vus_at(&steps, at), "at {}", at);
        }
    }

    #[test]
    fn any_ramp_with_any_graces_equals_its_plan(
        (start, stages) in stages(),
        ramp_down in some_time(4 * SECOND),
        grace in some_time(4 * SECOND),
        takes in 20 * MS..5 * SECOND,
        shards in 1_usize..5,
    ) {
        all_hold(&[case(start, &stages, ramp_down, grace, takes)], &[shards]);
    }
}
