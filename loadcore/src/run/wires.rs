//! The wires between the control thread and the cores.

use super::clock::Nanos;
use super::job::Job;
use super::ruling::{Ruling, Rulings, note};
use crate::metric::Delta;
use tokio::sync::{mpsc, watch};

/// How far a core is. Each says each of these at most once.
#[derive(Debug)]
pub(crate) enum Stage {
    /// It waits for the common start.
    Ready,
    /// It has heard that the test shall stop.
    Stopping { core: usize },
    /// It has ended, and handed over everything; its last iteration had ended at this time of the clock.
    Done { core: usize, loaded_until: Nanos },
    /// It is gone without having said so: a bug of loadcore's own, or no event loop could be made.
    Died { core: usize },
}

/// Who has ended a test before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// A signal, or a caller that is gone.
    Outside,
    /// A threshold.
    Threshold,
    /// A journey that has aborted it.
    Journey,
    /// Cores that were lost.
    Loss,
}

/// Asks all cores to stop at once, and keeps why. Clones ask the same test.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Sender<Rulings>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Rulings::default()))
    }

    /// Whoever asks first has ended the test.
    pub(crate) fn request(&self, by: EndedBy) {
        self.0.send_if_modified(|rulings| rulings.end(by));
    }

    pub(super) fn abort(&self, ruling: Ruling) {
        self.0.send_if_modified(|rulings| {
            note(&mut rulings.aborted, ruling);
            rulings.end(EndedBy::Journey)
        });
    }

    pub(super) fn fail(&self, ruling: Ruling) {
        self.0.send_if_modified(|rulings| {
            note(&mut rulings.failed, ruling);
            // Nobody waits for it.
            false
        });
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.borrow().ended_by.is_some()
    }

    /// What has been decided until now.
    pub(crate) fn rulings(&self) -> Rulings {
        self.0.borrow().clone()
    }

    /// Waits until somebody asks.
    pub(super) async fn requested(&self) {
        // Its sender lives in `self`.
        let _ = self.0.subscribe().wait_for(|rulings| rulings.ended_by.is_some()).await;
    }
}

impl Rulings {
    /// True if nobody else was first.
    fn end(&mut self, by: EndedBy) -> bool {
        let is_first = self.ended_by.is_none();
        self.ended_by.get_or_insert(by);
        is_first
    }
}

/// A core's end of the wires.
#[derive(Debug)]
pub(crate) struct Spoke {
    pub(crate) core: usize,
    deltas: mpsc::Sender<Delta>,
    stages: mpsc::UnboundedSender<Stage>,
    start: watch::Receiver<Option<Nanos>>,
    pub(crate) stop: Stop,
    stopping: bool,
    done: bool,
}

/// The control thread's end.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) deltas: mpsc::Receiver<Delta>,
    pub(crate) stages: mpsc::UnboundedReceiver<Stage>,
    pub(crate) start: watch::Sender<Option<Nanos>>,
    pub(crate) stop: Stop,
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
        stop: stop.clone(),
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
    pub(crate) async fn finish(mut self, last: Delta) {
        let loaded_until = last.loaded_until;
        // If nobody listens any more the whole run has been given up.
        let _ = self.deltas.send(last).await;
        let _ = self.stages.send(Stage::Done { core: self.core, loaded_until });
        self.done = true;
    }

    /// Resolves once, when the test shall stop.
    pub(crate) async fn stop_requested(&mut self) {
        if self.stopping {
            return std::future::pending().await;
        }
        self.stop.requested().await;
        self.stopping = true;
        // If nobody listens any more the whole run has been given up.
        let _ = self.stages.send(Stage::Stopping { core: self.core });
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
