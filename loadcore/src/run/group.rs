//! Groups: a child handle for the body, and a duration when it ends.

use super::Vu;
use super::clock::Nanos;
use crate::metric::Group;

/// An open group; its duration is recorded when it is dropped, however the body ended.
#[derive(Debug)]
pub struct GroupGuard {
    vu: Vu,
    started: Nanos,
}

impl GroupGuard {
    /// The child handle that carries the group.
    pub fn vu(&self) -> &Vu {
        &self.vu
    }
}

/// What `#[group]` calls before the user's block.
pub(crate) fn enter(vu: &Vu, group: Group) -> GroupGuard {
    enter_named(vu, group.name)
}

pub(crate) fn enter_named(vu: &Vu, name: &str) -> GroupGuard {
    let core = &vu.state.core;
    let tags = core.recorder.borrow_mut().tags.enter_group(vu.tags, name);
    GroupGuard { vu: vu.child(tags), started: core.clock.now() }
}

impl Drop for GroupGuard {
    fn drop(&mut self) {
        // A group that was cut has no duration of its own.
        if self.vu.is_interrupted() {
            return;
        }
        let core = &self.vu.state.core;
        let took = core.clock.now().saturating_sub(self.started);
        core.recorder.borrow_mut().time(core.ids.group_duration, self.vu.tags, took);
    }
}

/// `::` separates nested groups in the `group` tag.
pub(crate) fn is_group_name(name: &str) -> bool {
    !name.is_empty() && !name.contains("::")
}
