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

/// What a core says.
#[derive(Debug)]
pub(crate) enum Message {
    /// What it has measured.
    Delta(Delta),
    /// It has ended, at this time of the clock.
    Done(Nanos),
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
    messages: mpsc::Sender<Message>,
    ready: mpsc::Sender<()>,
    start: watch::Receiver<Option<Nanos>>,
    stop: watch::Receiver<bool>,
    stopping: bool,
}

/// The control thread's end.
#[derive(Debug)]
pub(crate) struct Hub {
    messages: mpsc::Receiver<Message>,
    ready: mpsc::Receiver<()>,
    start: watch::Sender<Option<Nanos>>,
}

/// Wires one hub to each core of the job.
pub(crate) fn wire(job: &Job, stop: &Stop) -> (Hub, Vec<Spoke>) {
    // One place a core: a core whose last delta was not taken yet goes on merging.
    let (sender, messages) = mpsc::channel(job.cores);
    let (ready_sender, ready) = mpsc::channel(job.cores);
    let start = watch::Sender::new(None);
    let spoke = |core| Spoke {
        core,
        messages: sender.clone(),
        ready: ready_sender.clone(),
        start: start.subscribe(),
        stop: stop.0.subscribe(),
        stopping: false,
    };
    let spokes = (0..job.cores).map(spoke).collect();
    (Hub { messages, ready, start }, spokes)
}

impl Spoke {
    /// Says that this core is ready, and waits for the common start.
    pub(crate) async fn ready(&mut self) -> Option<Nanos> {
        self.ready.send(()).await.ok()?;
        let start = self.start.wait_for(Option::is_some).await.ok()?;
        *start
    }

    /// A place for a message, if there is one.
    pub(crate) fn permit(&self) -> Option<mpsc::Permit<'_, Message>> {
        self.messages.try_reserve().ok()
    }

    /// Sends a message that must not be lost.
    pub(crate) async fn send(&self, message: Message) {
        // If nobody listens any more the whole run has been given up.
        let _ = self.messages.send(message).await;
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
    /// Cores that ended without saying so: their thread died, by a bug of loadcore's.
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
    let mut ended = runtime.block_on(async {
        let mut hub = hub;
        for _ in 0..job.cores {
            // A core that cannot become ready drops its end; it is missed at the end.
            if hub.ready.recv().await.is_none() {
                break;
            }
        }
        let started = Started::now(Clock::Real(origin), nanos(HEAD_START));
        supervise(job, hub, started, observer).await
    });
    ended.lost_cores = threads.into_iter().map(|thread| thread.join()).filter(Result::is_err).count();
    Ok(ended)
}

fn core_thread(job: Arc<Job>, origin: Instant, spoke: Spoke) {
    let options = tokio::runtime::LocalOptions::default();
    match tokio::runtime::Builder::new_current_thread().enable_all().build_local(options) {
        Ok(runtime) => runtime.block_on(super::core::run(job, Clock::Real(origin), spoke)),
        Err(error) => panic!("no event loop for core {}: {error}", spoke.core),
    }
}

/// Gives the start, then merges deltas until every core has ended.
pub(crate) async fn supervise(
    job: &Arc<Job>,
    mut hub: Hub,
    started: Started,
    observer: &mut dyn Observer,
) -> Ended {
    let mut aggregate = Aggregate::new(Arc::clone(&job.registry), job.cores, started.at);
    let max_vus: u64 = job.scenarios.iter().map(|scenario| scenario.max_vus).sum();
    aggregate.set_gauge(&VUS_MAX.desc(), max_vus as f64, started.at);
    observer.started(job);
    hub.start.send_replace(Some(started.at));

    let mut last_end = started.at;
    let mut done = 0;
    let mut fresh = vec![false; job.cores];
    let mut ticker = tokio::time::interval(Duration::from_millis(100));
    let real = started.clock.is_real();
    while done < job.cores {
        tokio::select! {
            message = hub.messages.recv() => match message {
                Some(Message::Delta(delta)) => {
                    let (core, at) = (delta.core, delta.at);
                    aggregate.ingest(delta);
                    fresh[core] = true;
                    // The cores' VUs are summed when each has said its number for this interval.
                    if fresh.iter().all(|fresh| *fresh) {
                        fresh.fill(false);
                        aggregate.set_gauge(&VUS.desc(), aggregate.vus() as f64, at);
                    }
                }
                Some(Message::Done(at)) => {
                    done += 1;
                    last_end = last_end.max(at);
                }
                // All senders are gone, and not every core has said goodbye.
                None => break,
            },
            _ = ticker.tick(), if real => {
                let elapsed = started.clock.now().saturating_sub(started.at);
                observer.tick(job, &aggregate, Duration::from_nanos(elapsed));
            }
        }
    }
    let elapsed = Duration::from_nanos(last_end - started.at);
    aggregate.finish(elapsed);
    Ended { aggregate, started: started.calendar, elapsed, lost_cores: job.cores - done }
}
