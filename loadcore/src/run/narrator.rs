//! Tells a person what a journey does while it does it, one scenario after the other: `run --debug`.

use super::Vu;
use super::scenario::{Drive, LocalBoxFuture, Scenario};
use super::slot::VuSlot;
use std::io::Write;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Writes to standard error. Clones tell one story.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrator(Arc<Story>);

#[derive(Debug, Default)]
struct Story {
    requests: AtomicU64,
    /// The scenario whose turn it is.
    turn: watch::Sender<usize>,
}

impl Narrator {
    /// Writes this in one go, so that it stays together.
    pub(crate) fn say(&self, text: &str) {
        // Whoever has closed the stream does not want to know.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// A number for a request, from 1: by it a response is told from others that were under way.
    pub(crate) fn next_request(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn check_failed(&self, vu: &Vu, name: &str, place: &Location<'_>) {
        self.say(&format!("\n✗ check {name:?} does not hold, at {place}{}\n", in_group(vu)));
    }

    pub(super) fn iteration_failed(&self, kind: &str, place: &str, message: &str) {
        self.say(&format!("\n✗ the iteration failed at {place}: {kind}: {message}\n"));
    }

    /// Makes each of these scenarios wait until the one before has ended.
    pub(crate) fn one_after_the_other(&self, scenarios: &mut [Scenario]) {
        for (index, scenario) in scenarios.iter_mut().enumerate() {
            let (narrator, drive, name) = (self.clone(), scenario.drive.clone(), scenario.name().to_owned());
            scenario.drive = Drive::Closure(Arc::new(move |slot: VuSlot| {
                let (narrator, drive, name) = (narrator.clone(), drive.clone(), name.clone());
                Box::pin(async move {
                    let _turn = narrator.turn(index).await;
                    narrator.say(&format!("\n━━ scenario {name}: one iteration of one VU\n"));
                    drive.start(slot).await;
                }) as LocalBoxFuture
            }));
        }
    }

    async fn turn(&self, index: usize) -> Turn {
        let mut turn = self.0.turn.subscribe();
        // The sender lives as long as this story.
        let _ = turn.wait_for(|turn| *turn == index).await;
        Turn { narrator: self.clone(), next: index + 1 }
    }
}

/// The right to be told of. Passed on when it is dropped, whatever becomes of the scenario.
struct Turn {
    narrator: Narrator,
    next: usize,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.narrator.0.turn.send_replace(self.next);
    }
}

/// `, in ::Outer::Inner`.
fn in_group(vu: &Vu) -> String {
    match vu.group_path().as_str() {
        "" => String::new(),
        path => format!(", in {path}"),
    }
}

impl Vu {
    /// The path of this handle's group; empty outside of any.
    pub(crate) fn group_path(&self) -> String {
        let recorder = self.state.core.recorder.borrow();
        let group = recorder.tags.get(self.tags).iter().find(|(key, _)| &**key == "group");
        group.map_or_else(String::new, |(_, path)| path.to_string())
    }
}
