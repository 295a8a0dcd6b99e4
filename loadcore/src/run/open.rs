//! Drives open models: iterations that begin when they are due.

use super::alarm::Alarm;
use super::clock::{Nanos, nanos};
use super::control::Ticket;
use super::shard::{Shard, Woken};
use crate::plan::OpenSchedule;
use std::iter::Peekable;
use std::rc::Rc;
use std::time::Duration;

/// Arrivals that may begin, or be counted as dropped, in one go.
const BATCH: usize = 1_000;

/// Starts this share's arrivals, each on a VU that is free somewhere in the process, until the regular end. Gives back
/// those for which there was no time, to be counted.
pub(crate) async fn drive(
    shard: &Rc<Shard>,
    plan: &OpenSchedule,
    hard_end: Nanos,
) -> impl Iterator<Item = Duration> + use<> {
    let driver = Driver {
        shard,
        alarm: Alarm::new(&shard.core().clock, shard.core().job.spin_arrivals),
        queues: plan.queue,
        end: shard.start().saturating_add(nanos(plan.end)),
        hard_end,
    };
    let (index, of) = (shard.stripe.index as usize, shard.stripe.of as usize);
    let mut rest = plan.arrivals.iter().skip(index).step_by(of).peekable();
    let stopped = driver.begin_all(&mut rest).await == Woken::Stopped
        || driver.wait_until(driver.end).await == Woken::Stopped;
    if !stopped {
        driver.serve_the_rest().await;
    }
    // After a signal nobody wants to know, and where data has ended the load, time would have sufficed.
    let counts = !stopped && !shard.is_out_of_data();
    counts.then_some(rest).into_iter().flatten()
}

/// Counts what has not begun by the end as dropped. That may be a long queue, so iterations run out their grace meanwhile,
/// and a signal ends it.
pub(crate) async fn drop_rest(shard: &Shard, mut rest: impl Iterator<Item = Duration>) {
    while !shard.is_stopped() {
        let batch = rest.by_ref().take(BATCH).count() as u64;
        if batch == 0 {
            return;
        }
        shard.dropped(batch);
        tokio::task::yield_now().await;
    }
}

struct Driver<'a> {
    shard: &'a Rc<Shard>,
    alarm: Alarm,
    /// Whether an arrival waits for a VU.
    queues: bool,
    /// From here on nothing waits for one.
    end: Nanos,
    /// From here on nothing runs.
    hard_end: Nanos,
}

/// What became of an arrival.
enum Arrived {
    /// It has begun, or is dropped.
    Done,
    /// The plan, or its data, ended first.
    Over,
    /// The whole test stops now.
    Stopped,
}

impl Driver<'_> {
    /// Begins one arrival after the other. What is left behind could not begin in time.
    async fn begin_all(&self, rest: &mut Peekable<impl Iterator<Item = Duration>>) -> Woken {
        let shard = self.shard;
        let mut in_one_go = 0;
        while let Some(due) = rest.peek() {
            let due = shard.start().saturating_add(nanos(*due));
            // All that are due by now start in one batch.
            if shard.core().clock.now() < due {
                in_one_go = 0;
                if self.wait_until(due).await == Woken::Stopped {
                    return Woken::Stopped;
                }
            }
            if shard.is_out_of_data() {
                break;
            }
            let vus = shard.vu_count();
            match self.arrive(due).await {
                Arrived::Done => rest.next(),
                Arrived::Over => break,
                Arrived::Stopped => return Woken::Stopped,
            };
            in_one_go += 1;
            let is_behind = in_one_go % BATCH == 0;
            if is_behind || shard.vu_count() > vus {
                // However far behind, this core's VUs and a signal must get their turn. And making a VU takes so long that
                // another one may have become free: using that is how to catch up.
                tokio::task::yield_now().await;
                if shard.is_stopped() {
                    return Woken::Stopped;
                }
                self.serve();
            }
            if is_behind && shard.core().clock.now() >= self.hard_end {
                break;
            }
        }
        Woken::Due
    }

    async fn arrive(&self, due: Nanos) -> Arrived {
        if self.queues {
            return self.begin_in_turn(due).await;
        }
        if !self.begin(due) {
            self.shard.dropped(1);
        }
        Arrived::Done
    }

    /// Waits, and meanwhile begins what other cores hand over; not longer than there is data.
    async fn wait_until(&self, at: Nanos) -> Woken {
        while self.shard.core().clock.now() < at && !self.shard.is_out_of_data() {
            if self.wait_and_serve(at).await == Woken::Stopped {
                return Woken::Stopped;
            }
        }
        Woken::Due
    }

    async fn wait_and_serve(&self, at: Nanos) -> Woken {
        let woken = self.shard.wait_for(self.alarm.ring(at)).await;
        self.serve();
        woken
    }

    /// Begins what other cores have handed over.
    fn serve(&self) {
        let desk = &self.shard.job().shared.desks[self.shard.core().index];
        while let Some(due) = desk.take() {
            self.shard.give(due);
        }
    }

    /// After the end no other core finds an idle VU here; what one has handed over by then still begins.
    async fn serve_the_rest(&self) {
        let shard = self.shard;
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

    /// Begins an iteration: on an idle VU of this core, else on a new VU, else on an idle VU of another core. False if
    /// there is none.
    fn begin(&self, due: Nanos) -> bool {
        let shard = self.shard;
        let desks = &shard.job().shared.desks;
        if desks[shard.core().index].claim() {
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

    /// Begins an iteration as soon as there is a VU for it, and no older arrival waits for one on any core.
    async fn begin_in_turn(&self, due: Nanos) -> Arrived {
        let shard = self.shard;
        let line = &shard.job().shared.line;
        let here = shard.core().index;
        let try_it = || line.is_next(here, due) && self.begin(due);
        if try_it() {
            return Arrived::Done;
        }
        line.join(here, due);
        let outcome = loop {
            if try_it() {
                break Arrived::Done;
            }
            // What is free now is somebody else's.
            shard.call_next();
            if self.wait_and_serve(self.end).await == Woken::Stopped {
                break Arrived::Stopped;
            }
            if shard.core().clock.now() >= self.end || shard.is_out_of_data() {
                break Arrived::Over;
            }
        };
        line.leave(here);
        shard.call_next();
        outcome
    }
}
