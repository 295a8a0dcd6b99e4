//! Drives open models: iterations that begin when they are due.

use super::clock::{Nanos, nanos};
use super::shard::{Shard, Woken};
use super::slot::Ticket;
use crate::plan::OpenSchedule;
use std::rc::Rc;

/// Arrivals that may begin in one go.
const OVERDUE_BATCH: usize = 1_000;

/// Starts this share's arrivals, each on a VU that is free somewhere in the process.
pub(crate) async fn drive(shard: &Rc<Shard>, plan: &OpenSchedule) {
    let mine = plan.arrivals.iter().skip(shard.stripe.index as usize).step_by(shard.stripe.of as usize);
    for (index, due) in mine.enumerate() {
        let due = shard.start.saturating_add(nanos(due));
        if index % OVERDUE_BATCH == OVERDUE_BATCH - 1 {
            // However far behind, this core's VUs and a signal must get their turn.
            tokio::task::yield_now().await;
        }
        // All that are due by now start in one batch.
        while shard.core().clock.now() < due {
            if wait_and_serve(shard, due).await == Woken::Stopped {
                return;
            }
        }
        arrive(shard, due);
    }
    let end = shard.start.saturating_add(nanos(plan.end));
    while shard.core().clock.now() < end {
        if wait_and_serve(shard, end).await == Woken::Stopped {
            return;
        }
    }
    serve_the_rest(shard).await;
}

/// After the end no other core finds an idle VU here; what one has handed over by then still begins.
async fn serve_the_rest(shard: &Rc<Shard>) {
    let desk = &shard.job().shared.desks[shard.core().index];
    shard.offer_no_more();
    let mut unclaimed = 0;
    while desk.claim() {
        unclaimed += 1;
    }
    while shard.idle_vus() > unclaimed {
        match desk.take() {
            Some(due) => shard.give(due),
            // Claimed by another core, which is about to say for what.
            None => desk.changed.notified().await,
        }
    }
}

/// Waits, and meanwhile begins what other cores hand over.
async fn wait_and_serve(shard: &Rc<Shard>, at: Nanos) -> Woken {
    let woken = shard.wait_until(at).await;
    let desk = &shard.job().shared.desks[shard.core().index];
    while let Some(due) = desk.take() {
        shard.give(due);
    }
    woken
}

/// Begins an iteration: on an idle VU of this core, else on a new VU, else on an idle VU of another core. If there is
/// none the arrival is dropped.
fn arrive(shard: &Rc<Shard>, due: Nanos) {
    let desks = &shard.job().shared.desks;
    let here = shard.core().index;
    if desks[here].claim() {
        shard.give(due);
    } else if let Some(index) = shard.new_vu() {
        shard.spawn(index, Some(Ticket::due(due)));
    } else if let Some(other) = desks.iter().find(|desk| desk.claim()) {
        other.hand_over(due);
    } else {
        shard.dropped(1);
    }
}
