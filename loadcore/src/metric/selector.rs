//! Which series of a metric are meant: all of them, or those with certain tags.

use super::tags::{TagList, find};
use super::{Counter, Gauge, Metric, MetricDesc, Rate, Trend, Unit};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A group as `#[group]` declares it: `LOG_IN_GROUP`. It selects that group wherever it is nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub(crate) name: &'static str,
}

impl Group {
    /// The group's own name, without the groups around it.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// What `.group(..)` takes: a name, a full path `::Outer::Inner`, or a `_GROUP` constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupSelector {
    /// Exactly this path.
    Path(String),
    /// A group of this name, wherever it is nested.
    Anywhere(&'static str),
}

impl From<&str> for GroupSelector {
    fn from(name: &str) -> Self {
        Self::Path(if name.starts_with("::") { name.to_owned() } else { format!("::{name}") })
    }
}

impl From<String> for GroupSelector {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<Group> for GroupSelector {
    fn from(group: Group) -> Self {
        Self::Anywhere(group.name)
    }
}

/// What a group's name follows in text if it is meant wherever it is nested.
const ANYWHERE: &str = "*::";

/// One condition on a series' tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Tag(String, String),
    /// A group of this name, wherever it is nested.
    GroupAnywhere(String),
}

impl Condition {
    /// Group paths begin with `::`, so `*::NAME` can mean a group wherever it is nested.
    fn new(key: &str, value: &str) -> Self {
        match value.strip_prefix(ANYWHERE).filter(|_| key == "group") {
            Some(name) => Self::GroupAnywhere(name.to_owned()),
            None => Self::Tag(key.to_owned(), value.to_owned()),
        }
    }

    fn holds(&self, tags: &TagList) -> bool {
        match self {
            Self::Tag(key, value) => find(tags, key).unwrap_or("") == value,
            Self::GroupAnywhere(name) => {
                let path = find(tags, "group").unwrap_or("");
                path.strip_suffix(name.as_str()).is_some_and(|outer| outer.ends_with("::"))
            }
        }
    }
}

/// A metric, and conditions that its series must meet. Two are equal whichever condition was said first.
#[derive(Debug, Clone)]
pub struct Selector {
    pub(crate) metric: MetricDesc,
    conditions: Vec<Condition>,
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |selector: &Self| {
            let mut conditions = selector.conditions.clone();
            conditions.sort();
            conditions
        };
        self.metric == other.metric && sorted(self) == sorted(other)
    }
}

impl Eq for Selector {}

impl Selector {
    /// All series of a metric.
    pub(crate) fn all_of(metric: MetricDesc) -> Self {
        Self { metric, conditions: Vec::new() }
    }

    pub(crate) fn matches(&self, tags: &TagList) -> bool {
        self.conditions.iter().all(|condition| condition.holds(tags))
    }

    /// The value that a tag must have.
    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::Tag(known, value) if known == key => Some(value.as_str()),
            _ => None,
        })
    }

    pub(crate) fn has_tag(&self, key: &str) -> bool {
        self.conditions.iter().any(|c| matches!(c, Condition::Tag(k, _) if k == key))
    }

    pub(crate) fn with_tag(mut self, key: &str, value: &str) -> Self {
        self.conditions.push(Condition::new(key, value));
        self
    }

    /// The conditions alone, as k6 writes them: `{group:::User Login,scenario:checkout}`; empty without any. A group
    /// that is meant wherever it is nested is `*::NAME`. What could be misread is in quotes.
    pub fn tags_text(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        let parts: Vec<_> = self
            .conditions
            .iter()
            .map(|condition| match condition {
                Condition::Tag(key, value) => {
                    format!("{}:{}", written(key, &[':', ',']), written(value, &[',']))
                }
                Condition::GroupAnywhere(name) => {
                    format!("group:{}", written(&format!("{ANYWHERE}{name}"), &[',']))
                }
            })
            .collect();
        format!("{{{}}}", parts.join(","))
    }
}

/// A key or value as a threshold in text must write it to be read as the same.
fn written<'a>(text: &'a str, ends: &[char]) -> Cow<'a, str> {
    let is_plain = !text.is_empty()
        && text.trim().len() == text.len()
        && !text.starts_with(['"', '\''])
        && !text.contains(ends);
    if is_plain { Cow::Borrowed(text) } else { Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))) }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.metric.name, self.tags_text())
    }
}

/// A metric handle narrowed to certain tags: `CHECKS.group("User Login")`.
#[derive(Debug, Clone)]
pub struct Selected<M> {
    pub(crate) selector: Selector,
    handle: PhantomData<M>,
}

/// Narrowing a metric to some of its series. Conditions add up.
pub trait Select: Sized {
    /// The handle that is narrowed.
    type Handle;

    /// The metric with its conditions so far.
    fn select(self) -> Selected<Self::Handle>;

    /// Only series whose tag `key` has exactly this value.
    fn tag(self, key: &str, value: &str) -> Selected<Self::Handle> {
        let selected = self.select();
        Selected { selector: selected.selector.with_tag(key, value), ..selected }
    }

    /// Only this scenario.
    fn scenario(self, name: &str) -> Selected<Self::Handle> {
        self.tag("scenario", name)
    }

    /// Only requests of this `name` tag.
    fn named(self, name: &str) -> Selected<Self::Handle> {
        self.tag("name", name)
    }

    /// Only this group: a name at the top level, a full path `::A::B`, or a `_GROUP` constant wherever it is nested.
    fn group(self, group: impl Into<GroupSelector>) -> Selected<Self::Handle> {
        let mut selected = self.select();
        selected.selector.conditions.push(match group.into() {
            GroupSelector::Path(path) => Condition::Tag("group".to_owned(), path),
            GroupSelector::Anywhere(name) => Condition::GroupAnywhere(name.to_owned()),
        });
        selected
    }
}

fn all_of<M: Metric>(metric: &M) -> Selected<M> {
    Selected { selector: Selector::all_of(metric.desc()), handle: PhantomData }
}

impl<U: Unit> Select for Trend<U> {
    type Handle = Self;
    fn select(self) -> Selected<Self> {
        all_of(&self)
    }
}

macro_rules! selectable {
    ($($handle:ty),*) => { $(impl Select for $handle {
        type Handle = Self;
        fn select(self) -> Selected<Self> {
            all_of(&self)
        }
    })* };
}
selectable!(Counter, Gauge, Rate);

impl<M> Select for Selected<M> {
    type Handle = M;
    fn select(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::CHECKS;
    use std::sync::Arc;

    fn in_group(path: &str) -> TagList {
        Arc::new([(Arc::from("group"), Arc::from(path))])
    }

    #[test]
    fn groups_are_meant_as_written() {
        let plain = CHECKS.group("User Login").selector;
        assert!(plain.matches(&in_group("::User Login")));
        assert!(!plain.matches(&in_group("::Outer::User Login")));
        assert!(CHECKS.group("::A::B").selector.matches(&in_group("::A::B")));

        let anywhere = CHECKS.group(Group { name: "User Login" }).selector;
        assert!(anywhere.matches(&in_group("::User Login")));
        assert!(anywhere.matches(&in_group("::Outer::User Login")));
        assert!(!anywhere.matches(&in_group("::Not User Login")));
        assert!(!anywhere.matches(&in_group("")));
    }

    #[test]
    fn a_selector_reads_as_in_k6() {
        let selector = CHECKS.scenario("checkout").tag("kind", "profile").selector;
        assert_eq!(selector.to_string(), "checks{scenario:checkout,kind:profile}");
        assert_eq!(CHECKS.select().selector.to_string(), "checks");
        let other_order = CHECKS.tag("kind", "profile").scenario("checkout").selector;
        assert_eq!(selector, other_order);
        assert_ne!(selector, CHECKS.scenario("checkout").selector);
    }
}
