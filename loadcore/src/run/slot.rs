//! One VU's loop: wait for an iteration, run it, count it.

use super::Vu;
use super::clock::{Nanos, Turn};
use super::control::{Control, Mode, Ticket};
use super::feed::DataEnd;
use super::narrator::Narrator;
use super::outcome::{Failure, Outcome};
use super::panic::{self, Panic};
use super::shard::Shard;
use crate::metric::{RowKey, RowSample};
use crate::plan::format_duration;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Marks the keys of iterations' rows; no protocol uses this bit.
const ITERATION_ROW: RowKey = 1 << 127;

/// A VU's place in its scenario: the engine's half of the loop that runs a journey.
#[doc(hidden)]
pub struct VuSlot {
    vu: Vu,
    control: Rc<Control>,
    shard: Rc<Shard>,
    /// The last iteration was cut because it took too long.
    overdue: Cell<bool>,
    /// The last iteration was shorter than its scenario wants: when the next one may begin.
    rests_until: Cell<Option<Nanos>>,
}

impl std::fmt::Debug for VuSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VuSlot").field("vu", &self.vu).finish_non_exhaustive()
    }
}

/// How a part of a journey ended.
pub(super) enum End<R> {
    Returned(R),
    Panicked(Panic),
    Interrupted,
}

impl VuSlot {
    pub(crate) fn new(vu: Vu, control: Rc<Control>, shard: Rc<Shard>) -> Self {
        Self { vu, control, shard, overdue: Cell::new(false), rests_until: Cell::new(None) }
    }

    pub(super) fn vu(&self) -> &Vu {
        &self.vu
    }

    pub(super) fn shard(&self) -> &Rc<Shard> {
        &self.shard
    }

    /// Runs the journey again and again, until the plan has no more for this VU.
    pub async fn drive<F, R>(mut self, mut journey: F)
    where
        F: AsyncFnMut(&Vu) -> R,
        R: Outcome,
    {
        while let Some(ticket) = self.ticket().await {
            let started = self.enter(ticket);
            let (end, rested) = self.guarded(async || journey(&self.vu).await).await;
            self.finish(started, ticket.due, end);
            if !rested {
                // A journey that never waits must not keep its core from the other VUs.
                tokio::task::yield_now().await;
            }
        }
    }

    /// The next permission; `None` when the plan has no more for this VU.
    pub(super) async fn ticket(&self) -> Option<Ticket> {
        if let Some(until) = self.rests_until.take() {
            // Boxed: few scenarios ask for it, and all VUs would carry it.
            Box::pin(self.rest(until)).await;
        }
        std::future::poll_fn(|cx| self.shard.poll_ticket(&self.control, cx)).await
    }

    /// Waits until the VU may go on, or until the plan does not want it any more.
    async fn rest(&self, until: Nanos) {
        let mut rest = pin!(self.shard.core().clock.sleep_until(until, Turn::Vu));
        std::future::poll_fn(|cx| {
            self.control.register(cx);
            if self.control.mode() == Mode::Ended { Poll::Ready(()) } else { rest.as_mut().poll(cx) }
        })
        .await;
        self.shard.vu_idle(self.control.local);
    }

    /// From here on the VU is busy with this iteration. Gives back since when.
    pub(super) fn enter(&mut self, ticket: Ticket) -> Nanos {
        let now = ticket.now.unwrap_or_else(|| self.vu.now());
        self.vu.set_began(now);
        self.control.set_busy(true);
        self.control.cut.set(false);
        self.control.begun.set(self.control.begun.get() + 1);
        self.vu.begin_iteration(ticket.number);
        self.vu.open_root_span();
        if let Some(due) = ticket.due {
            let core = self.shard.core();
            let late = now.saturating_sub(due);
            core.recorder.borrow_mut().time(core.ids.iteration_lateness, self.shard.tags(), late);
        }
        now
    }

    /// Runs a part of the journey, until the iteration is cut.
    pub(super) async fn guarded<R>(&self, part: impl AsyncFnOnce() -> R) -> (End<R>, bool) {
        let clock = &self.shard.core().clock;
        let limit = self.shard.job().iteration_timeout;
        let late = limit.map(|limit| clock.sleep_until(clock.now().saturating_add(limit), Turn::Vu));
        // Boxed: few scenarios ask for it, and all VUs would carry it.
        let mut late = late.map(Box::pin);
        self.overdue.set(false);
        let is_cut = |cx: &mut Context<'_>| {
            let is_late = late.as_mut().is_some_and(|late| late.as_mut().poll(cx).is_ready());
            self.overdue.set(is_late);
            is_late || self.control.cut.get() || self.shard.is_over()
        };
        guarded(&self.vu, is_cut, part).await
    }

    pub(super) fn finish<R: Outcome>(&self, started: Nanos, due: Option<Nanos>, end: End<R>) {
        let now = self.vu.now();
        self.control.set_busy(false);
        self.control.out_of_data.set(self.vu.data_end() == Some(DataEnd::OfVu));
        self.shard.iteration_ended(now);
        self.vu.end_iteration();
        let failure = match end {
            End::Interrupted if self.overdue.get() => Some(self.took_too_long()),
            End::Interrupted => {
                self.count_interrupted();
                if self.vu.has_left() {
                    // The others will hear of it in a moment; this one begins nothing more.
                    self.control.end();
                }
                return;
            }
            // How an error becomes ours is user code too.
            End::Returned(outcome) => {
                panic::catch(|| outcome.failure().map(|failure| self.explain(&failure)))
                    .unwrap_or_else(|panic| Some(panicked(panic)))
            }
            End::Panicked(panic) => Some(panicked(panic)),
        };
        if failure.is_some() && self.vu.data_end().is_some() {
            // Not its fault: a feeder has no more rows, and shall end the load with them.
            self.count_interrupted();
            self.shard.vu_idle(self.control.local);
            return;
        }
        let response_time = due.map(|due| now.saturating_sub(due));
        self.count([Some(now.saturating_sub(started)), response_time], failure);
        let earliest = started.saturating_add(self.shard.job().min_iteration);
        if now < earliest {
            self.rests_until.set(Some(earliest));
        } else {
            self.shard.vu_idle(self.control.local);
        }
    }

    fn took_too_long(&self) -> Explained {
        let job = self.shard.job();
        let limit = format_duration(Duration::from_nanos(job.iteration_timeout.unwrap_or_default()));
        let message = format!("the iteration took longer than its iteration_timeout of {limit}");
        ("timeout".to_owned(), job.place.clone(), message)
    }

    fn count(&self, trends: [Option<Nanos>; 2], failure: Option<Explained>) {
        self.control.counting.iteration_ended();
        let core = self.shard.core();
        let tags = self.shard.tags();
        let sample = RowSample { failed: failure.is_some(), trends };
        let mut recorder = core.recorder.borrow_mut();
        recorder.row(&core.ids.iteration_row, ITERATION_ROW | RowKey::from(tags.0), tags, &sample, |_| tags);
        if let Some((kind, place, message)) = failure {
            if let Some(narrator) = core.job.extensions.get_ref::<Narrator>() {
                narrator.iteration_failed(&kind, &place, &message);
            }
            recorder.error(&kind, &place, || message);
        }
    }

    fn count_interrupted(&self) {
        self.control.counting.iteration_interrupted();
        let core = self.shard.core();
        let now = core.clock.now();
        core.recorder.borrow_mut().sample(core.ids.interrupted_iterations, self.shard.tags(), 1.0, now);
    }

    fn explain(&self, failure: &Failure) -> Explained {
        failure.explain(&self.shard.job().place)
    }
}

/// Kind, place and message of a failure.
pub(super) type Explained = (String, String, String);

impl Failure {
    /// `site` is where the function stands, for errors that do not know the place of their `?`.
    pub(super) fn explain(&self, site: &str) -> Explained {
        let at = self.error.place();
        let place = if self.has_place { format!("{}:{}", at.file(), at.line()) } else { site.to_owned() };
        // The error's own `Display` is user code too.
        panic::catch(|| (crate::error::kind_of(self.error.source()), place, self.error.chain()))
            .unwrap_or_else(panicked)
    }
}

pub(super) fn panicked(panic: Panic) -> Explained {
    ("panic".to_owned(), panic.place, panic.message)
}

impl Drop for VuSlot {
    fn drop(&mut self) {
        // Dropped in the middle of an iteration: the journey panicked while it was being dropped.
        if self.control.is_busy() {
            self.control.set_busy(false);
            self.shard.iteration_ended(self.vu.now());
            self.count_interrupted();
        }
        self.control.end();
        self.shard.vu_ended();
    }
}

/// Polls user code inside `catch_unwind`, and leaves it when it is cut. Also tells whether it ever waited.
pub(super) async fn guarded<R>(
    vu: &Vu,
    mut is_cut: impl FnMut(&mut Context<'_>) -> bool,
    journey: impl AsyncFnOnce() -> R,
) -> (End<R>, bool) {
    let mut future = pin!(Some(journey()));
    let mut rested = false;
    let end = std::future::poll_fn(|cx| {
        if is_cut(cx) {
            // Said before anything of the journey is dropped: its groups and requests must know.
            vu.interrupt();
            return Poll::Ready(End::Interrupted);
        }
        let Some(running) = future.as_mut().as_pin_mut() else { return Poll::Ready(End::Interrupted) };
        let polled = panic::catch(|| running.poll(cx));
        if vu.has_left() {
            return Poll::Ready(End::Interrupted);
        }
        match polled {
            Ok(Poll::Ready(outcome)) => Poll::Ready(End::Returned(outcome)),
            Ok(Poll::Pending) => {
                rested = true;
                Poll::Pending
            }
            Err(panic) => Poll::Ready(End::Panicked(panic)),
        }
    })
    .await;
    // What the journey still holds is dropped here, where a panic is caught too.
    let end = match panic::catch(|| future.set(None)) {
        Ok(()) => end,
        Err(panic) => End::Panicked(panic),
    };
    (end, rested)
}
