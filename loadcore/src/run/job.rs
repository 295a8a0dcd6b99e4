//! A test that is ready to run: everything that all cores share.

use super::clock::Nanos;
use super::feed::Feeds;
use super::hooks::{TestHooks, VuHooks};
use super::line::Line;
use super::scenario::Drive;
use super::tally::Tally;
use super::values::ValueShelf;
use crate::metric::{Registry, SeriesMemory};
use crate::plan::Schedule;
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// A whole test, shared by all cores.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) scenarios: Vec<ScenarioJob>,
    /// Tags of every sample.
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) seed: u64,
    pub(crate) cores: usize,
    /// Wait for arrivals by asking for the time again and again.
    pub(crate) spin_arrivals: bool,
    pub(crate) registry: Arc<Registry>,
    pub(crate) memory: Arc<SeriesMemory>,
    pub(crate) extensions: Extensions,
    pub(crate) feeds: Feeds,
    pub(crate) hooks: TestHooks,
    /// What the setups returned, once they have.
    pub(crate) values: ValueShelf,
}

/// One scenario, with its plan worked out.
#[derive(Debug)]
pub(crate) struct ScenarioJob {
    pub(crate) name: String,
    /// `file:line` of the journey, if it was declared.
    pub(crate) place: String,
    /// As k6 names it.
    pub(crate) executor: &'static str,
    pub(crate) schedule: Schedule,
    pub(crate) drive: Drive,
    pub(crate) tags: Vec<(String, String)>,
    /// Counted from the test's start, or from the end of the scenario before.
    pub(crate) start_after: Nanos,
    /// The scenario before, by its index.
    pub(crate) after: Option<usize>,
    /// When it starts at the latest, counted from the test's start.
    pub(crate) latest_start: Nanos,
    pub(crate) graceful_stop: Nanos,
    pub(crate) min_iteration: Nanos,
    pub(crate) iteration_timeout: Option<Nanos>,
    /// The `max_vus` of all scenarios before this one.
    pub(crate) vu_offset: u64,
    pub(crate) max_vus: u64,
    pub(crate) shared: SharedCounters,
    pub(crate) hooks: VuHooks,
}

/// What the cores of a process share of a scenario while it runs.
#[derive(Debug)]
pub(crate) struct SharedCounters {
    /// The next test-wide iteration number, where those have no gaps.
    pub(crate) next_iteration: AtomicU64,
    /// VUs that an open model has created.
    pub(crate) created: AtomicU64,
    /// An open model's places, one for each core.
    pub(crate) desks: Vec<Desk>,
    /// Who waits for a VU, in an open model that queues.
    pub(crate) line: Line,
    pub(crate) finish: Finish,
    /// What each core counts.
    pub(crate) tallies: Vec<Tally>,
    /// A feeder has no more rows, and no further iteration shall begin.
    out_of_data: AtomicBool,
}

/// How the cores agree on when a scenario has ended.
#[derive(Debug)]
pub(crate) struct Finish {
    /// Cores whose share has not ended.
    running: AtomicUsize,
    /// The latest end of the others.
    latest: AtomicU64,
    /// When the last one ended.
    ended: watch::Sender<Option<Nanos>>,
}

impl Finish {
    fn new(cores: usize) -> Self {
        let ended = watch::Sender::new(None);
        Self { running: AtomicUsize::new(cores), latest: AtomicU64::new(0), ended }
    }

    /// A core's share has ended. Each core says it once.
    pub(crate) fn arrive(&self, at: Nanos) {
        self.latest.fetch_max(at, Ordering::AcqRel);
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ended.send_replace(Some(self.latest.load(Ordering::Acquire)));
        }
    }

    /// Waits for the end on all cores, and tells when it was: to each core the same.
    pub(crate) async fn ended(&self) -> Nanos {
        let mut ended = self.ended.subscribe();
        loop {
            if let Some(at) = *ended.borrow_and_update() {
                return at;
            }
            // Its sender lives in `self`.
            let _ = ended.changed().await;
        }
    }
}

/// Where a core of an open model can be handed an arrival by another one.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Idle VUs here that nobody has claimed.
    idle: AtomicU64,
    /// Due instants of arrivals handed over, each with a claim on an idle VU.
    inbox: Mutex<VecDeque<Nanos>>,
    pub(crate) changed: Notify,
}

impl Desk {
    pub(crate) fn offer(&self) {
        self.idle.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn claim(&self) -> bool {
        self.idle.fetch_update(Ordering::AcqRel, Ordering::Acquire, |idle| idle.checked_sub(1)).is_ok()
    }

    pub(crate) fn has_idle(&self) -> bool {
        self.idle.load(Ordering::Acquire) > 0
    }

    pub(crate) fn hand_over(&self, due: Nanos) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push_back(due);
        self.changed.notify_one();
    }

    pub(crate) fn take(&self) -> Option<Nanos> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl SharedCounters {
    pub(crate) fn new(cores: usize) -> Self {
        let desks = (0..cores).map(|_| Desk::default()).collect();
        Self {
            next_iteration: AtomicU64::new(0),
            created: AtomicU64::new(0),
            desks,
            line: Line::new(cores),
            finish: Finish::new(cores),
            tallies: (0..cores).map(|_| Tally::default()).collect(),
            out_of_data: AtomicBool::new(false),
        }
    }

    /// Tells all cores that no further iteration shall begin.
    pub(crate) fn end_for_want_of_data(&self) {
        self.out_of_data.store(true, Ordering::Release);
        self.desks.iter().for_each(|desk| desk.changed.notify_one());
    }

    pub(crate) fn is_out_of_data(&self) -> bool {
        self.out_of_data.load(Ordering::Relaxed)
    }

    pub(crate) fn take_iteration(&self) -> u64 {
        self.next_iteration.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes one of a limited number of iterations.
    pub(crate) fn take_iteration_of(&self, most: u64) -> Option<u64> {
        let next = |taken: u64| (taken < most).then_some(taken + 1);
        self.next_iteration.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }

    /// The index of a new VU, if another one may exist.
    pub(crate) fn create_vu(&self, most: u64) -> Option<u64> {
        let next = |created: u64| (created < most).then_some(created + 1);
        self.created.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }
}

/// Options of upper floors (protocols), which the engine carries without knowing them.
#[derive(Default)]
pub(crate) struct Extensions(Vec<Arc<dyn Any + Send + Sync>>);

impl Extensions {
    pub(crate) fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        self.0.push(Arc::new(value));
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.iter().find_map(|value| Arc::clone(value).downcast().ok())
    }

    pub(crate) fn get_ref<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.iter().find_map(|value| (**value).downcast_ref())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Extensions").field(&self.0.len()).finish()
    }
}
