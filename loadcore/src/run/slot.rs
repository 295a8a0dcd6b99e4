//! One VU's loop: wait for an iteration, run it, count it.

use super::Vu;
use super::clock::Nanos;
use super::narrator::Narrator;
use super::outcome::{Failure, Outcome};
use super::panic::{self, Panic};
use super::shard::Shard;
use crate::metric::{RowKey, RowSample};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Marks the keys of iterations' rows; no protocol uses this bit.
const ITERATION_ROW: RowKey = 1 << 127;

/// Permission for one iteration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    number: u64,
    /// When an open model wanted it to begin.
    due: Option<Nanos>,
    /// The time, if it has just been read.
    now: Option<Nanos>,
}

impl Ticket {
    pub(crate) fn due(at: Nanos) -> Self {
        Self { number: 0, due: Some(at), now: None }
    }

    pub(crate) fn closed(number: u64, now: Nanos) -> Self {
        Self { number, due: None, now: Some(now) }
    }

    pub(crate) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    pub(crate) fn due_at(self) -> Option<Nanos> {
        self.due
    }
}

/// What a driver has decided about a VU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It may begin iterations.
    Active,
    /// It keeps its state and waits: the plan may want it again.
    Parked,
    /// Its task ends after the running iteration.
    Ended,
}

/// How a driver steers one VU.
#[derive(Debug)]
pub(crate) struct Control {
    local: usize,
    mode: Cell<Mode>,
    /// Set to interrupt the running iteration.
    cut: Cell<bool>,
    busy: Cell<bool>,
    begun: Cell<u64>,
    ticket: Cell<Option<Ticket>>,
    waker: RefCell<Option<Waker>>,
}

impl Control {
    pub(crate) fn new(local: usize, ticket: Option<Ticket>) -> Self {
        Self {
            local,
            mode: Cell::new(Mode::Active),
            cut: Cell::new(false),
            busy: Cell::new(false),
            begun: Cell::new(0),
            ticket: Cell::new(ticket),
            waker: RefCell::new(None),
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode.get()
    }

    /// How many iterations it has begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// Whether an iteration is running.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.get()
    }

    /// Whether it counts as active: the plan wants it, or it has not come to rest yet.
    pub(crate) fn is_active(&self) -> bool {
        self.mode.get() == Mode::Active || self.is_busy()
    }

    pub(crate) fn activate(&self) {
        self.set_mode(Mode::Active);
    }

    pub(crate) fn park(&self) {
        self.set_mode(Mode::Parked);
    }

    pub(crate) fn end(&self) {
        self.set_mode(Mode::Ended);
    }

    fn set_mode(&self, mode: Mode) {
        if self.mode.get() != Mode::Ended {
            self.mode.set(mode);
            self.wake();
        }
    }

    /// Interrupts the running iteration, if there is one.
    pub(crate) fn cut(&self) {
        self.cut.set(self.busy.get());
        self.wake();
    }

    pub(crate) fn give(&self, ticket: Ticket) {
        self.ticket.set(Some(ticket));
        self.wake();
    }

    pub(crate) fn take_ticket(&self) -> Option<Ticket> {
        self.ticket.take()
    }

    pub(crate) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// A VU's place in its scenario: the engine's half of the loop that runs a journey.
#[doc(hidden)]
pub struct VuSlot {
    vu: Vu,
    control: Rc<Control>,
    shard: Rc<Shard>,
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
        Self { vu, control, shard }
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
        std::future::poll_fn(|cx| self.shard.poll_ticket(&self.control, cx)).await
    }

    /// From here on the VU is busy with this iteration. Gives back since when.
    pub(super) fn enter(&mut self, ticket: Ticket) -> Nanos {
        let now = ticket.now.unwrap_or_else(|| self.vu.now());
        self.control.busy.set(true);
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
        guarded(&self.vu, |_| self.control.cut.get(), part).await
    }

    pub(super) fn finish<R: Outcome>(&self, started: Nanos, due: Option<Nanos>, end: End<R>) {
        let now = self.vu.now();
        self.control.busy.set(false);
        self.shard.iteration_ended(now);
        let failure = match end {
            End::Interrupted => {
                self.count_interrupted();
                return;
            }
            // How an error becomes ours is user code too.
            End::Returned(outcome) => {
                panic::catch(|| outcome.failure().map(|failure| self.explain(&failure)))
                    .unwrap_or_else(|panic| Some(panicked(panic)))
            }
            End::Panicked(panic) => Some(panicked(panic)),
        };
        let response_time = due.map(|due| now.saturating_sub(due));
        self.count([Some(now.saturating_sub(started)), response_time], failure);
        self.shard.vu_idle(self.control.local);
    }

    fn count(&self, trends: [Option<Nanos>; 2], failure: Option<Explained>) {
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
        if self.control.busy.replace(false) {
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
        match panic::catch(|| running.poll(cx)) {
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
