//! The VU: what a journey sees of the engine.

use super::Core;
use super::clock::{Nanos, Turn, nanos};
use super::feed::DataEnd;
use super::group::is_group_name;
use super::narrator::Narrator;
use super::scope::Scope;
use crate::data::SharedArray;
use crate::error::Result;
use crate::metric::{Group, TagSetId};
use crate::trace::{SpanId, TraceContext, TraceId};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// A virtual user, as a cheap handle: cloning it copies two pointers.
///
/// A handle belongs to a place in the journey: inside a group, `vu` is a child handle that carries the group's path and
/// span, so that requests joined with others are still counted where they were written.
#[derive(Clone)]
pub struct Vu {
    pub(crate) state: Rc<VuState>,
    pub(crate) tags: TagSetId,
    span: u64,
}

/// What all handles of one VU share.
pub(crate) struct VuState {
    pub(crate) core: Rc<Core>,
    pub(crate) scope: Rc<Scope>,
    id: u64,
    iteration: Cell<u64>,
    own_iterations: Cell<u64>,
    /// When the running iteration began.
    began: Cell<Nanos>,
    /// A feeder has no more rows, and has ended the load with them.
    data_end: Cell<Option<DataEnd>>,
    trace: Cell<u128>,
    /// Keyed and made at first use in an iteration.
    rng: RefCell<Option<SmallRng>>,
    /// Draws belong to the VU's setup or teardown.
    draws_apart: Cell<bool>,
    interrupted: Cell<bool>,
    /// The journey has aborted the test, and goes on no further.
    has_left: Cell<bool>,
    extensions: RefCell<Vec<Rc<dyn VuExtension>>>,
}

/// What a protocol keeps in one VU.
pub(crate) trait VuExtension: Any {
    /// An iteration of the VU has ended, in whatever way.
    fn iteration_ended(&self) {}

    /// The VU's setup is about to run: for the first time, or once more, since it failed or a panic took what it made.
    fn set_up_anew(&self) {}
}

impl Vu {
    pub(crate) fn new(core: Rc<Core>, scope: Rc<Scope>, id: u64) -> Self {
        let tags = scope.tags;
        let state = VuState {
            core,
            scope,
            id,
            iteration: Cell::new(0),
            own_iterations: Cell::new(0),
            began: Cell::new(0),
            data_end: Cell::new(None),
            trace: Cell::new(0),
            rng: RefCell::new(None),
            draws_apart: Cell::new(false),
            interrupted: Cell::new(false),
            has_left: Cell::new(false),
            extensions: RefCell::default(),
        };
        Self { state: Rc::new(state), tags, span: 0 }
    }

    /// This VU's number, from 1; unique in the test. 0 in setup and teardown.
    pub fn id(&self) -> u64 {
        self.state.id
    }

    /// The running iteration's number in its scenario, from 0; each is given once in the whole test. With arrival rates and
    /// `shared_iterations` there is no gap; where VUs loop on several cores there may be gaps.
    pub fn iteration(&self) -> u64 {
        self.state.iteration.get()
    }

    /// The scenario's name; empty in setup and teardown.
    pub fn scenario(&self) -> &str {
        &self.state.scope.name
    }

    /// Time since the test's start.
    pub fn elapsed(&self) -> Duration {
        let core = &self.state.core;
        Duration::from_nanos(core.clock.now().saturating_sub(core.start()))
    }

    /// Waits. The VU's core serves other VUs meanwhile.
    pub async fn sleep(&self, duration: Duration) {
        let clock = &self.state.core.clock;
        clock.sleep_until(clock.now().saturating_add(nanos(duration)), Turn::Vu).await;
    }

    /// Waits until the iteration has lasted `least`, counted from its start (in an open model from when it really began,
    /// not from when it was due). Returns at once if it has lasted that long already.
    ///
    /// At a journey's end it makes a VU begin an iteration each `least`, however fast the target answers: a closed model
    /// with a known rate. The wait is a part of `iteration_duration`; for one that is not, see
    /// [`min_iteration_duration`](crate::plan::Executor::min_iteration_duration).
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// #[scenario(executor = constant_vus(20, 10m))] // 20 devices that report each 2 s: 10 reports a second
    /// async fn report(vu: &Vu) -> Result {
    ///     vu.post("/v1/readings").body("21.5").send().await?;
    ///     vu.pace(secs(2)).await;
    ///     Ok(())
    /// }
    /// ```
    pub async fn pace(&self, least: Duration) {
        let until = self.state.began.get().saturating_add(nanos(least));
        if self.now() < until {
            self.state.core.clock.sleep_until(until, Turn::Vu).await;
        }
    }

    pub(super) fn with_rng<T>(&self, draw: impl FnOnce(&mut SmallRng) -> T) -> T {
        let mut rng = self.state.rng.borrow_mut();
        let make = || SmallRng::seed_from_u64(self.state.scope.random_key(self));
        draw(rng.get_or_insert_with(make))
    }

    /// The running iteration's number among this VU's own in its scenario, from 0.
    pub fn own_iteration(&self) -> u64 {
        self.state.own_iterations.get().saturating_sub(1)
    }

    /// The trace of this iteration, and the span that requests made with this handle belong to.
    pub fn trace(&self) -> TraceContext {
        let trace_id = TraceId::from_bytes(self.state.trace.get().to_be_bytes());
        TraceContext { trace_id, span_id: SpanId::from_bytes(self.span.to_be_bytes()) }
    }

    /// Counts a check under `checks`, in this handle's group; returns `passed`. See also [`check!`](crate::check).
    #[track_caller]
    pub fn check(&self, name: impl AsRef<str>, passed: bool) -> bool {
        let (core, name) = (&self.state.core, name.as_ref());
        let mut recorder = core.recorder.borrow_mut();
        let tags = recorder.tags.with(self.tags, "check", name);
        recorder.sample(core.ids.checks, tags, f64::from(u8::from(passed)), core.clock.now());
        drop(recorder);
        if !passed && let Some(narrator) = core.job.extensions.get_ref::<Narrator>() {
            narrator.check_failed(self, name, Location::caller());
        }
        passed
    }

    /// Runs a part of the journey as a group: its duration, checks and requests are counted under this name.
    ///
    /// The closure is written `async |vu: &Vu| Ok(..)` and gets a child handle.
    ///
    /// # Errors
    /// What the closure returns; or that the name is empty or contains `::`, which separates nested groups.
    pub async fn group<T>(&self, name: &str, body: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        if !is_group_name(name) {
            return Err(format!("group name {name:?}: it must not be empty or contain `::`").into());
        }
        let guard = super::group::enter_named(self, name);
        body(guard.vu()).await
    }

    pub(crate) fn begin_iteration(&self, number: u64) {
        let state = &self.state;
        state.iteration.set(number);
        state.own_iterations.set(state.own_iterations.get() + 1);
        state.interrupted.set(false);
        state.data_end.set(None);
        *state.rng.borrow_mut() = None;
        let mut ids = state.core.id_rng.borrow_mut();
        // An id of all zeros is invalid by W3C's rules.
        state.trace.set(u128::from(ids.next_u64()) << 64 | u128::from(ids.next_u64().max(1)));
    }

    /// The journey begins now.
    pub(crate) fn set_began(&self, now: Nanos) {
        self.state.began.set(now);
    }

    /// Whether data has ended in this iteration, and for whom.
    pub(crate) fn data_end(&self) -> Option<DataEnd> {
        self.state.data_end.get()
    }

    pub(crate) fn set_data_end(&self, end: DataEnd) {
        self.state.data_end.set(Some(end));
    }

    /// Gives the root handle of this iteration its own span.
    pub(crate) fn open_root_span(&mut self) {
        self.span = self.state.core.new_span();
    }

    pub(crate) fn child(&self, tags: TagSetId) -> Self {
        Self { state: Rc::clone(&self.state), tags, span: self.state.core.new_span() }
    }

    /// Until the guard is dropped, what is drawn has a stream of its own: which iteration is a VU's first one is chance, and
    /// must not shift that iteration's draws.
    pub(crate) fn draw_apart(&self) -> DrawsApart<'_> {
        self.state.draw_apart(true);
        DrawsApart(&self.state)
    }

    pub(crate) fn draws_apart(&self) -> bool {
        self.state.draws_apart.get()
    }

    /// A handle for a setup or teardown, which are counted in a group of their own: `::setup`.
    pub(crate) fn hook(&self, name: &str) -> Self {
        let scope = self.state.scope.tags;
        let tags = self.state.core.recorder.borrow_mut().tags.enter_group(scope, name);
        self.child(tags)
    }

    /// What is done from now on counts, though the last iteration was interrupted.
    pub(crate) fn resume(&self) {
        self.state.interrupted.set(false);
        self.state.has_left.set(false);
    }

    /// The journey ends here, as if it had been cut.
    pub(crate) fn leave(&self) {
        self.interrupt();
        self.state.has_left.set(true);
    }

    pub(crate) fn has_left(&self) -> bool {
        self.state.has_left.get()
    }

    pub(crate) fn interrupt(&self) {
        self.state.interrupted.set(true);
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.state.interrupted.get()
    }

    /// A protocol's state in this VU, made at first use.
    pub(crate) fn extension<T: VuExtension>(&self, make: impl FnOnce(&Self) -> T) -> Rc<T> {
        let known = |e: &Rc<dyn VuExtension>| (Rc::clone(e) as Rc<dyn Any>).downcast().ok();
        let found = self.state.extensions.borrow().iter().find_map(known);
        found.unwrap_or_else(|| {
            let made = Rc::new(make(self));
            self.state.extensions.borrow_mut().push(Rc::clone(&made) as Rc<dyn VuExtension>);
            made
        })
    }

    /// Tells whoever keeps something in this VU.
    pub(crate) fn end_iteration(&self) {
        for extension in self.state.extensions.borrow().iter() {
            extension.iteration_ended();
        }
    }

    /// Tells whoever keeps something in this VU that its setup begins.
    pub(crate) fn begin_setup(&self) {
        for extension in self.state.extensions.borrow().iter() {
            extension.set_up_anew();
        }
    }

    /// The key of a random stream apart from the journey's own, which does not change what the journey draws.
    pub(crate) fn stream_key(&self, of: &str) -> u64 {
        super::scope::mix(self.state.scope.random_key(self) ^ super::scope::text_key(of))
    }

    pub(crate) fn now(&self) -> Nanos {
        self.state.core.clock.now()
    }
}

impl VuState {
    fn draw_apart(&self, apart: bool) {
        self.draws_apart.set(apart);
        *self.rng.borrow_mut() = None;
    }
}

/// Ends what [`Vu::draw_apart`] began.
pub(crate) struct DrawsApart<'a>(&'a VuState);

impl Drop for DrawsApart<'_> {
    fn drop(&mut self) {
        self.0.draw_apart(false);
    }
}

impl fmt::Debug for Vu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vu")
            .field("id", &self.id())
            .field("iteration", &self.iteration())
            .finish_non_exhaustive()
    }
}

impl<T> SharedArray<T> {
    /// This VU's row: the same in each of its iterations, and another VU's only when there are more VUs than rows.
    pub fn for_vu(&self, vu: &Vu) -> &T {
        self.wrapping(vu.id().saturating_sub(1))
    }

    /// The running iteration's row: each iteration of a scenario has the next one, and the first again after the last.
    pub fn for_iteration(&self, vu: &Vu) -> &T {
        self.wrapping(vu.iteration())
    }
}

impl Group {
    /// What `#[group]` writes.
    #[doc(hidden)]
    pub const fn declared(name: &'static str) -> Self {
        Self { name }
    }
}
