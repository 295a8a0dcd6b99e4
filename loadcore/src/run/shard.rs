//! One scenario on one core: its VUs, and what the drivers may do with them.

use super::clock::{Nanos, Turn, nanos};
use super::control::{Control, Mode, Ticket};
use super::job::{Desk, ScenarioJob};
use super::scope::Scope;
use super::tally::Counting;
use super::{Core, Vu, VuSlot};
use crate::metric::TagSetId;
use crate::plan::{Budget, ClosedSchedule, Schedule, Stripe};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio::sync::Notify;

/// A scenario's share of one core.
pub(crate) struct Shard {
    core: Rc<Core>,
    scenario: usize,
    pub(crate) stripe: Stripe,
    /// The scenario's start. That of a scenario which waits for another one is known when that one has ended.
    start: Cell<Nanos>,
    scope: Rc<Scope>,
    pub(crate) counting: Rc<Counting>,
    vus: RefCell<Vec<Rc<Control>>>,
    /// VUs whose tasks have not ended.
    alive: Cell<u64>,
    /// The most of them at once.
    peak: Cell<u64>,
    /// Idle VUs of an open model, by their local index.
    idle: RefCell<Vec<usize>>,
    iterations_begun: Cell<u64>,
    /// When the last iteration so far ended.
    last_end: Cell<Nanos>,
    /// Until when the plan was followed, once it has come to its end.
    followed_until: Cell<Option<Nanos>>,
    stopped: Cell<bool>,
    /// The plan has ended: idle VUs are wanted no more.
    closing: Cell<bool>,
    /// The time of all iterations is up.
    is_over: Cell<bool>,
    /// Wakes the driver: a VU ended, or the test shall stop.
    changed: Notify,
}

/// Why a driver woke up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It is time.
    Due,
    /// Something changed meanwhile.
    Changed,
    /// The whole test stops now.
    Stopped,
}

impl Shard {
    pub(crate) fn new(core: &Rc<Core>, scenario: usize) -> Rc<Self> {
        let job = &core.job.scenarios[scenario];
        let numbered = match &job.schedule {
            Schedule::Open(_) => true,
            Schedule::Closed(plan) => matches!(plan.budget, Budget::Shared(_)),
        };
        let scope = Scope::of_scenario(core, &job.name, &job.tags, numbered);
        Rc::new(Self {
            scenario,
            stripe: Stripe { index: core.index as u64, of: core.job.cores as u64 },
            start: Cell::new(core.start().saturating_add(job.start_after)),
            scope: Rc::new(scope),
            counting: Rc::new(Counting::new(&core.job, scenario, core.index)),
            vus: RefCell::default(),
            alive: Cell::new(0),
            peak: Cell::new(0),
            idle: RefCell::default(),
            iterations_begun: Cell::new(0),
            last_end: Cell::new(0),
            followed_until: Cell::new(None),
            stopped: Cell::new(false),
            closing: Cell::new(false),
            is_over: Cell::new(false),
            changed: Notify::new(),
            core: Rc::clone(core),
        })
    }

    pub(crate) fn job(&self) -> &ScenarioJob {
        &self.core.job.scenarios[self.scenario]
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// VUs that are active now.
    pub(crate) fn active(&self) -> u64 {
        self.counting.active_vus()
    }

    /// The most VUs that there were at once.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.get()
    }

    pub(crate) fn iteration_ended(&self, now: Nanos) {
        self.last_end.set(self.last_end.get().max(now));
    }

    /// Until when this share has made load: `now`, unless no iteration runs any more and none will. What VUs do after
    /// their last iteration is no load.
    pub(crate) fn loaded_until(&self, now: Nanos) -> Nanos {
        let followed = self.followed_until.get().or_else(|| self.is_used_up().then_some(0));
        match followed {
            Some(until) if !self.vus.borrow().iter().any(|vu| vu.is_busy()) => until.max(self.last_end.get()),
            _ => now,
        }
    }

    /// Whether all iterations of a fixed number have begun.
    fn is_used_up(&self) -> bool {
        let Schedule::Closed(plan) = &self.job().schedule else { return false };
        match plan.budget {
            Budget::Unlimited => false,
            Budget::Shared(most) => self.iterations_taken() >= most,
            Budget::PerVu(most) => {
                let vus = self.vus.borrow();
                self.core.clock.now() >= self.start() && vus.iter().all(|vu| vu.begun() >= most)
            }
        }
    }

    /// The plan has come to its end, or was stopped. One of a fixed number of iterations lasts as long as they do; any
    /// other lasts to its end, also where it wants no VU any more.
    pub(crate) fn followed(&self, end: Nanos) {
        let is_fixed =
            matches!(&self.job().schedule, Schedule::Closed(plan) if plan.budget != Budget::Unlimited);
        self.followed_until.set(Some(if is_fixed { 0 } else { self.core.clock.now().min(end) }));
    }

    /// The scenario's own tags.
    pub(crate) fn tags(&self) -> TagSetId {
        self.scope.tags
    }

    pub(crate) fn book_traffic(&self) {
        self.scope.book_traffic(&self.core);
    }

    /// Ends everything at once, as a signal does.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
        self.cut_all();
        self.changed.notify_one();
    }

    /// Waits for an instant, unless something happens before.
    pub(crate) async fn wait_until(&self, at: Nanos) -> Woken {
        self.wait_for(self.core.clock.sleep_until(at, Turn::Plan)).await
    }

    /// Waits for an alarm, unless something happens before.
    pub(crate) async fn wait_for(&self, alarm: impl Future<Output = ()>) -> Woken {
        if self.stopped.get() {
            return Woken::Stopped;
        }
        let desk = &self.job().shared.desks[self.core.index].changed;
        tokio::select! {
            biased;
            () = self.changed.notified() => if self.stopped.get() { Woken::Stopped } else { Woken::Changed },
            () = desk.notified() => Woken::Changed,
            () = alarm => Woken::Due,
        }
    }

    /// The scenario's start, on the test's clock.
    pub(crate) fn start(&self) -> Nanos {
        self.start.get()
    }

    /// That of a scenario which waits for another one, now that it is known.
    pub(crate) fn set_start(&self, start: Nanos) {
        self.start.set(start);
    }

    /// The plan is followed from now on.
    pub(crate) fn begin(&self) {
        self.scope.start.set(self.start());
    }

    /// Whether a feeder has ended the load: no further iteration shall begin.
    pub(crate) fn is_out_of_data(&self) -> bool {
        self.job().shared.is_out_of_data()
    }

    /// Waits until the whole test stops.
    pub(crate) async fn stopped(&self) {
        while !self.stopped.get() {
            self.changed.notified().await;
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    pub(crate) fn alive(&self) -> u64 {
        self.alive.get()
    }

    pub(crate) fn vu(&self, local: usize) -> Rc<Control> {
        Rc::clone(&self.vus.borrow()[local])
    }

    pub(crate) fn vu_count(&self) -> usize {
        self.vus.borrow().len()
    }

    /// Creates a VU and starts its task. `index` is its number in the scenario, from 0.
    pub(crate) fn spawn(self: &Rc<Self>, index: u64, ticket: Option<Ticket>) {
        let control = Rc::new(Control::new(self.vus.borrow().len(), ticket, Rc::clone(&self.counting)));
        self.vus.borrow_mut().push(Rc::clone(&control));
        self.alive.set(self.alive.get() + 1);
        self.counting.vu_created();
        self.peak.set(self.peak.get().max(self.alive.get()));
        let vu = Vu::new(Rc::clone(&self.core), Rc::clone(&self.scope), self.job().vu_offset + index + 1);
        let slot = VuSlot::new(vu, control, Rc::clone(self));
        tokio::task::spawn_local(self.job().drive.start(slot));
    }

    /// Called when a VU's task has ended, however it did.
    pub(crate) fn vu_ended(&self) {
        self.alive.set(self.alive.get() - 1);
        self.counting.vu_ended();
        self.changed.notify_one();
    }

    /// An open model's VU has finished an iteration.
    pub(crate) fn vu_idle(&self, local: usize) {
        if matches!(self.job().schedule, Schedule::Open(_)) && !self.closing.get() {
            self.idle.borrow_mut().push(local);
            self.job().shared.desks[self.core.index].offer();
            self.call_next();
        }
    }

    /// Tells the arrival that has waited longest for a VU that one is free, if both is so.
    pub(crate) fn call_next(&self) {
        let shared = &self.job().shared;
        let queues = matches!(&self.job().schedule, Schedule::Open(plan) if plan.queue);
        if queues
            && shared.desks.iter().any(Desk::has_idle)
            && let Some(next) = shared.line.next_for(self.core.index)
        {
            shared.desks[next].changed.notify_one();
        }
    }

    /// VUs that become idle from now on are not offered to any arrival.
    pub(crate) fn offer_no_more(&self) {
        self.closing.set(true);
    }

    pub(crate) fn idle_vus(&self) -> usize {
        self.idle.borrow().len()
    }

    /// Gives an arrival to an idle VU that has been claimed.
    pub(crate) fn give(&self, due: Nanos) {
        let local = self.idle.borrow_mut().pop();
        debug_assert!(local.is_some(), "a claim without an idle VU");
        if let Some(local) = local {
            self.vu(local).give(Ticket::due(due));
        }
    }

    /// Whether a VU may begin another iteration now, and which.
    pub(crate) fn poll_ticket(&self, control: &Control, cx: &Context<'_>) -> Poll<Option<Ticket>> {
        control.register(cx);
        // An arrival that has been given begins, even if the plan has ended meanwhile: it was not dropped.
        let given = if self.stopped.get() { None } else { control.take_ticket() };
        if let Some(ticket) = given {
            return Poll::Ready(Some(ticket.numbered(self.job().shared.take_iteration())));
        }
        match (control.mode(), &self.job().schedule) {
            (Mode::Ended, _) => Poll::Ready(None),
            _ if control.is_out_of_data() => Poll::Ready(None),
            (Mode::Parked, _) | (Mode::Active, Schedule::Open(_)) => Poll::Pending,
            (Mode::Active, Schedule::Closed(plan)) => Poll::Ready(self.closed_ticket(control, plan)),
        }
    }

    fn closed_ticket(&self, control: &Control, plan: &ClosedSchedule) -> Option<Ticket> {
        let now = self.core.clock.now();
        if now >= self.start().saturating_add(nanos(plan.end)) || self.is_out_of_data() {
            return None;
        }
        let number = match plan.budget {
            Budget::Shared(most) => self.job().shared.take_iteration_of(most)?,
            Budget::PerVu(most) if control.begun() >= most => return None,
            Budget::PerVu(_) | Budget::Unlimited => {
                let local = self.iterations_begun.get();
                self.iterations_begun.set(local + 1);
                self.stripe.global(local)
            }
        };
        Some(Ticket::closed(number, now))
    }

    fn cut_all(&self) {
        self.is_over.set(true);
        self.end_all();
        for control in &*self.vus.borrow() {
            control.cut();
        }
    }

    /// Whether no iteration may go on, nor one whose arrival was given to its VU too late.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// No further iteration begins.
    pub(crate) fn end_all(&self) {
        for control in &*self.vus.borrow() {
            control.end();
        }
    }

    /// When running iterations are cut: the plan's hard end, or earlier if data has ended the load before its time.
    fn hard_end(&self, of_plan: Nanos) -> Nanos {
        let from_now = self.core.clock.now().saturating_add(self.job().graceful_stop);
        if self.is_out_of_data() { of_plan.min(from_now) } else { of_plan }
    }

    /// No further iteration begins; those that run may go on until `hard_end` of the plan.
    pub(crate) async fn close(&self, hard_end: Nanos) {
        let hard_end = self.hard_end(hard_end);
        self.end_all();
        while self.alive() > 0 {
            if self.wait_until(hard_end).await != Woken::Changed {
                break;
            }
        }
        self.cut_all();
        while self.alive() > 0 {
            self.changed.notified().await;
        }
    }

    /// The number of a new VU of an open model, if another one may exist.
    pub(crate) fn new_vu(&self) -> Option<u64> {
        self.job().shared.create_vu(self.job().max_vus)
    }

    /// How many of a shared number of iterations all cores have taken.
    pub(crate) fn iterations_taken(&self) -> u64 {
        self.job().shared.next_iteration.load(Ordering::Relaxed)
    }

    /// Counts iterations that the plan asked for and that never started.
    pub(crate) fn dropped(&self, iterations: u64) {
        let now = self.core.clock.now();
        let mut recorder = self.core.recorder.borrow_mut();
        recorder.sample(self.core.ids.dropped_iterations, self.scope.tags, iterations as f64, now);
    }
}
