//! Virtual time: any number of cores on one thread, exact to the nanosecond, without waiting.
//!
//! Tokio's own paused time is exact to the millisecond only, so it serves for one thing: its clock advances just when
//! every task is idle. Each time it does, the earliest timer of ours fires, and time is what that timer says.

use super::Job;
use super::clock::Clock;
use super::clock::{Nanos, Turn};
use super::engine::{self, Ended, Observer, Stop};
use super::lifecycle;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Orders timers by instant, then by turn, then by age.
type Key = (Nanos, Turn, u64);

/// Time that passes only when nothing is left to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct VirtualClock(Rc<State>);

#[derive(Debug, Default)]
struct State {
    now: Cell<Nanos>,
    next: Cell<u64>,
    timers: RefCell<BTreeMap<Key, Waker>>,
}

impl VirtualClock {
    pub(crate) fn now(&self) -> Nanos {
        self.0.now.get()
    }

    pub(crate) fn sleep_until(&self, at: Nanos, turn: Turn) -> Sleep {
        let age = self.0.next.get();
        self.0.next.set(age + 1);
        Sleep { clock: self.clone(), key: (at, turn, age), armed: false }
    }

    /// Fires the earliest timer whenever everything else has come to rest.
    async fn advance(&self) {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            let earliest = self.0.timers.borrow_mut().pop_first();
            if let Some(((at, _, _), waker)) = earliest {
                self.0.now.set(self.now().max(at));
                waker.wake();
            }
        }
    }
}

/// Waits for an instant of virtual time.
#[derive(Debug)]
pub(crate) struct Sleep {
    clock: VirtualClock,
    key: Key,
    armed: bool,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut timers = clock.0.timers.borrow_mut();
        let fired = self.armed && !timers.contains_key(&self.key);
        if fired || self.key.0 < clock.now() {
            return Poll::Ready(());
        }
        // Also a timer of this very instant is armed: it waits for its turn among the others.
        self.armed = true;
        timers.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.timers.borrow_mut().remove(&self.key);
    }
}

/// Runs a job with as many shards as it has cores, all on this thread.
pub(crate) fn run(job: &Arc<Job>, stop: &Stop, observer: &mut dyn Observer) -> std::io::Result<Ended> {
    super::panic::install_hook();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async {
        let clock = VirtualClock::default();
        let driver = tokio::task::spawn_local({
            let clock = clock.clone();
            async move { clock.advance().await }
        });
        let (hub, spokes) = engine::wire(job, stop);
        for spoke in spokes {
            let (job, clock) = (Arc::clone(job), Clock::Virtual(clock.clone()));
            tokio::task::spawn_local(super::core::run(job, clock, spoke));
        }
        let hooks = lifecycle::wire(job, stop).map(|(hooks, spoke)| {
            let (job, clock) = (Arc::clone(job), Clock::Virtual(clock.clone()));
            tokio::task::spawn_local(lifecycle::run(job, clock, spoke));
            hooks
        });
        let head_start = std::time::Duration::ZERO;
        let ended = engine::supervise(job, hub, hooks, Clock::Virtual(clock), head_start, observer).await;
        driver.abort();
        Ok(ended)
    })
}
