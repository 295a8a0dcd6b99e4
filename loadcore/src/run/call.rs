//! One call of a setup or a teardown, and what the control thread sees of it while it runs.

use super::engine::{PATIENCE, Stop};
use super::lifecycle::{HookError, Phase};
use super::outcome::Failure;
use super::scenario::Site;
use crate::plan::format_duration;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// One call of a hook.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) phase: Phase,
    pub(super) name: String,
    pub(super) site: Site,
    pub(super) timeout: Duration,
    /// When it is late; `None` under virtual time, which no thread can be late by.
    pub(super) due: Option<Instant>,
}

impl Call {
    pub(super) fn error(&self, place: String, message: String, timed_out: bool) -> HookError {
        HookError { phase: self.phase, name: self.name.clone(), place, timed_out, message }
    }

    pub(super) fn failed(&self, failure: &Failure) -> HookError {
        let (_, place, message) = failure.explain(&self.site.to_string());
        self.error(place, message, false)
    }

    pub(super) fn timed_out(&self) -> HookError {
        let (phase, timeout) = (self.phase, format_duration(self.timeout));
        let message = format!(
            "took longer than {timeout}; give it more with --{phase}-timeout or LoadTest::{phase}_timeout"
        );
        self.error(self.site.to_string(), message, true)
    }

    fn blocked(&self) -> HookError {
        let mut error = self.timed_out();
        error.message.push_str("; and it blocks its thread, so that nothing after it could run");
        error
    }

    fn left(&self) -> HookError {
        let message = "it blocks its thread, and was left when the test was stopped: no teardown could run";
        self.error(self.site.to_string(), message.to_owned(), false)
    }
}

/// Shows which call runs.
pub(super) type Stage = watch::Sender<Option<Call>>;

/// The control thread's view of it. A call that blocks its thread cannot be cut, nor say that it is late.
#[derive(Debug, Clone)]
pub(super) struct Seat(watch::Receiver<Option<Call>>);

/// A stage, and a seat in front of it.
pub(super) fn theatre() -> (Stage, Seat) {
    let (stage, seat) = watch::channel(None);
    (stage, Seat(seat))
}

impl Seat {
    /// Waits until a call is late by so much that it must block its thread.
    pub(super) async fn blocked(&mut self) -> HookError {
        loop {
            let late = match &*self.0.borrow_and_update() {
                Some(call) => call.due.map(|due| (due + PATIENCE, call.blocked())),
                None => None,
            };
            let late = async {
                match late {
                    Some((at, error)) => {
                        tokio::time::sleep_until(at.into()).await;
                        error
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                error = late => return error,
                changed = self.0.changed() => if changed.is_err() {
                    // That the thread is gone is known from elsewhere.
                    return std::future::pending().await;
                }
            }
        }
    }

    /// Waits until the test shall stop, and a call has not heard it.
    pub(super) async fn deaf(&self, stop: &Stop) -> HookError {
        super::engine::out_of_patience(stop.clone()).await;
        let deaf = self.0.borrow().as_ref().filter(|call| call.due.is_some()).map(Call::left);
        match deaf {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }
}
