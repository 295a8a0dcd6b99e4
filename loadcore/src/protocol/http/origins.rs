//! The origins that one core's requests go to: each is known once, as long as somebody needs it.

use super::target::Origin;
use hashbrown::HashMap;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// So many are known before those are looked for that nobody needs any more.
const MANY: usize = 1_000;

/// Requests, connections and remembered URLs hold theirs, so that one which is forgotten has none of them left.
#[derive(Debug, Default)]
pub(super) struct Origins {
    known: RefCell<HashMap<String, Rc<Origin>>>,
    next_id: Cell<u32>,
    /// How many there may be until the next look.
    allowed: Cell<usize>,
}

impl Origins {
    pub(super) fn get(&self, key: &str) -> Option<Rc<Origin>> {
        self.known.borrow().get(key).map(Rc::clone)
    }

    /// No two have the same number, not even one after the other.
    pub(super) fn next_id(&self) -> u32 {
        self.next_id.replace(self.next_id.get().wrapping_add(1))
    }

    pub(super) fn insert(&self, key: String, origin: Origin) -> Rc<Origin> {
        let mut known = self.known.borrow_mut();
        if known.len() >= self.allowed.get().max(MANY) {
            known.retain(|_, origin| Rc::strong_count(origin) > 1);
            // Where all are needed, the next look is as far away as this one was long.
            self.allowed.set(2 * known.len());
        }
        let origin = Rc::new(origin);
        known.insert(key, Rc::clone(&origin));
        origin
    }
}
