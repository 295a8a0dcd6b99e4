//! A test that is ready to run: everything that all cores share.

use super::clock::Nanos;
use super::hooks::{TestHooks, VuHooks};
use super::scenario::Drive;
use super::values::ValueShelf;
use crate::metric::{Registry, SeriesMemory};
use crate::plan::Schedule;
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// A whole test, shared by all cores.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) scenarios: Vec<ScenarioJob>,
    /// Tags of every sample.
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) seed: u64,
    pub(crate) cores: usize,
    pub(crate) registry: Arc<Registry>,
    pub(crate) memory: Arc<SeriesMemory>,
    pub(crate) extensions: Extensions,
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
    pub(crate) schedule: Schedule,
    pub(crate) drive: Drive,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) start_after: Nanos,
    pub(crate) graceful_stop: Nanos,
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
        Self { next_iteration: AtomicU64::new(0), created: AtomicU64::new(0), desks }
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
