//! Journeys with a state: a value of each VU's own, made before its first iteration and ended after its last one.

use super::clock::Nanos;
use super::control::Ticket;
use super::hooks::{HookSlot, State};
use super::narrator::Narrator;
use super::outcome::{Failure, Outcome};
use super::panic;
use super::slot::{End, Explained, VuSlot, guarded, panicked};
use super::{Turn, Vu, nanos};
use crate::plan::format_duration;
use std::pin::pin;
use std::time::Duration;

/// How long a VU's teardown may take, unless the test's may take less. It is also given to VUs that a signal or the end of
/// their grace has interrupted.
const TEARDOWN_LIMIT: Duration = Duration::from_secs(10);

/// An iteration that failed before its journey began.
struct NoState(Failure);

impl Outcome for NoState {
    fn failure(self) -> Option<Failure> {
        Some(self.0)
    }
}

impl VuSlot {
    /// As [`drive`](Self::drive), with a state of this VU's own: made by its `#[vu_setup]`, or else by `default`.
    ///
    /// A setup that fails makes its iteration fail and is tried again for the next one. After a panic the state is made
    /// anew, for nobody knows what the panic left of it.
    pub async fn drive_with<S, F, R>(mut self, default: Option<fn() -> S>, mut journey: F)
    where
        S: 'static,
        F: AsyncFnMut(&Vu, &mut S) -> R,
        R: Outcome,
    {
        let mut state = None;
        while let Some(ticket) = self.ticket().await {
            let entered = self.enter(ticket);
            let had_state = state.is_some();
            let rested = match self.ready(&mut state, default, ticket, entered).await {
                Some(own) => {
                    // What it took to make the state is not the journey's time.
                    let started = if had_state { entered } else { self.vu().now() };
                    self.vu().set_began(started);
                    let (end, rested) = self.guarded(async || journey(self.vu(), own).await).await;
                    let panicked = matches!(end, End::Panicked(_));
                    self.finish(started, ticket.due_at(), end);
                    if panicked {
                        self.discard(state.take());
                    }
                    rested
                }
                None => false,
            };
            if !rested {
                tokio::task::yield_now().await;
            }
        }
        if let Some(own) = state {
            self.end_state(own).await;
        }
    }

    /// The state, made now if there is none. `None` if that failed: then the iteration has ended.
    async fn ready<'a, S: 'static>(
        &self,
        state: &'a mut Option<Box<S>>,
        default: Option<fn() -> S>,
        ticket: Ticket,
        entered: Nanos,
    ) -> Option<&'a mut S> {
        if state.is_none() {
            let (end, _) = self.guarded(async || self.make_state(default).await).await;
            let failed = match end {
                End::Returned(Ok(made)) => {
                    *state = Some(made);
                    return state.as_deref_mut();
                }
                End::Returned(Err(failure)) => End::Returned(NoState(failure)),
                End::Panicked(panic) => End::Panicked(panic),
                End::Interrupted => End::Interrupted,
            };
            self.finish(entered, ticket.due_at(), failed);
        }
        state.as_deref_mut()
    }

    async fn make_state<S: 'static>(&self, default: Option<fn() -> S>) -> Result<Box<S>, Failure> {
        let Some(setup) = &self.shard().job().hooks.setup else {
            let make = default.expect("a scenario starts only when its state can be made");
            return Ok(Box::new(make()));
        };
        let _apart = self.vu().draw_apart();
        self.vu().begin_setup();
        let made = (setup.run)(HookSlot::new(self.vu().hook("vu_setup"))).await?;
        Ok(made.downcast().expect("the setup was chosen by the type of the state"))
    }

    async fn end_state<S: 'static>(&self, own: Box<S>) {
        let Some(teardown) = &self.shard().job().hooks.teardown else {
            return self.discard(Some(own));
        };
        let _apart = self.vu().draw_apart();
        let vu = self.vu().hook("vu_teardown");
        // The handle of an iteration that was cut counts nothing more.
        vu.resume();
        let core = self.shard().core();
        let limit = TEARDOWN_LIMIT.min(core.job.hooks.teardown_timeout);
        let until = core.clock.now().saturating_add(nanos(limit));
        let mut late = pin!(core.clock.sleep_until(until, Turn::Vu));
        let slot = HookSlot::new(vu.clone());
        let is_late = |cx: &mut std::task::Context<'_>| late.as_mut().poll(cx).is_ready();
        let (end, _) = guarded(&vu, is_late, async || (teardown.run)(slot, own as State).await).await;
        let site = teardown.site.to_string();
        let failure = match end {
            End::Returned(Ok(())) => return,
            End::Returned(Err(failure)) => failure.explain(&site),
            End::Panicked(panic) => panicked(panic),
            End::Interrupted if vu.has_left() => return,
            End::Interrupted => {
                let limit = format_duration(limit);
                ("timeout".to_owned(), site, format!("the teardown of a VU took longer than {limit}"))
            }
        };
        self.count_error(failure);
    }

    /// Drops a state, which is user code and may panic.
    fn discard<S>(&self, state: Option<Box<S>>) {
        if let Err(panic) = panic::catch(|| drop(state)) {
            self.count_error(panicked(panic));
        }
    }

    fn count_error(&self, (kind, place, message): Explained) {
        if let Some(narrator) = self.shard().core().job.extensions.get_ref::<Narrator>() {
            narrator.iteration_failed(&kind, &place, &message);
        }
        self.shard().core().recorder.borrow_mut().error(&kind, &place, || message);
    }
}
