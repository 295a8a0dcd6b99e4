//! What the clients saw.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use loadcore::http::{ErrorKind, SendError};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Whole responses, each with its request's tag.
    answered: AtomicU64,
    /// Of them, those whose body was thrown away.
    discarded: AtomicU64,
    /// Of which the client has seen the head and a part.
    left_in_mid_body: AtomicU64,
    given_up: AtomicU64,
    timed_out: AtomicU64,
    cut: AtomicU64,
    /// The first of the answers that were another request's.
    astray: Mutex<Vec<String>>,
}

impl Tally {
    pub(crate) fn answered(&self, is_discarded: bool) {
        self.answered.fetch_add(1, Relaxed);
        self.discarded.fetch_add(is_discarded.into(), Relaxed);
    }

    pub(crate) fn left_in_mid_body(&self) {
        self.left_in_mid_body.fetch_add(1, Relaxed);
    }

    pub(crate) fn given_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self, error: &SendError) {
        let count = match error.kind() {
            ErrorKind::Timeout => &self.timed_out,
            ErrorKind::ConnectionClosed | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => &self.cut,
            _ => panic!("{error}"),
        };
        count.fetch_add(1, Relaxed);
    }

    pub(crate) fn went_astray(&self, what: String) {
        let mut astray = self.astray.lock().unwrap();
        if astray.len() < 10 {
            astray.push(what);
        }
    }

    pub(crate) fn astray(&self) -> Vec<String> {
        self.astray.lock().unwrap().clone()
    }

    /// Otherwise nothing would be proved.
    pub(crate) fn has_seen_it_all(&self) {
        let Self { answered, discarded, left_in_mid_body, given_up, timed_out, cut, .. } = self;
        for count in [answered, discarded, left_in_mid_body, given_up, timed_out, cut] {
            assert!(count.load(Relaxed) >= 5, "{self:?}");
        }
    }
}
