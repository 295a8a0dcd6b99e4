//! Drives closed models: VUs that loop.

use super::clock::{Nanos, nanos};
use super::shard::{Shard, Woken};
use crate::plan::{Budget, ClosedSchedule, Stripe};
use std::collections::VecDeque;
use std::rc::Rc;

/// A ramped-down VU that may not go on with its iteration for ever.
struct Cut {
    at: Nanos,
    vu: usize,
}

/// The cuts to come. VUs leave from the highest one down, so instants rise and VUs fall from front to back.
#[derive(Default)]
struct Cuts(VecDeque<Cut>);

impl Cuts {
    fn next(&self) -> Option<Nanos> {
        self.0.front().map(|cut| cut.at)
    }

    /// VUs below this one are wanted again: they go on as if nothing had happened.
    fn forget_below(&mut self, vus: usize) {
        while self.0.pop_back_if(|cut| cut.vu < vus).is_some() {}
    }

    /// Cuts what is due. A VU that has finished since has nothing to be cut.
    fn apply(&mut self, shard: &Shard, now: Nanos) {
        while let Some(cut) = self.0.pop_front_if(|cut| cut.at <= now) {
            shard.vu(cut.vu).cut();
        }
    }
}

/// This share's VU counts over time, counted from the start of the test's clock.
fn local_steps(plan: &ClosedSchedule, stripe: Stripe, start: Nanos) -> VecDeque<(Nanos, usize)> {
    let mut steps = VecDeque::new();
    let mut last = 0;
    for step in &plan.steps {
        let vus = stripe.share(step.vus) as usize;
        if vus != last {
            steps.push_back((start.saturating_add(nanos(step.at)), vus));
            last = vus;
        }
    }
    steps
}

/// Follows the steps until the regular end, or until the iterations are used up; then lets what was ramped down before
/// the end go on for the rest of its grace, at most until `hard_end`.
pub(crate) async fn drive(shard: &Rc<Shard>, plan: &ClosedSchedule, hard_end: Nanos) {
    let end = shard.start().saturating_add(nanos(plan.end));
    let grace = nanos(plan.graceful_ramp_down);
    let mut steps = local_steps(plan, shard.stripe, shard.start());
    let mut cuts = Cuts::default();
    let mut active = 0;

    loop {
        let now = shard.core().clock.now();
        while let Some((at, vus)) = steps.pop_front_if(|(at, _)| *at <= now) {
            // At the very end VUs can still be taken away, but a new one would have nothing to do.
            let vus = if at < end { vus } else { vus.min(shard.vu_count()) };
            resize(shard, active, vus, &mut cuts, now.saturating_add(grace));
            active = vus;
        }
        cuts.apply(shard, now);
        if now >= end {
            break;
        }
        if shard.is_out_of_data() {
            return;
        }
        // Its VUs have used up their iterations or their data, or it has none.
        if steps.is_empty() && shard.alive() == 0 {
            return;
        }
        let next_step = steps.front().map_or(end, |(at, _)| *at);
        let next_cut = cuts.next().unwrap_or(end);
        if shard.wait_until(end.min(next_step).min(next_cut)).await == Woken::Stopped {
            return;
        }
    }
    shard.end_all();
    while let Some(at) = cuts.next().filter(|at| *at < hard_end && shard.alive() > 0) {
        if shard.wait_until(at).await == Woken::Stopped {
            return;
        }
        cuts.apply(shard, shard.core().clock.now());
    }
}

/// Goes from `active` to `vus` VUs. The lowest ones live longest; those that leave while busy are cut at `cut_at`.
fn resize(shard: &Rc<Shard>, active: usize, vus: usize, cuts: &mut Cuts, cut_at: Nanos) {
    cuts.forget_below(vus);
    for local in active..vus {
        if local < shard.vu_count() {
            shard.vu(local).activate();
        } else {
            shard.spawn(shard.stripe.global(local as u64), None);
        }
    }
    for local in (vus..active).rev() {
        let vu = shard.vu(local);
        vu.park();
        if vu.is_busy() {
            cuts.0.push_back(Cut { at: cut_at, vu: local });
        }
    }
}

/// Iterations of a fixed number that time did not suffice for.
pub(crate) fn count_dropped(shard: &Shard, plan: &ClosedSchedule) {
    // After a signal nobody wants to know, and other cores may still be taking some. And where data has ended the load,
    // time would have sufficed.
    if shard.is_stopped() || shard.is_out_of_data() {
        return;
    }
    let left = match plan.budget {
        Budget::Unlimited => 0,
        // Counted once, by the first core; no core takes another one by now, since all have passed the same end.
        Budget::Shared(most) if shard.stripe.index == 0 => most - shard.iterations_taken().min(most),
        Budget::Shared(_) => 0,
        Budget::PerVu(most) => {
            let vus = (0..shard.vu_count()).map(|local| shard.vu(local));
            let left = vus.filter(|vu| !vu.is_out_of_data()).map(|vu| most - vu.begun());
            left.fold(0, u64::saturating_add)
        }
    };
    if left > 0 {
        shard.dropped(left);
    }
}
