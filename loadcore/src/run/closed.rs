//! Drives closed models: VUs that loop.

use super::clock::{Nanos, nanos};
use super::shard::{Shard, Woken};
use crate::plan::{Budget, ClosedSchedule, Stripe};
use std::collections::VecDeque;
use std::rc::Rc;

/// A ramped-down VU that may not go on for ever.
struct Cut {
    at: Nanos,
    vu: usize,
    /// The iteration that was running.
    iteration: u64,
}

/// This share's VU counts over time, counted from the start of the test's clock.
fn local_steps(plan: &ClosedSchedule, stripe: Stripe, start: Nanos) -> VecDeque<(Nanos, usize)> {
    let mut steps = VecDeque::new();
    let mut last = 0;
    for step in plan.steps.iter().filter(|step| step.at < plan.end) {
        let vus = stripe.share(step.vus) as usize;
        if vus != last {
            steps.push_back((start + nanos(step.at), vus));
            last = vus;
        }
    }
    steps
}

/// Follows the steps until the regular end, or until the iterations are used up.
pub(crate) async fn drive(shard: &Rc<Shard>, plan: &ClosedSchedule) {
    let end = shard.start + nanos(plan.end);
    let grace = nanos(plan.graceful_ramp_down);
    let mut steps = local_steps(plan, shard.stripe, shard.start);
    let mut cuts: VecDeque<Cut> = VecDeque::new();
    let mut active = 0;
    let finite = plan.budget != Budget::Unlimited;
    loop {
        let now = shard.core().clock.now();
        while let Some((_, vus)) = steps.pop_front_if(|(at, _)| *at <= now) {
            cuts.extend(resize(shard, active, vus, now + grace));
            active = vus;
        }
        while let Some(cut) = cuts.pop_front_if(|cut| cut.at <= now) {
            let vu = shard.vu(cut.vu);
            // Unless the VU has finished since, or is wanted again.
            if cut.vu >= active && vu.is_busy() && vu.begun() == cut.iteration {
                vu.cut();
            }
        }
        if now >= end || (finite && steps.is_empty() && shard.alive() == 0) {
            return;
        }
        let next_step = steps.front().map_or(end, |(at, _)| *at);
        let next_cut = cuts.front().map_or(end, |cut| cut.at);
        if shard.wait_until(end.min(next_step).min(next_cut)).await == Woken::Stopped {
            return;
        }
    }
}

/// Goes from `active` to `vus` VUs. The lowest ones live longest. Gives back what is to be cut later.
fn resize(shard: &Rc<Shard>, active: usize, vus: usize, cut_at: Nanos) -> Vec<Cut> {
    for local in active..vus {
        if local < shard.vu_count() {
            shard.vu(local).activate();
        } else {
            shard.spawn(shard.stripe.global(local as u64), None);
        }
    }
    let mut cuts = Vec::new();
    for local in vus..active {
        let vu = shard.vu(local);
        vu.park();
        if vu.is_busy() {
            cuts.push(Cut { at: cut_at, vu: local, iteration: vu.begun() });
        }
    }
    cuts
}

/// Iterations of a fixed number that time did not suffice for.
pub(crate) fn count_dropped(shard: &Shard, plan: &ClosedSchedule) {
    let left = match plan.budget {
        Budget::Unlimited => 0,
        // Counted once, by the first core; no core takes another one by now, since all have passed the same end.
        Budget::Shared(most) if shard.stripe.index == 0 => most - shard.iterations_taken().min(most),
        Budget::Shared(_) => 0,
        Budget::PerVu(most) => (0..shard.vu_count()).map(|local| most - shard.vu(local).begun()).sum(),
    };
    if left > 0 {
        shard.dropped(left);
    }
}
