//! The engine: one thread per core, and the one aggregate that their deltas flow into.

use super::clock::{Clock, Nanos, nanos};
use super::job::Job;
use super::panic;
use crate::metric::{Aggregate, Delta, Metric, VUS, VUS_MAX};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, watch};

/// Between the last core's readiness and the common start.
const HEAD_START: Duration = Duration::from_millis(10);

/// How far a core is. Each says each of these at most once.
#[derive(Debug)]
pub(crate) enum Stage {
    /// It waits for the common start.
    Ready,
    /// It has ended, and handed over everything, at this time of the clock.
    Done { core: usize, at: Nanos },
    /// It is gone without having said so: a bug of loadcore's own, or no event loop could be made.
    Died { core: usize },
}

/// Asks all cores to stop at once. Clones ask the same test.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn request(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}

/// A core's end of the wires.
#[derive(Debug)]
pub(crate) struct Spoke {
    pub(crate) core: usize,
    deltas: mpsc::Sender<Delta>,
    stages: mpsc::UnboundedSender<Stage>,
    start: watch::Receiver<Option<Nanos>>,
    stop: watch::Receiver<bool>,
    stopping: bool,
    done: bool,
}

/// The control thread's end.
#[derive(Debug)]
pub(crate) struct Hub {
    deltas: mpsc::Receiver<Delta>,
    stages: mpsc::UnboundedReceiver<Stage>,
    start: watch::Sender<Option<Nanos>>,
    stop: Stop,
}

/// Wires one hub to each core of the job.
pub(crate) fn wire(job: &Job, stop: &Stop) -> (Hub, Vec<Spoke>) {
    // One place a core: a core whose last delta was not taken yet goes on merging.
    let (deltas_in, deltas) = mpsc::channel(job.cores);
    let (stages_in, stages) = mpsc::unbounded_channel();
    let start = watch::Sender::new(None);
    let spoke = |core| Spoke {
        core,
        deltas: deltas_in.clone(),
        stages: stages_in.clone(),
        start: start.subscribe(),
        stop: stop.0.subscribe(),
        stopping: false,
        done: false,
    };
    let spokes = (0..job.cores).map(spoke).collect();
    (Hub { deltas, stages, start, stop: stop.clone() }, spokes)
}

impl Spoke {
    /// Says that this core is ready, and waits for the common start. `None` if there will be none.
    pub(crate) async fn ready(&mut self) -> Option<Nanos> {
        self.stages.send(Stage::Ready).ok()?;
        let start = self.start.wait_for(Option::is_some).await.ok()?;
        *start
    }

    /// A place for a delta, if there is one.
    pub(crate) fn permit(&self) -> Option<mpsc::Permit<'_, Delta>> {
        self.deltas.try_reserve().ok()
    }

    /// Hands over the last delta, and says goodbye.
    pub(crate) async fn finish(mut self, last: Delta, at: Nanos) {
        // If nobody listens any more the whole run has been given up.
        let _ = self.deltas.send(last).await;
        let _ = self.stages.send(Stage::Done { core: self.core, at });
        self.done = true;
    }

    /// Resolves once, when the test shall stop.
    pub(crate) async fn stop_requested(&mut self) {
        if self.stopping {
            return std::future::pending().await;
        }
        // A hub that is gone has nobody left to report to.
        let _ = self.stop.wait_for(|stop| *stop).await;
        self.stopping = true;
    }
}

impl Drop for Spoke {
    fn drop(&mut self) {
        if !self.done {
            // The receiver may be gone too, when the run never started.
            let _ = self.stages.send(Stage::Died { core: self.core });
        }
    }
}

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

/// Sees the aggregate grow. It is called on the control thread, so it may be slow.
pub(crate) trait Observer {
    /// All cores are about to start.
    fn started(&mut self, job: &Job);
    /// Called several times a second.
    fn tick(&mut self, job: &Job, aggregate: &Aggregate, elapsed: Duration);
}

/// Sees nothing.
#[derive(Debug)]
pub(crate) struct Unobserved;

impl Observer for Unobserved {
    fn started(&mut self, _: &Job) {}
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
}

/// Why no core could be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the thread of core {core}: {source}")]
pub(crate) struct StartError {
    core: usize,
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
    for spoke in spokes {
        let (job, core) = (Arc::clone(job), spoke.core);
        let pin = pin_to.get(core).copied();
        let thread = std::thread::Builder::new().name(format!("loadcore-{core}"));
        let work = move || {
            // A core that cannot be pinned runs anyway, only less steadily.
            let _pinned = pin.is_some_and(core_affinity::set_for_current);
            core_thread(job, origin, spoke);
        };
        threads.push(thread.spawn(work).map_err(|source| StartError { core, source })?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|source| StartError { core: 0, source })?;
    let ended = runtime.block_on(supervise(job, hub, Clock::Real(origin), HEAD_START, observer));
    for thread in threads {
        // What a thread died of was printed by its panic hook; that it died is in the report already.
        let _ = thread.join();
    }
    Ok(ended)
}

fn core_thread(job: Arc<Job>, origin: Instant, spoke: Spoke) {
    let options = tokio::runtime::LocalOptions::default();
    match tokio::runtime::Builder::new_current_thread().enable_all().build_local(options) {
        Ok(runtime) => runtime.block_on(super::core::run(job, Clock::Real(origin), spoke)),
        Err(error) => panic!("no event loop for core {}: {error}", spoke.core),
    }
}

/// Waits until all cores are ready, gives the start, then merges deltas until every core has ended.
pub(crate) async fn supervise(
    job: &Arc<Job>,
    mut hub: Hub,
    clock: Clock,
    head_start: Duration,
    observer: &mut dyn Observer,
) -> Ended {
    let mut cores = Cores::new(job.cores);
    for _ in 0..job.cores {
        if let Some(Stage::Died { core }) = hub.stages.recv().await {
            cores.end(core);
            cores.lost += 1;
        }
    }
    if cores.lost > 0 {
        hub.stop.request();
    }
    let started = Started::now(clock, nanos(head_start));
    let mut aggregate =
        Aggregate::new(Arc::clone(&job.registry), Arc::clone(&job.memory), job.cores, started.at);
    let max_vus: u64 = job.scenarios.iter().map(|scenario| scenario.max_vus).sum();
    aggregate.set_gauge(&VUS_MAX.desc(), max_vus as f64, started.at, started.at);
    observer.started(job);
    hub.start.send_replace(Some(started.at));

    let mut last_end = started.at;
    let mut ticker = tokio::time::interval(Duration::from_millis(100));
    let real = started.clock.is_real();
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
                }
            }
            Some(stage) = hub.stages.recv() => match stage {
                Stage::Ready => {}
                Stage::Done { core, at } => {
                    cores.end(core);
                    aggregate.core_ended(core);
                    last_end = last_end.max(at);
                }
                Stage::Died { core } => {
                    // Half a load is not the load that was asked for: what it measures would be worth nothing.
                    cores.end(core);
                    cores.lost += 1;
                    aggregate.core_ended(core);
                    hub.stop.request();
                }
            },
            _ = ticker.tick(), if real => {
                let elapsed = started.clock.now().saturating_sub(started.at);
                observer.tick(job, &aggregate, Duration::from_nanos(elapsed));
            }
        }
    }
    let elapsed = Duration::from_nanos(last_end - started.at);
    aggregate.finish(elapsed);
    Ended { aggregate, started: started.calendar, elapsed, lost_cores: cores.lost }
}

/// Which cores have ended, and which have reported in this interval.
struct Cores {
    ended: Vec<bool>,
    reported: Vec<bool>,
    lost: usize,
}

impl Cores {
    fn new(cores: usize) -> Self {
        Self { ended: vec![false; cores], reported: vec![false; cores], lost: 0 }
    }

    fn end(&mut self, core: usize) {
        self.ended[core] = true;
    }

    fn running(&self) -> bool {
        self.ended.iter().any(|ended| !ended)
    }

    /// Notes a core's report; true when it completes an interval.
    fn all_reported(&mut self, core: usize) -> bool {
        self.reported[core] = true;
        let complete = self.reported.iter().zip(&self.ended).all(|(reported, ended)| *reported || *ended);
        if complete {
            self.reported.fill(false);
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Registry, SeriesMemory, builtin};
    use crate::run::Extensions;

    fn job(cores: usize) -> Arc<Job> {
        Arc::new(Job {
            scenarios: Vec::new(),
            tags: Vec::new(),
            seed: 0,
            cores,
            registry: Arc::new(Registry::new(builtin::all()).unwrap()),
            memory: Arc::new(SeriesMemory::new(1 << 20)),
            extensions: Extensions::default(),
        })
    }

    async fn supervised(job: &Arc<Job>, hub: Hub) -> Ended {
        supervise(job, hub, Clock::Real(Instant::now()), Duration::ZERO, &mut Unobserved).await
    }

    /// What a core does: waits for the start, then for the stop.
    async fn obedient(mut spoke: Spoke) {
        let start = spoke.ready().await.unwrap();
        spoke.stop_requested().await;
        let last = Delta { core: spoke.core, since: start, at: start, ..Delta::default() };
        spoke.finish(last, start).await;
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
