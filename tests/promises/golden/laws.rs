//! What holds of every cut and every plan, not only of those in the tables.

use loadcore::plan::{ClosedSchedule, Executor, Schedule, Sequence, Share};
use loadcore::prelude::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// Any way to cut the whole: weights of its parts.
fn any_cut() -> impl Strategy<Value = Vec<Share>> {
    prop::collection::vec(1_u64..9, 1..7).prop_map(|weights| {
        let sum: u64 = weights.iter().sum();
        let ends = weights.iter().scan(0, |at, weight| {
            *at += weight;
            Some(format!("{at}/{sum}"))
        });
        let points: Vec<String> = std::iter::once("0".to_owned()).chain(ends).collect();
        let sequence: Sequence = points.join(",").parse().unwrap();
        let of = |segment| Share::new(segment, Some(sequence.clone())).unwrap();
        sequence.segments().iter().copied().map(of).collect()
    })
}

/// Times of whole milliseconds, which are often nothing.
fn some_time(most_ms: u64) -> impl Strategy<Value = Duration> {
    prop_oneof![1 => Just(Duration::ZERO), 4 => (1..most_ms).prop_map(Duration::from_millis)]
}

fn any_ramp() -> impl Strategy<Value = Executor> {
    let stages = prop::collection::vec((some_time(5_000), 0_u64..30), 1..7);
    (0_u64..20, stages, some_time(4_000)).prop_map(|(start, stages, grace)| {
        ramping_vus(stages).start_vus(start).graceful_ramp_down(grace).into()
    })
}

/// Any executor, with or without a greatest number of VUs where that may be left out.
fn any_executor() -> impl Strategy<Value = Executor> {
    let rates = prop::collection::vec((some_time(3_000), 0_u32..40), 1..5);
    let most_vus = prop::option::of(1_u64..40);
    prop_oneof![
        (1_u64..40).prop_map(|vus| constant_vus(vus, secs(5)).into()),
        any_ramp(),
        (1_u64..40, 0_u64..200).prop_map(|(vus, more)| shared_iterations(vus + more).vus(vus).into()),
        (1_u64..30, 1_u64..9).prop_map(|(vus, each)| per_vu_iterations(each).vus(vus).into()),
        (1_u32..300, some_time(3_000), most_vus.clone(), any::<bool>()).prop_map(
            |(rate, length, vus, random)| {
                let arrivals = constant_arrival_rate(per_sec(f64::from(rate) / 7.0), length);
                let arrivals = if random { arrivals.poisson() } else { arrivals };
                vus.map_or(arrivals.clone(), |vus| arrivals.max_vus(vus)).into()
            }
        ),
        (rates, most_vus).prop_map(|(stages, vus)| {
            let arrivals =
                ramping_arrival_rate(stages.into_iter().map(|(length, rate)| (length, per_sec(rate))));
            vus.map_or(arrivals.clone(), |vus| arrivals.max_vus(vus)).into()
        }),
    ]
}

/// The VUs from an instant on; of several steps at one instant the last holds.
fn vus_at(closed: &ClosedSchedule, at: Duration) -> u64 {
    closed.steps.iter().rfind(|step| step.at <= at).map_or(0, |step| step.vus)
}

/// Each iteration with its number and, in an open model, when it is due.
fn iterations(schedule: &Schedule, owned: &Share) -> Vec<(u64, Option<Duration>)> {
    match schedule {
        Schedule::Open(open) => owned.indices().zip(open.arrivals.iter().map(Some)).collect(),
        Schedule::Closed(closed) => {
            let many = closed.iterations().unwrap_or(0) as usize;
            owned.indices().take(many).map(|number| (number, None)).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_index_has_exactly_one_owner(cut in any_cut(), n in 0_u64..500) {
        let mut owned: Vec<u64> =
            cut.iter().flat_map(|share| share.indices().take_while(|index| *index < n)).collect();
        owned.sort_unstable();
        prop_assert_eq!(owned, (0..n).collect::<Vec<_>>());
    }

    #[test]
    fn the_parts_of_any_number_sum_to_it_and_grow_with_it(cut in any_cut(), n in 0_u64..1_000_000) {
        prop_assert_eq!(cut.iter().map(|share| share.scale(n)).sum::<u64>(), n);
        for share in &cut {
            prop_assert!(share.scale(n) <= share.scale(n + 1));
            // And none is off by more than what is indivisible, times the parts that could be served before it.
            let exact = n as f64 * share.fraction();
            prop_assert!((share.scale(n) as f64 - exact).abs() <= cut.len() as f64, "{} of {n}", share.scale(n));
        }
    }

    #[test]
    fn the_union_of_the_parts_is_the_whole_plan(cut in any_cut(), executor in any_executor()) {
        prop_assume!(executor.schedule().is_ok());
        let whole = executor.schedule().unwrap();
        let parts: Vec<(&Share, Schedule)> =
            cut.iter().filter_map(|share| Some((share, whole.for_share(share)?))).collect();
        // Iterations, by number and instant. Those of a closed model without a number are its VUs' own affair.
        let mut union: BTreeMap<u64, Option<Duration>> = BTreeMap::new();
        for (share, part) in &parts {
            for (number, due) in iterations(part, &whole.iteration_share(share).unwrap()) {
                prop_assert!(union.insert(number, due).is_none(), "{number} is given twice");
            }
        }
        let all: BTreeMap<_, _> = iterations(&whole, &Share::whole()).into_iter().collect();
        if matches!(&whole, Schedule::Closed(closed) if closed.iterations().is_none()) {
            prop_assert!(union.is_empty());
        } else {
            prop_assert_eq!(union.len(), all.len());
        }
        let is_numbered_without_gaps = executor.name() != "per-vu-iterations";
        if is_numbered_without_gaps {
            prop_assert_eq!(&union, &all);
        }
        // VUs, at each step of the whole.
        let Schedule::Closed(whole) = &whole else { return Ok(()) };
        for step in &whole.steps {
            let at = |(_, part): &(&Share, Schedule)| match part {
                Schedule::Closed(part) => vus_at(part, step.at),
                Schedule::Open(_) => 0,
            };
            prop_assert_eq!(parts.iter().map(at).sum::<u64>(), vus_at(whole, step.at), "at {:?}", step.at);
        }
    }

    #[test]
    fn reserved_vus_cover_the_plan_and_never_exceed_its_peak(executor in any_ramp(), stop in some_time(6_000)) {
        prop_assume!(executor.schedule().is_ok());
        let Ok(Schedule::Closed(plan)) = executor.schedule() else { unreachable!() };
        let reserved = ClosedSchedule { steps: plan.reserved(stop), ..plan };
        let instants = plan.steps.iter().chain(&reserved.steps).map(|step| step.at);
        let peak = plan.max_vus();
        for at in instants.filter(|at| *at < plan.end) {
            let (room, vus) = (vus_at(&reserved, at), vus_at(&plan, at));
            prop_assert!(vus <= room && room <= peak, "{vus} VUs, room for {room}, at most {peak} at {at:?}");
        }
        // A VU that is taken away keeps its room for its grace, and all is over at the hard end.
        let hard_end = plan.end + stop;
        for pair in plan.steps.windows(2) {
            let kept_until = (pair[1].at + plan.graceful_ramp_down).min(hard_end);
            let just_before = kept_until.saturating_sub(Duration::from_nanos(1));
            if pair[0].at < pair[1].at && pair[1].at < plan.end && just_before >= pair[0].at {
                prop_assert!(vus_at(&reserved, just_before) >= pair[0].vus, "{pair:?} at {just_before:?}");
            }
        }
        prop_assert_eq!(vus_at(&reserved, hard_end), 0);
        let rises = |pair: &[loadcore::plan::VuStep]| pair[0].at < pair[1].at;
        prop_assert!(reserved.steps.windows(2).all(rises), "{:?}", reserved.steps);
    }
}
