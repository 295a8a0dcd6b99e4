//! Tag sets: interned on each core, so that a sample carries one small number instead of strings.

use super::memory::SeriesMemory;
use hashbrown::{Equivalent, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Tags in order of their keys, as a series shows them.
pub(crate) type TagList = Arc<[(Arc<str>, Arc<str>)]>;

/// A tag set of one core. 0 is the empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TagSetId(pub(crate) u32);

/// No tags.
pub(crate) const EMPTY: TagSetId = TagSetId(0);

/// The value of the tag that samples of surplus series carry.
pub(crate) const OVERFLOW: &str = "(overflow)";

/// How one tag set leads to another: by a tag that is added, or a group that is entered.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    base: u32,
    key: Box<str>,
    value: Box<str>,
}

/// [`Step`] without owning its strings, so that a look-up allocates nothing.
struct StepRef<'a> {
    base: u32,
    key: &'a str,
    value: &'a str,
}

impl Hash for Step {
    fn hash<H: Hasher>(&self, state: &mut H) {
        StepRef { base: self.base, key: &self.key, value: &self.value }.hash(state);
    }
}

impl Hash for StepRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.base.hash(state);
        self.key.hash(state);
        self.value.hash(state);
    }
}

impl Equivalent<Step> for StepRef<'_> {
    fn equivalent(&self, other: &Step) -> bool {
        self.base == other.base && *self.key == *other.key && *self.value == *other.value
    }
}

/// Stands for "enter this group": no tag key can be empty.
const ENTER_GROUP: &str = "";

/// The tag sets that one core has seen.
#[derive(Debug)]
pub(crate) struct TagSets {
    sets: Vec<TagList>,
    index: HashMap<TagList, u32>,
    steps: HashMap<Step, u32>,
    memory: Arc<SeriesMemory>,
}

impl TagSets {
    pub(crate) fn new(memory: Arc<SeriesMemory>) -> Self {
        let empty: TagList = Arc::new([]);
        Self {
            sets: vec![Arc::clone(&empty)],
            index: HashMap::from_iter([(empty, 0)]),
            steps: HashMap::new(),
            memory,
        }
    }

    pub(crate) fn get(&self, id: TagSetId) -> &TagList {
        &self.sets[id.0 as usize]
    }

    /// `base` with one tag added or replaced. Allocates only the first time; an empty value removes the tag.
    pub(crate) fn with(&mut self, base: TagSetId, key: &str, value: &str) -> TagSetId {
        if let Some(id) = self.steps.get(&StepRef { base: base.0, key, value }) {
            return TagSetId(*id);
        }
        self.learn(base, key, value, |sets| replace(sets.get(base), &[(key, value)]))
    }

    /// `base` inside a group: its `group` tag grows by `::name`.
    pub(crate) fn enter_group(&mut self, base: TagSetId, name: &str) -> TagSetId {
        if let Some(id) = self.steps.get(&StepRef { base: base.0, key: ENTER_GROUP, value: name }) {
            return TagSetId(*id);
        }
        self.learn(base, ENTER_GROUP, name, |sets| {
            let outer = find(sets.get(base), "group").unwrap_or("");
            replace(sets.get(base), &[("group", &format!("{outer}::{name}"))])
        })
    }

    /// `base` with several tags, without remembering the way there: for the first sample of a new series.
    pub(crate) fn with_all(&mut self, base: TagSetId, tags: &[(&str, &str)]) -> TagSetId {
        let list = replace(self.get(base), tags);
        TagSetId(self.intern(list))
    }

    /// What remains of a tag set whose series are too many: its scenario, and the mark.
    pub(crate) fn overflow_of(&mut self, base: TagSetId) -> TagSetId {
        let scenario = find(self.get(base), "scenario").map(str::to_owned);
        let tags: Vec<_> = scenario.iter().map(|name| ("scenario", name.as_str())).collect();
        let list = replace(&replace(&(Arc::new([]) as TagList), &tags), &[("name", OVERFLOW)]);
        TagSetId(self.intern(list))
    }

    fn learn(
        &mut self,
        base: TagSetId,
        key: &str,
        value: &str,
        list: impl FnOnce(&Self) -> TagList,
    ) -> TagSetId {
        // The step's own strings, and the list that it may lead to.
        if !self.memory.take(256 + 4 * (key.len() + value.len())) {
            return self.overflow_of(base);
        }
        let list = list(self);
        let id = self.intern(list);
        self.steps.insert(Step { base: base.0, key: key.into(), value: value.into() }, id);
        TagSetId(id)
    }

    fn intern(&mut self, list: TagList) -> u32 {
        if let Some(id) = self.index.get(&list) {
            return *id;
        }
        let id = self.sets.len() as u32;
        self.sets.push(Arc::clone(&list));
        self.index.insert(list, id);
        id
    }
}

/// The value of a tag.
pub(crate) fn find<'a>(tags: &'a TagList, key: &str) -> Option<&'a str> {
    tags.iter().find(|(k, _)| **k == *key).map(|(_, v)| &**v)
}

/// `tags` with some added or replaced, in order of keys. Empty values are left out, as in k6.
fn replace(tags: &TagList, changes: &[(&str, &str)]) -> TagList {
    let kept = tags.iter().filter(|(key, _)| !changes.iter().any(|(k, _)| *k == &**key)).cloned();
    let added = changes.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (Arc::from(*k), Arc::from(*v)));
    let mut list: Vec<(Arc<str>, Arc<str>)> = kept.chain(added).collect();
    list.sort();
    list.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(sets: &TagSets, id: TagSetId) -> String {
        sets.get(id).iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn groups_nest_and_tags_replace() {
        let mut sets = TagSets::new(Arc::new(SeriesMemory::new(1 << 20)));
        let scenario = sets.with(EMPTY, "scenario", "checkout");
        let outer = sets.enter_group(scenario, "Outer");
        let inner = sets.enter_group(outer, "Inner");
        assert_eq!(show(&sets, inner), "group=::Outer::Inner,scenario=checkout");
        assert_eq!(sets.enter_group(outer, "Inner"), inner);
        let tagged = sets.with(inner, "scenario", "other");
        assert_eq!(show(&sets, tagged), "group=::Outer::Inner,scenario=other");
        let removed = sets.with(inner, "group", "");
        assert_eq!(removed, scenario);
    }

    #[test]
    fn tag_sets_beyond_the_memory_fall_together() {
        let memory = Arc::new(SeriesMemory::new(8_000));
        let mut sets = TagSets::new(Arc::clone(&memory));
        let scenario = sets.with(EMPTY, "scenario", "s");
        let ids: Vec<_> = (0..100).map(|i| sets.with(scenario, "user", &i.to_string())).collect();
        assert_eq!(show(&sets, ids[99]), "name=(overflow),scenario=s");
        assert!(memory.is_full());
    }
}
