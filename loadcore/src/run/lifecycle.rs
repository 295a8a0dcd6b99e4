//! Setup before the load and teardown after it, on a thread of their own: its event loop lives as long as the test, so that
//! what a setup made (a database's connections, a client's tasks) goes on working.

use super::call::{Call, Seat, Stage, theatre};
use super::clock::{Clock, Nanos, Turn, nanos};
use super::engine::Stop;
use super::hooks::{HookFuture, HookSlot, Setup, Teardown};
use super::job::Job;
use super::panic::{self, Panic};
use super::scenario::Site;
use super::scope::Scope;
use super::slot::{End, guarded, panicked};
use super::values::Values;
use super::{Core, Vu};
use crate::metric::Delta;
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What happens around the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the load.
    Setup,
    /// After the load.
    Teardown,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setup => "setup",
            Self::Teardown => "teardown",
        })
    }
}

/// A setup or a teardown that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookError {
    /// Which of both.
    pub phase: Phase,
    /// The function's name.
    pub name: String,
    /// `file:line`: of the `?` or the panic, or of the function.
    pub place: String,
    /// Whether it took too long; else it returned an error or panicked.
    pub timed_out: bool,
    /// What happened.
    pub message: String,
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, name, place, message, timed_out } = self;
        if *timed_out {
            write!(f, "the {phase} `{name}` ({place}) {message}")
        } else {
            write!(f, "the {phase} `{name}` failed at {place}: {message}")
        }
    }
}

impl std::error::Error for HookError {}

impl HookError {
    /// A value that a setup returned panicked while it was dropped.
    fn of_values(panic: Panic) -> Self {
        let message = format!("a setup's value panicked while it was dropped: {}", panic.message);
        let (phase, name) = (Phase::Teardown, "drop".to_owned());
        Self { phase, name, place: panic.place, timed_out: false, message }
    }
}

/// Why there is no load to come.
#[derive(Debug)]
pub(crate) enum NotReady {
    Failed(HookError),
    /// The test was stopped meanwhile, perhaps by this very hook.
    Stopped,
}

impl NotReady {
    pub(crate) fn failed(self) -> Option<HookError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Stopped => None,
        }
    }
}

/// What the setups leave behind.
#[derive(Debug)]
struct SetUp {
    delta: Delta,
    result: Result<(), NotReady>,
    /// The names of the teardowns that will run.
    teardowns: Vec<String>,
}

/// What the teardowns leave behind.
#[derive(Debug)]
struct TornDown {
    delta: Delta,
    errors: Vec<HookError>,
}

/// The hooks' end of the wires.
#[derive(Debug)]
pub(crate) struct HookSpoke {
    begin: oneshot::Receiver<()>,
    set_up: oneshot::Sender<SetUp>,
    end: oneshot::Receiver<Option<Nanos>>,
    torn_down: oneshot::Sender<TornDown>,
    stage: Stage,
    stop: Stop,
}

/// The control thread's end.
#[derive(Debug)]
pub(crate) struct HookHub {
    begin: oneshot::Sender<()>,
    set_up: oneshot::Receiver<SetUp>,
    end: oneshot::Sender<Option<Nanos>>,
    torn_down: oneshot::Receiver<TornDown>,
    seat: Seat,
}

/// Wires both ends, if the job has any hooks.
pub(crate) fn wire(job: &Job, stop: &Stop) -> Option<(HookHub, HookSpoke)> {
    if job.hooks.is_empty() {
        return None;
    }
    let (begin, begin_out) = oneshot::channel();
    let (set_up_in, set_up) = oneshot::channel();
    let (end, end_out) = oneshot::channel();
    let (torn_down_in, torn_down) = oneshot::channel();
    let (stage, seat) = theatre();
    let spoke = HookSpoke {
        begin: begin_out,
        set_up: set_up_in,
        end: end_out,
        torn_down: torn_down_in,
        stage,
        stop: stop.clone(),
    };
    Some((HookHub { begin, set_up, end, torn_down, seat }, spoke))
}

/// The hooks' thread does not answer.
#[derive(Debug)]
pub(crate) enum Silent {
    /// It is gone: a bug of loadcore's own, or no event loop could be made.
    Died,
    /// A hook blocks it, and is left alone: it ends when it can, or with the process.
    Blocked(HookError),
}

/// The teardown that is still to come.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The names of the teardowns that will run.
    pub(crate) teardowns: Vec<String>,
    end: oneshot::Sender<Option<Nanos>>,
    torn_down: oneshot::Receiver<TornDown>,
    seat: Seat,
}

impl HookHub {
    /// Runs the setups.
    pub(crate) async fn set_up(self, stop: &Stop) -> Result<(Delta, Result<(), NotReady>, Pending), Silent> {
        let Self { begin, set_up, end, torn_down, mut seat } = self;
        begin.send(()).map_err(|()| Silent::Died)?;
        let listener = seat.clone();
        let set_up = tokio::select! {
            biased;
            set_up = set_up => set_up.map_err(|_| Silent::Died),
            error = seat.blocked() => Err(Silent::Blocked(error)),
            error = listener.deaf(stop) => Err(Silent::Blocked(error)),
        };
        let SetUp { delta, result, teardowns } = set_up?;
        Ok((delta, result, Pending { teardowns, end, torn_down, seat }))
    }
}

impl Pending {
    /// Runs the teardowns. `start` is the test's, if there was one.
    pub(crate) async fn tear_down(mut self, start: Option<Nanos>) -> Result<(Delta, Vec<HookError>), Silent> {
        self.end.send(start).map_err(|_| Silent::Died)?;
        let torn_down = tokio::select! {
            biased;
            torn_down = self.torn_down => torn_down.map_err(|_| Silent::Died),
            error = self.seat.blocked() => Err(Silent::Blocked(error)),
        };
        let TornDown { delta, errors } = torn_down?;
        Ok((delta, errors))
    }
}

/// Runs the setups, waits for the end of the load, runs the teardowns.
pub(crate) async fn run(job: Arc<Job>, clock: Clock, spoke: HookSpoke) {
    let core = Rc::new(Core::new(Arc::clone(&job), clock, job.cores, spoke.stop.clone()));
    let backstage = Backstage { scope: Rc::new(Scope::of_hooks(&core)), core, stage: spoke.stage };
    // Whoever is gone at the other end has given up the whole run.
    if spoke.begin.await.is_err() {
        return;
    }
    backstage.core.set_start(backstage.core.clock.now());
    let mut values = Values::default();
    let result = backstage.set_up(&mut values).await;
    // Something to tear down: a load that ran, or what a setup made before another one failed.
    let has_begun = result.is_ok() || values.has_any();
    job.values.put(values);
    let due = if has_begun { backstage.teardowns() } else { Vec::new() };
    let teardowns = due.iter().map(|teardown| teardown.name.to_string()).collect();
    let _ = spoke.set_up.send(SetUp { delta: backstage.delta(), result, teardowns });

    let Ok(start) = spoke.end.await else { return };
    if let Some(start) = start {
        backstage.core.set_start(start);
    }
    let mut errors = if has_begun { backstage.tear_down().await } else { Vec::new() };
    let delta = backstage.delta();
    // What setups opened is closed while its event loop still runs: closing may need it.
    drop(backstage);
    errors.extend(panic::catch(|| drop(job.values.take())).err().map(HookError::of_values));
    let _ = spoke.torn_down.send(TornDown { delta, errors });
}

/// Where hooks run: a core that is none of the load's.
struct Backstage {
    core: Rc<Core>,
    scope: Rc<Scope>,
    stage: Stage,
}

impl Backstage {
    async fn set_up(&self, values: &mut Values) -> Result<(), NotReady> {
        let hooks = &self.core.job.hooks;
        for Setup { name, site, provides, run } in &hooks.setups {
            let call = self.due(Phase::Setup, name, *site, hooks.setup_timeout);
            let stopped = self.core.stop.requested();
            values.add(*provides, self.call(call, |slot| run(slot), stopped).await?);
        }
        Ok(())
    }

    /// Those for which there is something to tear down.
    fn teardowns(&self) -> Vec<&Teardown> {
        let values = self.core.values();
        let is_due = |teardown: &&Teardown| {
            teardown.needs.iter().all(|need| values.is_some_and(|values| values.has(need.of)))
        };
        self.core.job.hooks.teardowns.iter().filter(is_due).collect()
    }

    /// Each of them, also when an earlier one fails.
    async fn tear_down(&self) -> Vec<HookError> {
        let hooks = &self.core.job.hooks;
        let mut errors = Vec::new();
        for Teardown { name, site, run, .. } in self.teardowns() {
            let call = self.due(Phase::Teardown, name, *site, hooks.teardown_timeout);
            let ended = self.call(call, |slot| run(slot), std::future::pending()).await;
            errors.extend(ended.err().and_then(NotReady::failed));
        }
        errors
    }

    /// A call that begins now.
    fn due(&self, phase: Phase, name: &str, site: Site, timeout: Duration) -> Call {
        let due = self.core.clock.origin().and_then(|_| Instant::now().checked_add(timeout));
        Call { phase, name: name.to_owned(), site, timeout, due }
    }

    async fn call<T>(
        &self,
        call: Call,
        run: impl FnOnce(HookSlot) -> HookFuture<T>,
        stopped: impl Future<Output = ()>,
    ) -> Result<T, NotReady> {
        let vu = Vu::new(Rc::clone(&self.core), Rc::clone(&self.scope), 0);
        vu.begin_iteration(0);
        vu.set_began(self.core.clock.now());
        let vu = vu.hook(match call.phase {
            Phase::Setup => "setup",
            Phase::Teardown => "teardown",
        });
        let slot = HookSlot::new(vu.clone());
        let clock = &self.core.clock;
        let mut late = pin!(clock.sleep_until(clock.now().saturating_add(nanos(call.timeout)), Turn::Vu));
        let mut stopped = pin!(stopped);
        let mut is_late = false;
        let cut = |cx: &mut std::task::Context<'_>| {
            is_late = late.as_mut().poll(cx).is_ready();
            is_late || stopped.as_mut().poll(cx).is_ready()
        };
        self.stage.send_replace(Some(call.clone()));
        let (end, _) = guarded(&vu, cut, async || run(slot).await).await;
        self.stage.send_replace(None);
        match end {
            End::Returned(Ok(value)) => Ok(value),
            End::Returned(Err(failure)) => Err(NotReady::Failed(call.failed(&failure))),
            End::Panicked(panic) => {
                let (_, place, message) = panicked(panic);
                Err(NotReady::Failed(call.error(place, format!("panicked: {message}"), false)))
            }
            End::Interrupted if is_late => Err(NotReady::Failed(call.timed_out())),
            End::Interrupted => Err(NotReady::Stopped),
        }
    }

    fn delta(&self) -> Delta {
        self.scope.book_traffic(&self.core);
        let now = self.core.clock.now();
        let delta = self.core.recorder.borrow_mut().drain();
        Delta { core: self.core.index, since: now, at: now, ..delta }
    }
}
