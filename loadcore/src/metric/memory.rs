//! The cap on what series may cost, shared by all cores of a process and by the aggregate.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts the bytes that series take, and refuses new ones beyond the cap.
#[derive(Debug)]
pub(crate) struct SeriesMemory {
    cap: usize,
    used: AtomicUsize,
    refused: AtomicU64,
}

impl SeriesMemory {
    pub(crate) const DEFAULT_CAP: usize = 256 << 20;

    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, used: AtomicUsize::new(0), refused: AtomicU64::new(0) }
    }

    /// Takes `bytes` for something new; false if the cap is reached.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.cap);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if !taken {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Books what an existing series has grown by; never refused, since its samples must not be lost.
    pub(crate) fn grew(&self, bytes: usize) {
        if bytes > 0 {
            self.used.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Whether anything was refused.
    pub(crate) fn is_full(&self) -> bool {
        self.refused.load(Ordering::Relaxed) > 0
    }
}
