//! Follows a scenario's plan on one core, from its start to the end of its last VU.

use super::clock::{Nanos, nanos};
use super::shard::{Shard, Woken};
use super::{closed, open};
use crate::plan::Schedule;
use std::rc::Rc;

/// Between the end of a scenario and the start of the next one: so much that each core has heard of the end by then.
const SUCCESSION_MARGIN: Nanos = 5_000_000;

/// Follows the scenario's plan to its end.
pub(crate) async fn run(shard: Rc<Shard>) {
    // A threshold such as `dropped_iterations == 0` shall find its series.
    shard.dropped(0);
    if wait_for_start(&shard).await == Woken::Stopped {
        shard.followed(Nanos::MAX);
    } else {
        shard.begin();
        follow(&shard).await;
    }
    shard.job().shared.finish.arrive(shard.core().clock.now());
}

/// Waits for the scenario before, if there is one, and then for this one's own start.
async fn wait_for_start(shard: &Shard) -> Woken {
    let (clock, job) = (&shard.core().clock, shard.job());
    if let Some(before) = job.after.and_then(|index| shard.core().job.scenarios.get(index)) {
        tokio::select! {
            biased;
            ended = before.shared.finish.ended() => {
                let margin = if clock.is_real() { SUCCESSION_MARGIN } else { 0 };
                shard.set_start(ended.saturating_add(margin).saturating_add(job.start_after));
            }
            () = shard.stopped() => return Woken::Stopped,
        }
    }
    // An open model waits for its first arrival as for all others, more exactly than this.
    let is_closed = matches!(job.schedule, Schedule::Closed(_));
    while is_closed && clock.now() < shard.start() {
        if shard.wait_until(shard.start()).await == Woken::Stopped {
            return Woken::Stopped;
        }
    }
    // Also when it is late: after a setup that was stopped there is no value to begin a VU with.
    if shard.is_stopped() { Woken::Stopped } else { Woken::Due }
}

async fn follow(shard: &Rc<Shard>) {
    let end = shard.start().saturating_add(nanos(shard.job().schedule.end()));
    let hard_end = end.saturating_add(shard.job().graceful_stop);
    match &shard.job().schedule {
        Schedule::Closed(plan) => {
            closed::drive(shard, plan, hard_end).await;
            shard.followed(end);
            shard.close(hard_end).await;
            closed::count_dropped(shard, plan);
        }
        Schedule::Open(plan) => {
            let rest = open::drive(shard, plan, hard_end).await;
            shard.followed(end);
            tokio::join!(shard.close(hard_end), open::drop_rest(shard, rest));
        }
    }
}
