//! Drives open models: iterations that begin when they are due.

use super::alarm::Alarm;
use super::clock::{Nanos, nanos};
use super::control::Ticket;
use super::shard::{Shard, Woken};
use crate::plan::OpenSchedule;
use std::rc::Rc;
use std::time::Duration;

/// Arrivals that may begin, or be counted as dropped, in one go.
const OVERDUE_BATCH: usize = 1_000;

/// Starts this share's arrivals, each on a VU that is free somewhere in the process.
pub(crate) async fn drive(shard: &Rc<Shard>, plan: &OpenSchedule) {
    let alarm = Alarm::new(&shard.core().clock, shard.core().job.spin_arrivals);
    let end = shard.start().saturating_add(nanos(plan.end));
    let mut mine = plan.arrivals.iter().skip(shard.stripe.index as usize).step_by(shard.stripe.of as usize);
    for (index, due) in mine.by_ref().enumerate() {
        let due = shard.start().saturating_add(nanos(due));
        // All that are due by now start in one batch.
        while shard.core().clock.now() < due && !shard.is_out_of_data() {
            if wait_and_serve(shard, &alarm, due).await == Woken::Stopped {
                return;
            }
        }
        if shard.is_out_of_data() {
            break;
        }
        let vus = shard.vu_count();
        if plan.queue {
            match begin_in_turn(shard, &alarm, due, end).await {
                InTurn::Begun => {}
                InTurn::Over => {
                    drop_rest(shard, mine).await;
                    break;
                }
                InTurn::Stopped => return,
            }
        } else if !begin(shard, due) {
            shard.dropped(1);
        }
        let behind = index % OVERDUE_BATCH == OVERDUE_BATCH - 1;
        if behind || shard.vu_count() > vus {
            // However far behind, this core's VUs and a signal must get their turn. And making a VU takes so long that
            // another one may have become free: using that is how to catch up.
            tokio::task::yield_now().await;
            if shard.is_stopped() {
                return;
            }
        }
    }
    while shard.core().clock.now() < end && !shard.is_out_of_data() {
        if wait_and_serve(shard, &alarm, end).await == Woken::Stopped {
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
async fn wait_and_serve(shard: &Rc<Shard>, alarm: &Alarm, at: Nanos) -> Woken {
    let woken = shard.wait_for(alarm.ring(at)).await;
    let desk = &shard.job().shared.desks[shard.core().index];
    while let Some(due) = desk.take() {
        shard.give(due);
    }
    woken
}

/// Begins an iteration: on an idle VU of this core, else on a new VU, else on an idle VU of another core. False if there
/// is none.
fn begin(shard: &Rc<Shard>, due: Nanos) -> bool {
    let desks = &shard.job().shared.desks;
    let here = shard.core().index;
    if desks[here].claim() {
        shard.give(due);
    } else if let Some(index) = shard.new_vu() {
        shard.spawn(index, Some(Ticket::due(due)));
    } else if let Some(other) = desks.iter().find(|desk| desk.claim()) {
        other.hand_over(due);
    } else {
        return false;
    }
    true
}

/// What became of an arrival that may have to wait for a VU.
enum InTurn {
    Begun,
    /// The plan, or its data, ended first.
    Over,
    /// The whole test stops now.
    Stopped,
}

/// Begins an iteration as soon as there is a VU for it, and no older arrival waits for one on any core.
async fn begin_in_turn(shard: &Rc<Shard>, alarm: &Alarm, due: Nanos, end: Nanos) -> InTurn {
    let line = &shard.job().shared.line;
    let here = shard.core().index;
    let try_it = || line.is_next(here, due) && begin(shard, due);
    if try_it() {
        return InTurn::Begun;
    }
    line.join(here, due);
    let outcome = loop {
        if try_it() {
            break InTurn::Begun;
        }
        // What is free now is somebody else's.
        shard.call_next();
        if wait_and_serve(shard, alarm, end).await == Woken::Stopped {
            break InTurn::Stopped;
        }
        if shard.core().clock.now() >= end || shard.is_out_of_data() {
            break InTurn::Over;
        }
    };
    line.leave(here);
    shard.call_next();
    outcome
}

/// Counts what has not begun by the end, the arrival that waits and all those behind it, as dropped.
async fn drop_rest(shard: &Shard, mut rest: impl Iterator<Item = Duration>) {
    if shard.is_out_of_data() {
        return;
    }
    let mut batch = 1;
    while batch > 0 {
        shard.dropped(batch);
        // It may be a long queue, and iterations are running out their grace.
        tokio::task::yield_now().await;
        batch = rest.by_ref().take(OVERDUE_BATCH).count() as u64;
    }
}
