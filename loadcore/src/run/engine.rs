//! The engine: one thread per core, and the one aggregate that their deltas flow into.

use super::clock::{Clock, Nanos, nanos};
use super::cores::Cores;
use super::job::Job;
use super::lifecycle::{self, HookError, HookHub, NotReady, Pending, Phase, Silent};
use super::panic;
pub(crate) use super::wires::{EndedBy, Hub, Spoke, Stage, Stop, wire};
use crate::metric::{Aggregate, Delta, Metric, VUS, VUS_MAX};
use crate::verdict::Aborted;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::{MissedTickBehavior, interval_at};

/// Between the last core's readiness and the common start.
const HEAD_START: Duration = Duration::from_millis(10);
/// So long a thread may take to hear that the test shall stop. One that takes longer is blocked by user code, which may
/// take for ever: it is left alone, and ends when it can, or with the process.
pub(super) const PATIENCE: Duration = Duration::from_millis(600);

/// When a run began, on the clock and on the calendar.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) clock: Clock,
    pub(crate) at: Nanos,
    pub(crate) calendar: SystemTime,
}

impl Started {
    pub(crate) fn now(clock: Clock, head_start: Nanos) -> Self {
        let at = clock.now() + head_start;
        Self { clock, at, calendar: SystemTime::now() }
    }
}

/// How often an observer is called.
const TICK: Duration = Duration::from_millis(100);

/// Sees the aggregate grow. It is called on the control thread, so it may be slow.
pub(crate) trait Observer {
    /// The setups or teardowns of these names are about to run, one after the other.
    fn phase(&mut self, _: Phase, _: &[String]) {}
    /// All cores are about to start. The teardowns of these names come after the load.
    fn started(&mut self, job: &Job, teardowns: &[String]);
    /// Called several times a second.
    fn tick(&mut self, job: &Job, aggregate: &Aggregate, elapsed: Duration);
    /// Called when all cores have told what they saw until then: each second, under virtual time exactly on it.
    fn interval(&mut self, _: &Job, _: &Aggregate, _: Duration) {}
    /// A threshold ends the test before its time.
    fn aborted(&mut self, _: &Aborted) {}
}

/// Sees nothing.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn started(&mut self, _: &Job, _: &[String]) {}
    fn tick(&mut self, _: &Job, _: &Aggregate, _: Duration) {}
}

/// What a run leaves behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) aggregate: Aggregate,
    pub(crate) started: SystemTime,
    pub(crate) elapsed: Duration,
    /// Cores that ended without saying so.
    pub(crate) lost_cores: usize,
    /// Cores that were not waited for, since something blocks their threads.
    pub(crate) left_cores: Vec<usize>,
    /// Nor was the hooks' thread.
    left_hooks: bool,
    /// Why there was no load.
    pub(crate) setup_error: Option<HookError>,
    pub(crate) teardown_errors: Vec<HookError>,
}

/// Why a thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the thread {thread}: {source}")]
pub(crate) struct StartError {
    thread: String,
    source: std::io::Error,
}

/// Runs a job on threads of its own and returns when all of them have ended. Blocks: call it from a thread of its own.
pub(crate) fn run(
    job: &Arc<Job>,
    stop: Stop,
    pin_to: &[core_affinity::CoreId],
    observer: &mut dyn Observer,
) -> Result<Ended, StartError> {
    panic::install_hook();
    let origin = Instant::now();
    let (hub, spokes) = wire(job, &stop);
    let mut threads = Vec::new();
    // What VUs of several cores share, such as a client's pool of connections, is driven by the core that opened it: so no
    // core's event loop ends before all have ended.
    let (all_ended, until_all_ended) = async_channel::bounded::<Infallible>(1);
    for spoke in spokes {
        let (job, core, until_all_ended) = (Arc::clone(job), spoke.core, until_all_ended.clone());
        let pin = pin_to.get(core).copied();
        let work = move || {
            // A core that cannot be pinned runs anyway, only less steadily.
            let _pinned = pin.is_some_and(core_affinity::set_for_current);
            on_event_loop(async move {
                super::core::run(job, Clock::Real(origin), spoke).await;
                // Nothing is ever sent: it closes.
                let _ = until_all_ended.recv().await;
            });
        };
        threads.push(spawn(format!("loadcore-{core}"), work)?);
    }
    let mut hooks = None;
    if let Some((hub, spoke)) = lifecycle::wire(job, &stop) {
        let job = Arc::clone(job);
        let work = move || on_event_loop(lifecycle::run(job, Clock::Real(origin), spoke));
        threads.push(spawn("loadcore-setup".to_owned(), work)?);
        hooks = Some(hub);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|source| StartError { thread: "of the control".to_owned(), source })?;
    let ended = runtime.block_on(supervise(job, hub, hooks, Clock::Real(origin), HEAD_START, observer));
    drop(all_ended);
    let is_left = |thread: usize| match thread < job.cores {
        true => ended.left_cores.contains(&thread),
        false => ended.left_hooks,
    };
    // A task that a journey has left behind on a thread may block it: then that one is left alone, too.
    let patience = Instant::now() + PATIENCE;
    for (_, thread) in threads.into_iter().enumerate().filter(|(index, _)| !is_left(*index)) {
        while !thread.is_finished() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        if thread.is_finished() {
            // What a thread died of was printed by its panic hook; that it died is in the report already.
            let _ = thread.join();
        }
    }
    Ok(ended)
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    let thread = std::thread::Builder::new().name(name.clone()).spawn(work);
    thread.map_err(|source| StartError { thread: name, source })
}

fn on_event_loop(work: impl Future<Output = ()>) {
    let options = tokio::runtime::LocalOptions::default();
    match tokio::runtime::Builder::new_current_thread().enable_all().build_local(options) {
        Ok(runtime) => {
            runtime.block_on(work);
            // A blocking task of the user's may never end; the test does.
            runtime.shutdown_background();
        }
        Err(error) => panic!("no event loop for this thread: {error}"),
    }
}

/// Waits until all cores are ready, runs the setups, gives the start, merges deltas until every core has ended, and runs
/// the teardowns.
pub(crate) async fn supervise(
    job: &Arc<Job>,
    mut hub: Hub,
    hooks: Option<HookHub>,
    clock: Clock,
    head_start: Duration,
    observer: &mut dyn Observer,
) -> Ended {
    let mut cores = Cores::new(job.cores);
    for _ in 0..job.cores {
        if let Some(Stage::Died { core }) = hub.stages.recv().await {
            cores.die(core);
        }
    }
    if cores.lost > 0 {
        hub.stop.request(EndedBy::Loss);
    }
    let prepared = match hooks {
        Some(hooks) => {
            let names: Vec<_> = job.hooks.setups.iter().map(|setup| setup.name.to_string()).collect();
            told(observer, Phase::Setup, &names);
            Prepared::by(hooks, &hub.stop).await
        }
        None => Prepared { ready: true, ..Prepared::default() },
    };
    let started = Started::now(clock, nanos(head_start));
    // Setup and teardown hand over deltas as one core more.
    let mut aggregate =
        Aggregate::new(Arc::clone(&job.registry), Arc::clone(&job.memory), job.cores + 1, started.at);
    prepared.delta.into_iter().for_each(|delta| aggregate.ingest(delta));
    let has_load = prepared.ready;
    let elapsed = if has_load {
        let teardowns = prepared.pending.as_ref().map_or(&[][..], |pending| &pending.teardowns);
        observer.started(job, teardowns);
        load(job, hub, &started, &mut cores, &mut aggregate, observer).await
    } else {
        // Nobody will be given a start: the cores end by themselves.
        drop(hub);
        Duration::ZERO
    };
    let mut ended = Ended {
        aggregate,
        started: started.calendar,
        elapsed,
        lost_cores: cores.lost + usize::from(prepared.died),
        left_cores: cores.left(),
        left_hooks: prepared.left,
        setup_error: prepared.error,
        teardown_errors: prepared.no_teardown.into_iter().collect(),
    };
    if let Some(pending) = prepared.pending {
        told(observer, Phase::Teardown, &pending.teardowns);
        match pending.tear_down(has_load.then_some(started.at)).await {
            Ok((delta, errors)) => {
                ended.aggregate.ingest(delta);
                ended.teardown_errors = errors;
            }
            Err(Silent::Died) => ended.lost_cores += 1,
            Err(Silent::Blocked(error)) => {
                ended.left_hooks = true;
                ended.teardown_errors.push(error);
            }
        }
    }
    ended.aggregate.finish(elapsed);
    ended
}

/// Nothing is told of what has nothing to do.
fn told(observer: &mut dyn Observer, phase: Phase, names: &[String]) {
    if !names.is_empty() {
        observer.phase(phase, names);
    }
}

/// What the setups came to.
#[derive(Default)]
struct Prepared {
    /// All values are there, so the load can begin.
    ready: bool,
    delta: Option<Delta>,
    error: Option<HookError>,
    pending: Option<Pending>,
    died: bool,
    /// Nobody waits for the thread any more.
    left: bool,
    /// Why no teardown can follow.
    no_teardown: Option<HookError>,
}

impl Prepared {
    async fn by(hooks: HookHub, stop: &Stop) -> Self {
        match hooks.set_up(stop).await {
            Ok((delta, result, pending)) => Self {
                ready: result.is_ok(),
                delta: Some(delta),
                error: result.err().and_then(NotReady::failed),
                pending: Some(pending),
                ..Self::default()
            },
            Err(Silent::Died) => Self { died: true, ..Self::default() },
            Err(Silent::Blocked(error)) if error.timed_out => {
                Self { left: true, error: Some(error), ..Self::default() }
            }
            Err(Silent::Blocked(error)) => Self { left: true, no_teardown: Some(error), ..Self::default() },
        }
    }
}

/// Comes when the test shall stop, and each thread has had its time to hear it.
pub(super) async fn out_of_patience(stop: Stop) {
    stop.requested().await;
    tokio::time::sleep(PATIENCE).await;
}

/// Gives the start, and merges deltas until every core has ended. Gives back how long it took until the last iteration
/// had ended.
async fn load(
    job: &Job,
    mut hub: Hub,
    started: &Started,
    cores: &mut Cores,
    aggregate: &mut Aggregate,
    observer: &mut dyn Observer,
) -> Duration {
    let max_vus: u64 = job.scenarios.iter().map(|scenario| scenario.max_vus).sum();
    aggregate.set_gauge(&VUS_MAX.desc(), max_vus as f64, started.at, started.at);
    hub.start.send_replace(Some(started.at));

    let mut last_end = started.at;
    // From the start on: what is due after five seconds is not to come a tick later.
    let begins = Duration::from_nanos(started.at.saturating_sub(started.clock.now()));
    let mut ticker = interval_at((Instant::now() + begins).into(), TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let real = started.clock.is_real();
    let mut deaf = pin!(out_of_patience(hub.stop.clone()));
    let mut waits_for_all = real;
    while cores.running() {
        tokio::select! {
            // Deltas first: when a core says goodbye its last one is there already.
            biased;
            Some(delta) = hub.deltas.recv() => {
                let (core, since, at) = (delta.core, delta.since, delta.at);
                let tells_vus = !delta.vus.is_empty();
                aggregate.ingest(delta);
                // The cores' VUs are summed when each has said its number for this interval.
                if tells_vus && cores.all_reported(core) {
                    aggregate.set_gauge(&VUS.desc(), aggregate.vus() as f64, since, at);
                    let elapsed = at.saturating_sub(started.at);
                    observer.interval(job, aggregate, Duration::from_nanos(elapsed));
                }
            }
            Some(stage) = hub.stages.recv() => match stage {
                Stage::Ready => {}
                Stage::Stopping { core } => cores.hears(core),
                Stage::Done { core, loaded_until } => {
                    cores.end(core);
                    aggregate.core_ended(core);
                    last_end = last_end.max(loaded_until);
                }
                Stage::Died { core } => {
                    // Half a load is not the load that was asked for: what it measures would be worth nothing.
                    cores.die(core);
                    aggregate.core_ended(core);
                    hub.stop.request(EndedBy::Loss);
                }
            },
            () = &mut deaf, if waits_for_all => {
                waits_for_all = false;
                for core in cores.leave_deaf() {
                    aggregate.core_ended(core);
                    last_end = started.clock.now();
                }
            }
            _ = ticker.tick(), if real => {
                let elapsed = started.clock.now().saturating_sub(started.at);
                observer.tick(job, aggregate, Duration::from_nanos(elapsed));
            }
        }
    }
    let elapsed = Duration::from_nanos(last_end - started.at);
    if real {
        // The last numbers, which no tick has shown yet.
        observer.tick(job, aggregate, elapsed);
    }
    elapsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Registry, SeriesMemory, builtin};
    use crate::run::{Extensions, Feeds, ValueShelf, hooks::TestHooks};

    fn job(cores: usize) -> Arc<Job> {
        Arc::new(Job {
            scenarios: Vec::new(),
            tags: Vec::new(),
            seed: 0,
            cores,
            spin_arrivals: false,
            registry: Arc::new(Registry::new(builtin::all()).unwrap()),
            memory: Arc::new(SeriesMemory::new(1 << 20)),
            extensions: Extensions::default(),
            feeds: Feeds::default(),
            hooks: TestHooks::default(),
            values: ValueShelf::default(),
        })
    }

    async fn supervised(job: &Arc<Job>, hub: Hub) -> Ended {
        supervise(job, hub, None, Clock::Real(Instant::now()), Duration::ZERO, &mut Unobserved).await
    }

    /// What a core does: waits for the start, then for the stop.
    async fn obedient(mut spoke: Spoke) {
        let start = spoke.ready().await.unwrap();
        spoke.stop_requested().await;
        let last = Delta { core: spoke.core, since: start, at: start, ..Delta::default() };
        spoke.finish(last).await;
    }

    #[tokio::test]
    async fn a_core_that_dies_in_the_middle_ends_the_run() {
        let job = job(2);
        let (hub, mut spokes) = wire(&job, &Stop::new());
        let mut dying = spokes.pop().unwrap();
        let die = async move { drop(dying.ready().await.map(|_| dying)) };
        let (ended, (), ()) = tokio::join!(supervised(&job, hub), obedient(spokes.remove(0)), die);
        assert_eq!(ended.lost_cores, 1);
    }

    #[tokio::test]
    async fn a_core_that_never_becomes_ready_does_not_hold_up_the_others() {
        let job = job(2);
        let (hub, mut spokes) = wire(&job, &Stop::new());
        drop(spokes.pop());
        let (ended, ()) = tokio::join!(supervised(&job, hub), obedient(spokes.remove(0)));
        assert_eq!(ended.lost_cores, 1);
    }
}
