//! One core: its recorder, its clock, and the scenarios' shards on it.

use super::clock::{Clock, Nanos, Turn};
use super::engine::{Spoke, Stop};
use super::job::Job;
use super::shard::Shard;
use super::values::Values;
use crate::metric::{
    CHECKS, Contains, CoreHealth, DATA_RECEIVED, DATA_SENT, DROPPED_ITERATIONS, GROUP_DURATION,
    INTERRUPTED_ITERATIONS, ITERATION_DURATION, ITERATION_FAILED, ITERATION_LATENESS,
    ITERATION_RESPONSE_TIME, ITERATIONS, LiveTrend, Metric, MetricId, Recorder, Registry, RowSpec,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

const SECOND: Nanos = 1_000_000_000;
/// How often an event loop's punctuality is measured.
const LAG_PERIOD: Nanos = 50_000_000;

/// What the VUs of one core share. Only this core's thread ever touches it.
pub(crate) struct Core {
    pub(crate) index: usize,
    pub(crate) job: Arc<Job>,
    pub(crate) clock: Clock,
    pub(crate) recorder: RefCell<Recorder>,
    pub(crate) ids: Ids,
    /// Where journeys end the whole test.
    pub(crate) stop: Stop,
    /// For trace and span ids only: unseeded, since two runs of one seed must not share traces.
    pub(crate) id_rng: RefCell<SmallRng>,
    start: Cell<Nanos>,
    lag: RefCell<LiveTrend>,
    extensions: RefCell<Vec<Rc<dyn Any>>>,
    /// What the setups returned, from the first time on that it is asked for.
    values: OnceCell<Arc<Values>>,
}

/// The engine's own metrics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    /// How many ended, how many of them failed, and how long they took, from their start and from when they were due.
    pub(crate) iteration_row: RowSpec<2>,
    pub(crate) iteration_lateness: MetricId,
    pub(crate) dropped_iterations: MetricId,
    pub(crate) interrupted_iterations: MetricId,
    pub(crate) checks: MetricId,
    pub(crate) group_duration: MetricId,
    pub(crate) data_sent: MetricId,
    pub(crate) data_received: MetricId,
}

impl Ids {
    fn new(registry: &Registry) -> Self {
        // The engine's metrics are registered before anything else.
        let id = |metric: &dyn Metric| registry.register(&metric.desc()).unwrap_or(MetricId(0));
        Self {
            iteration_row: RowSpec {
                count: id(&ITERATIONS),
                failed: id(&ITERATION_FAILED),
                trends: [id(&ITERATION_DURATION), id(&ITERATION_RESPONSE_TIME)],
            },
            iteration_lateness: id(&ITERATION_LATENESS),
            dropped_iterations: id(&DROPPED_ITERATIONS),
            interrupted_iterations: id(&INTERRUPTED_ITERATIONS),
            checks: id(&CHECKS),
            group_duration: id(&GROUP_DURATION),
            data_sent: id(&DATA_SENT),
            data_received: id(&DATA_RECEIVED),
        }
    }
}

impl Core {
    pub(crate) fn new(job: Arc<Job>, clock: Clock, index: usize, stop: Stop) -> Self {
        Self {
            index,
            clock,
            recorder: RefCell::new(Recorder::new(Arc::clone(&job.registry), Arc::clone(&job.memory))),
            ids: Ids::new(&job.registry),
            stop,
            id_rng: RefCell::new(SmallRng::from_rng(&mut rand::rng())),
            start: Cell::new(0),
            lag: RefCell::default(),
            extensions: RefCell::default(),
            values: OnceCell::new(),
            job,
        }
    }

    /// The test's start, which all cores share.
    pub(crate) fn start(&self) -> Nanos {
        self.start.get()
    }

    pub(crate) fn set_start(&self, start: Nanos) {
        self.start.set(start);
    }

    /// What the setups returned, once they have.
    pub(crate) fn values(&self) -> Option<&Values> {
        if self.values.get().is_none() {
            // It is empty, so this sets it.
            let _ = self.values.set(self.job.values.get()?);
        }
        self.values.get().map(Arc::as_ref)
    }

    /// A span id; all zeros would be invalid by W3C's rules.
    #[inline]
    pub(crate) fn new_span(&self) -> u64 {
        self.id_rng.borrow_mut().next_u64().max(1)
    }

    /// A protocol's state on this core, made at first use.
    pub(crate) fn extension<T: 'static>(&self, make: impl FnOnce(&Self) -> T) -> Rc<T> {
        let found = self.extensions.borrow().iter().find_map(|e| Rc::clone(e).downcast().ok());
        found.unwrap_or_else(|| {
            let made = Rc::new(make(self));
            self.extensions.borrow_mut().push(Rc::clone(&made) as Rc<dyn Any>);
            made
        })
    }
}

/// Runs all scenarios' shards on this core, and hands over a delta each second.
pub(crate) async fn run(job: Arc<Job>, clock: Clock, mut spoke: Spoke) {
    let core = Rc::new(Core::new(job, clock, spoke.core, spoke.stop.clone()));
    let Some(start) = spoke.ready().await else { return };
    core.set_start(start);

    let shards: Vec<_> = (0..core.job.scenarios.len()).map(|i| Shard::new(&core, i)).collect();
    let mut running = tokio::task::JoinSet::new();
    for shard in &shards {
        running.spawn_local(super::follow::run(Rc::clone(shard)));
    }
    let lag = core.clock.is_real().then(|| tokio::task::spawn_local(measure_lag(Rc::clone(&core))));

    let mut ticks =
        Ticks { core: &core, next: start + SECOND, last: start, busy_ns: busy_ns(), reported: false };
    loop {
        tokio::select! {
            // In this order, so that a run under virtual time repeats.
            biased;
            () = spoke.stop_requested() => shards.iter().for_each(|shard| shard.stop()),
            ended = running.join_next() => match ended {
                Some(Ok(())) => {}
                // A bug of the engine: the thread ends, and with it the run.
                Some(Err(bug)) => std::panic::resume_unwind(bug.into_panic()),
                None => break,
            },
            () = core.clock.sleep_until(ticks.next, Turn::Delta) => ticks.hand_over(&spoke, &shards),
        }
    }
    if let Some(lag) = lag {
        lag.abort();
    }
    let delta = ticks.delta(&shards, true);
    // Setups' values are let go here before their own event loop lets go of them.
    drop((shards, core));
    spoke.finish(delta).await;
}

/// The time this core's thread has spent working rather than waiting.
fn busy_ns() -> u64 {
    let busy = tokio::runtime::Handle::current().metrics().worker_total_busy_duration(0);
    super::clock::nanos(busy)
}

struct Ticks<'a> {
    core: &'a Core,
    next: Nanos,
    last: Nanos,
    busy_ns: u64,
    /// Whether a delta has been handed over already.
    reported: bool,
}

impl Ticks<'_> {
    /// Hands over a delta, if the last one was taken: otherwise everything goes on merging where it is.
    fn hand_over(&mut self, spoke: &Spoke, shards: &[Rc<Shard>]) {
        self.next += SECOND;
        if let Some(permit) = spoke.permit() {
            permit.send(self.delta(shards, false));
        }
    }

    fn delta(&mut self, shards: &[Rc<Shard>], last: bool) -> crate::metric::Delta {
        let (now, busy) = (self.core.clock.now(), busy_ns());
        let since = self.last;
        let health = CoreHealth {
            busy_ns: busy - self.busy_ns,
            // A test that is stopped at once ends before its start.
            wall_ns: if self.core.clock.is_real() { now.saturating_sub(since) } else { 0 },
            lag: self.core.lag.borrow_mut().drain().unwrap_or_default(),
        };
        (self.last, self.busy_ns) = (now, busy);
        shards.iter().for_each(|shard| shard.book_traffic());
        // At the very end there is none left to count, unless the test was too short for a report before.
        let vus = match (last, self.reported) {
            (false, _) => shards.iter().map(|shard| shard.active()).collect(),
            (true, false) => shards.iter().map(|shard| shard.peak()).collect(),
            (true, true) => Vec::new(),
        };
        self.reported = true;
        let loaded_until = shards.iter().map(|shard| shard.loaded_until(now)).max().unwrap_or(0);
        let delta = self.core.recorder.borrow_mut().drain();
        crate::metric::Delta { core: self.core.index, since, at: now, loaded_until, vus, health, ..delta }
    }
}

/// Measures how late the event loop serves a timer: what every measured latency may be off by.
async fn measure_lag(core: Rc<Core>) {
    loop {
        let due = core.clock.now() + LAG_PERIOD;
        core.clock.sleep_until(due, Turn::Vu).await;
        let late = core.clock.now().saturating_sub(due);
        core.lag.borrow_mut().record(late, Contains::Time.fine_per_bucket());
    }
}
