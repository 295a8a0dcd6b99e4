//! The queue of an open model whose VUs are all busy.
//!
//! Waiting arrivals are not stored anywhere: each core knows the rest of its share from the plan, and the line knows which
//! arrival each core is waiting with.

use super::clock::Nanos;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// An arrival may begin before an older one of another core if they are this close: handing VUs from core to core for the
/// sake of microseconds would cost more than it is worth.
const SLACK: Nanos = 1_000_000;

const NOBODY: Nanos = Nanos::MAX;

/// For each core the due instant of the arrival that waits for a VU, if one does.
///
/// An arrival joins before it looks for a VU; a VU becomes free before it looks who waits. So one of them sees the other.
#[derive(Debug)]
pub(crate) struct Line(Vec<AtomicU64>);

impl Line {
    pub(crate) fn new(cores: usize) -> Self {
        Self((0..cores).map(|_| AtomicU64::new(NOBODY)).collect())
    }

    pub(crate) fn join(&self, core: usize, due: Nanos) {
        self.0[core].store(due, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn leave(&self, core: usize) {
        self.0[core].store(NOBODY, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Whether an arrival of this core may begin: nobody has waited for longer.
    pub(crate) fn is_next(&self, core: usize, due: Nanos) -> bool {
        let others = self.0.iter().enumerate().filter(|(other, _)| *other != core);
        others.map(|(_, head)| head.load(Ordering::Acquire)).all(|head| due <= head.saturating_add(SLACK))
    }

    /// Who gets a VU that has become free on this core: its own waiting arrival, if it is its turn, else the oldest.
    pub(crate) fn next_for(&self, core: usize) -> Option<usize> {
        fence(Ordering::SeqCst);
        let own = self.0[core].load(Ordering::Acquire);
        if own != NOBODY && self.is_next(core, own) {
            return Some(core);
        }
        let heads = self.0.iter().enumerate().map(|(core, head)| (head.load(Ordering::Acquire), core));
        heads.min().filter(|(head, _)| *head != NOBODY).map(|(_, core)| core)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_waited_longest_is_next_and_near_ties_stay_on_their_core() {
        let line = Line::new(3);
        assert_eq!(line.next_for(0), None);
        assert!(line.is_next(1, 5));
        line.join(1, 10 * SLACK);
        assert_eq!([0, 1, 2].map(|core| line.next_for(core)), [Some(1); 3]);
        line.join(0, 12 * SLACK);
        assert_eq!([0, 1, 2].map(|core| line.next_for(core)), [Some(1); 3]);
        assert!(line.is_next(1, 10 * SLACK) && !line.is_next(0, 12 * SLACK) && line.is_next(2, 11 * SLACK));
        line.join(2, 11 * SLACK);
        assert_eq!([0, 1, 2].map(|core| line.next_for(core)), [Some(1), Some(1), Some(2)]);
        line.leave(1);
        assert_eq!([0, 1, 2].map(|core| line.next_for(core)), [Some(0), Some(2), Some(2)]);
    }
}
