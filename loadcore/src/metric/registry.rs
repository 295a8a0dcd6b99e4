//! The test's dictionary of metrics: every name has one kind and one dense id.

use super::{Contains, MetricDesc};
use hashbrown::HashMap;
use std::sync::{PoisonError, RwLock};

/// A metric's dense id within one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct MetricId(pub(crate) u32);

/// A metric that cannot be registered; the message says why and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The name breaks k6's rule.
    #[error(
        "`{0}` is not a metric name: use 2 to 128 letters, digits and underscores, and start with a letter or underscore"
    )]
    Name(String),
    /// The name is one of loadcore's own.
    #[error(
        "metric `{name}` is loadcore's own, {builtin}, and cannot be declared a second time, as {declared}: use {constant}, or \
         give yours another name"
    )]
    Builtin {
        /// The name that both use.
        name: String,
        /// The kind and unit of loadcore's.
        builtin: String,
        /// The kind and unit of the user's.
        declared: String,
        /// What to record into loadcore's with.
        constant: String,
    },
    /// Two metrics of one name disagree.
    #[error("metric `{name}` is declared twice, as {first} and as {second}: give one of them another name")]
    Conflict {
        /// The name that both use.
        name: String,
        /// The earlier declaration's kind and unit.
        first: String,
        /// The later one's.
        second: String,
    },
}

/// Shared by all cores and the aggregate of one test. Read on cold paths only: cores cache what they use.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    metrics: Vec<MetricDesc>,
    by_name: HashMap<String, MetricId>,
}

impl Registry {
    pub(crate) fn new(metrics: impl IntoIterator<Item = MetricDesc>) -> Result<Self, MetricError> {
        let registry = Self::default();
        for desc in metrics {
            registry.register(&desc)?;
        }
        Ok(registry)
    }

    /// The id of a metric, which is added if it is new.
    pub(crate) fn register(&self, desc: &MetricDesc) -> Result<MetricId, MetricError> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = inner.by_name.get(&*desc.name).copied() {
            let known = &inner.metrics[id.0 as usize];
            if known == desc {
                return Ok(id);
            }
            let show = |d: &MetricDesc| match (d.kind, d.contains) {
                (kind, Contains::Default) => format!("a {kind:?}"),
                (kind, Contains::Time) => format!("a {kind:?} of durations"),
                (kind, Contains::Data) => format!("a {kind:?} of bytes"),
            };
            let (name, first, second) = (desc.name.to_string(), show(known), show(desc));
            if known.builtin {
                let constant = name.to_uppercase();
                return Err(MetricError::Builtin { name, builtin: first, declared: second, constant });
            }
            return Err(MetricError::Conflict { name, first, second });
        }
        if !is_metric_name(&desc.name) {
            return Err(MetricError::Name(desc.name.to_string()));
        }
        let id = MetricId(inner.metrics.len() as u32);
        inner.metrics.push(desc.clone());
        inner.by_name.insert(desc.name.to_string(), id);
        Ok(id)
    }

    pub(crate) fn get(&self, id: MetricId) -> MetricDesc {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).metrics[id.0 as usize].clone()
    }

    pub(crate) fn find(&self, name: &str) -> Option<MetricId> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).by_name.get(name).copied()
    }

    pub(crate) fn all(&self) -> Vec<(MetricId, MetricDesc)> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.metrics.iter().enumerate().map(|(i, desc)| (MetricId(i as u32), desc.clone())).collect()
    }
}

fn is_metric_name(name: &str) -> bool {
    let mut chars = name.chars();
    let first_fits = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first_fits && (2..=128).contains(&name.len()) && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Counter, Metric, Trend};

    #[test]
    fn names_follow_k6s_rule() {
        for name in ["test_metric", "_a", "a1"] {
            assert!(Registry::new([Counter::new(name).desc()]).is_ok(), "{name}");
        }
        for name in ["", "a", "@", "1a", "with space", "ünder"] {
            assert!(Registry::new([Counter::new(name).desc()]).is_err(), "{name:?} must be refused");
        }
    }

    #[test]
    fn one_name_has_one_kind() {
        let twice = Registry::new([Counter::new("orders").desc(), Counter::new("orders").desc()]).unwrap();
        assert_eq!(twice.all().len(), 1);
        let error =
            Registry::new([Counter::new("orders").desc(), Trend::new("orders").time().desc()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "metric `orders` is declared twice, as a Counter and as a Trend of durations: give one of them another name"
        );
    }
}
