//! What a VU's samples belong to: a scenario, or the test's setup and teardown.

use super::clock::Nanos;
use super::{Core, Vu};
use crate::metric::{EMPTY, TagSetId};
use std::cell::Cell;
use std::rc::Rc;

/// The scenario that VUs of one core belong to; in setup and teardown it has no name.
pub(crate) struct Scope {
    pub(crate) name: String,
    /// The scenario's own tags.
    pub(crate) tags: TagSetId,
    /// Shared with the sockets of its VUs.
    pub(crate) traffic: Rc<Traffic>,
    /// The scenario's start, on the test's clock.
    pub(crate) start: Cell<Nanos>,
    /// Whether random streams belong to iterations instead of VUs.
    draws_by_iteration: bool,
}

/// Bytes that went over sockets and are not yet in the metrics.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: Cell<u64>,
    pub(crate) received: Cell<u64>,
}

impl Scope {
    /// The scope of a scenario. Where its iterations have test-wide numbers without gaps a random stream belongs to the
    /// iteration, elsewhere to the VU: so a run repeats whatever core serves it.
    pub(crate) fn of_scenario(
        core: &Core,
        name: &str,
        tags: &[(String, String)],
        draws_by_iteration: bool,
    ) -> Self {
        let mut scope = Self::of_hooks(core);
        {
            let sets = &mut core.recorder.borrow_mut().tags;
            let of_test = scope.tags;
            scope.tags = sets.with(of_test, "scenario", name);
            for (key, value) in tags {
                scope.tags = sets.with(scope.tags, key, value);
            }
        }
        Self { name: name.to_owned(), draws_by_iteration, ..scope }
    }

    /// The scope of setup and teardown.
    pub(crate) fn of_hooks(core: &Core) -> Self {
        let sets = &mut core.recorder.borrow_mut().tags;
        let with = |tags, (key, value): &(String, String)| sets.with(tags, key, value);
        let tags = core.job.tags.iter().fold(EMPTY, with);
        Self {
            name: String::new(),
            tags,
            traffic: Rc::default(),
            start: Cell::new(0),
            draws_by_iteration: false,
        }
    }

    /// Puts the bytes that went over sockets since the last call into the metrics.
    pub(crate) fn book_traffic(&self, core: &Core) {
        let (sent, received) = (self.traffic.sent.take(), self.traffic.received.take());
        if sent + received > 0 {
            let now = core.clock.now();
            let mut recorder = core.recorder.borrow_mut();
            recorder.sample(core.ids.data_sent, self.tags, sent as f64, now);
            recorder.sample(core.ids.data_received, self.tags, received as f64, now);
        }
    }

    /// Whether iterations have test-wide numbers without gaps.
    pub(crate) fn is_numbered(&self) -> bool {
        self.draws_by_iteration
    }

    /// The key of the running iteration's random stream.
    pub(crate) fn random_key(&self, vu: &Vu) -> u64 {
        let (a, b) = match (vu.draws_apart(), self.draws_by_iteration) {
            // A VU's setup draws the same in whatever iteration it happens to be made.
            (true, _) => (vu.id(), u64::MAX - vu.own_iteration()),
            (false, true) => (vu.iteration(), 0),
            (false, false) => (vu.id(), vu.own_iteration() + 1),
        };
        random_key(vu.state.core.job.seed, &self.name, [a, b])
    }
}

/// The key of the stream that a scenario's random arrivals come from: no iteration and no VU has this one.
pub(crate) fn arrivals_key(seed: u64, scenario: &str) -> u64 {
    random_key(seed, scenario, [u64::MAX, u64::MAX])
}

fn random_key(seed: u64, scenario: &str, [a, b]: [u64; 2]) -> u64 {
    [text_key(scenario), a, b].into_iter().fold(seed, |key, part| mix(key ^ mix(part)))
}

/// A text as a number (FNV-1a).
pub(super) fn text_key(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads the bits of a number (the finalizer of SplitMix64, Steele et al. 2014).
pub(super) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
