//! How a driver steers a VU: permission for iterations, and orders to rest, to go on or to end.

use super::clock::Nanos;
use super::tally::Counting;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

/// Permission for one iteration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    pub(super) number: u64,
    /// When an open model wanted it to begin.
    pub(super) due: Option<Nanos>,
    /// The time, if it has just been read.
    pub(super) now: Option<Nanos>,
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
    pub(super) local: usize,
    mode: Cell<Mode>,
    /// Set to interrupt the running iteration.
    pub(super) cut: Cell<bool>,
    busy: Cell<bool>,
    pub(super) begun: Cell<u64>,
    /// It has no data left to go on with.
    pub(super) out_of_data: Cell<bool>,
    ticket: Cell<Option<Ticket>>,
    waker: RefCell<Option<Waker>>,
    pub(super) counting: Rc<Counting>,
}

impl Control {
    pub(crate) fn new(local: usize, ticket: Option<Ticket>, counting: Rc<Counting>) -> Self {
        counting.vu_active(true);
        Self {
            local,
            mode: Cell::new(Mode::Active),
            cut: Cell::new(false),
            busy: Cell::new(false),
            begun: Cell::new(0),
            out_of_data: Cell::new(false),
            ticket: Cell::new(ticket),
            waker: RefCell::new(None),
            counting,
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode.get()
    }

    /// How many iterations it has begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// Whether its own data has ended, and it with it.
    pub(crate) fn is_out_of_data(&self) -> bool {
        self.out_of_data.get()
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
            let was_active = self.is_active();
            self.mode.set(mode);
            self.count_active(was_active);
            self.wake();
        }
    }

    pub(super) fn set_busy(&self, busy: bool) {
        let was_active = self.is_active();
        self.busy.set(busy);
        self.count_active(was_active);
    }

    fn count_active(&self, was_active: bool) {
        if self.is_active() != was_active {
            self.counting.vu_active(!was_active);
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
