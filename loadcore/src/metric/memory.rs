//! The cap on what series may cost, shared by all cores of a process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts the bytes that series take, and refuses new ones beyond the cap.
#[derive(Debug)]
pub(crate) struct SeriesMemory {
    cap: usize,
    used: AtomicUsize,
    refusals: Mutex<Refusals>,
}

#[derive(Debug, Default)]
struct Refusals {
    by_tag: BTreeMap<String, u64>,
    example: Option<String>,
}

impl SeriesMemory {
    pub(crate) const DEFAULT_CAP: usize = 256 << 20;

    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, used: AtomicUsize::new(0), refusals: Mutex::default() }
    }

    /// Takes `bytes` for a new series; false if the cap is reached.
    pub(crate) fn take(&self, bytes: usize, example: impl FnOnce() -> String) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.cap);
        if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok() {
            return true;
        }
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.example.get_or_insert_with(example);
        false
    }

    /// Books what an existing series has grown by; never refused, since its samples must not be lost.
    pub(crate) fn grew(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes the tag whose many values led to a refusal.
    pub(crate) fn refused(&self, tag: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.by_tag.entry(tag.to_owned()).or_default() += 1;
    }

    /// What to tell the user, if anything was refused.
    pub(crate) fn warning(&self) -> Option<String> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let (tag, _) = refusals.by_tag.iter().max_by_key(|(_, count)| **count)?;
        let example = refusals.example.as_deref().unwrap_or("?");
        Some(format!(
            "too many series: the tag `{tag}` has too many values (such as {example}); their samples are counted under \
             name=\"(overflow)\". Give requests a template with path! or a fixed .name(..)"
        ))
    }
}
