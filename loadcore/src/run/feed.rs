//! Handing out rows: where each feeder of a running test stands.

use super::scope::{mix, text_key};
use super::{Core, Vu};
use crate::data::{DataError, FeedError, Feeder, OnEnd, Order, StreamedRows};
use rand::RngExt;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a streamed file that wait for somebody to ask.
const READ_AHEAD: usize = 1_000;

/// Who ends when the data of a feeder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataEnd {
    OfVu,
    OfScenario,
}

type State = Arc<dyn Any + Send + Sync>;

/// The states of all feeders of one test, by their statics' addresses. Each core asks once for each.
#[derive(Default)]
pub(crate) struct Feeds(Mutex<HashMap<usize, State>>);

impl Feeds {
    fn of(&self, feeder: usize, make: impl FnOnce() -> State) -> State {
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(states.entry(feeder).or_insert_with(make))
    }
}

impl fmt::Debug for Feeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feeds").finish_non_exhaustive()
    }
}

/// What this core has asked for.
#[derive(Default)]
struct Known(RefCell<Vec<(usize, State)>>);

/// A feeder's state in this test.
fn state_of<S: Any + Send + Sync>(core: &Core, feeder: usize, make: impl FnOnce() -> S) -> Arc<S> {
    let known = core.extension(|_| Known::default());
    let found =
        known.0.borrow().iter().find(|(known, _)| *known == feeder).map(|(_, state)| Arc::clone(state));
    let state = found.unwrap_or_else(|| {
        let state = core.job.feeds.of(feeder, || Arc::new(make()));
        known.0.borrow_mut().push((feeder, Arc::clone(&state)));
        state
    });
    state.downcast().expect("at one address there is one static, of one type")
}

/// How often a VU has asked each feeder.
#[derive(Default)]
struct Asked(RefCell<Vec<Asks>>);

#[derive(Debug, Clone, Copy)]
struct Asks {
    feeder: usize,
    own_iteration: u64,
    /// In that iteration.
    here: u64,
    total: u64,
}

impl Asked {
    /// How often this VU has asked before: in this iteration, and in all.
    fn count(&self, feeder: usize, own_iteration: u64) -> (u64, u64) {
        let mut asked = self.0.borrow_mut();
        let Some(asks) = asked.iter_mut().find(|asks| asks.feeder == feeder) else {
            asked.push(Asks { feeder, own_iteration, here: 1, total: 1 });
            return (0, 0);
        };
        if asks.own_iteration != own_iteration {
            (asks.own_iteration, asks.here) = (own_iteration, 0);
        }
        let before = (asks.here, asks.total);
        asks.here += 1;
        asks.total += 1;
        before
    }
}

impl<T> Feeder<T> {
    /// The next row; which one that is, and for whom, says the feeder's order.
    ///
    /// # Errors
    /// If there is no row left: see [`OnEnd`].
    ///
    /// # Panics
    /// If the rows are not loaded, for want of `#[data]` on their static.
    pub fn next(&'static self, vu: &Vu) -> Result<&'static T, FeedError> {
        let rows = self.rows.rows();
        let path = self.rows.path();
        assert!(!rows.is_empty(), "`{path}` is not loaded: put #[data] on its static");
        let len = rows.len() as u64;
        if self.order == Order::Random {
            return Ok(&rows[vu.with_rng(|rng| rng.random_range(0..rows.len()))]);
        }
        let (position, end) = self.position(vu);
        if position >= len && self.on_end != OnEnd::Recycle {
            return Err(vu.no_row(path, self.on_end, end));
        }
        let row = position % len;
        let row = if self.order == Order::Shuffle {
            let of_vu = if end == DataEnd::OfVu { vu.id() } else { 0 };
            let parts = [text_key(path), text_key(vu.scenario()), of_vu, position / len];
            let key = parts.into_iter().fold(vu.state.core.job.seed, |key, part| mix(key ^ mix(part)));
            shuffled(row, len, key)
        } else {
            row
        };
        Ok(&rows[row as usize])
    }

    /// How many rows come before this one, and whose rows these are.
    fn position(&'static self, vu: &Vu) -> (u64, DataEnd) {
        let address = std::ptr::from_ref(self).addr();
        if self.order != Order::Unique {
            let numbered = vu.state.scope.is_numbered();
            if numbered || self.order == Order::Shuffle {
                let asked = vu.extension(|_| Asked::default());
                let (here, total) = asked.count(address, vu.own_iteration());
                return if numbered {
                    (vu.iteration() + here, DataEnd::OfScenario)
                } else {
                    (total, DataEnd::OfVu)
                };
            }
        }
        let next = state_of(&vu.state.core, address, || AtomicU64::new(0));
        (next.fetch_add(1, Ordering::Relaxed), DataEnd::OfScenario)
    }
}

impl Vu {
    /// There is no row left; ends the load, if that shall follow.
    fn no_row(&self, path: &str, on_end: OnEnd, end: DataEnd) -> FeedError {
        if on_end == OnEnd::Stop {
            self.set_data_end(end);
            let of_this = |scenario: &&super::ScenarioJob| scenario.name == self.scenario();
            let scenario = self.state.core.job.scenarios.iter().find(of_this);
            if let (Some(scenario), DataEnd::OfScenario) = (scenario, end) {
                scenario.shared.end_for_want_of_data();
            }
        }
        FeedError::ended(path, on_end)
    }
}

/// Where `index` goes when 0..n are shuffled: a permutation that needs no memory. A Feistel network shuffles the next power
/// of four, and what it puts outside of 0..n is put on again until it falls inside (Black and Rogaway 2002).
fn shuffled(index: u64, n: u64, key: u64) -> u64 {
    let bits = u64::BITS - (n - 1).leading_zeros();
    let half = bits.div_ceil(2).max(1);
    let mask = (1 << half) - 1;
    let mut at = index;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..8 {
            (left, right) = (right, left ^ (mix(key ^ mix(right << 8 | round)) & mask));
        }
        at = left << half | right;
        if at < n {
            return at;
        }
    }
}

/// The rows of a file that a thread reads ahead.
type ReadAhead<T> = async_channel::Receiver<Result<T, FeedError>>;

impl<T: DeserializeOwned + Send + 'static> StreamedRows<T> {
    /// The next row of the file, which no other iteration of this test gets. Waits for it if nobody has read it yet, and the
    /// VU's core serves other VUs meanwhile.
    ///
    /// # Errors
    /// If there is no row left: see [`OnEnd`]. Or if it cannot be read; then the error says where it stands.
    ///
    /// # Panics
    /// If the file was not looked for, for want of `#[data]` on the static.
    pub async fn next(&'static self, vu: &Vu) -> Result<T, FeedError> {
        let core = &vu.state.core;
        let rows: Arc<ReadAhead<T>> = state_of(core, std::ptr::from_ref(self).addr(), || self.read_ahead());
        let row = if core.clock.is_real() {
            rows.recv().await
        } else {
            // Virtual time would pass meanwhile.
            rows.recv_blocking()
        };
        row.unwrap_or_else(|_| Err(vu.no_row(self.path, self.on_end, DataEnd::OfScenario)))
    }

    /// Starts the thread that reads. It ends with the file, or with the test: when nobody can ask any more.
    fn read_ahead(&'static self) -> ReadAhead<T> {
        let (sender, rows) = async_channel::bounded(READ_AHEAD);
        let told = sender.clone();
        let work = move || {
            if let Err(error) = self.read(&sender) {
                // Nobody is left to hear it when the test has ended meanwhile.
                let _ = sender.send_blocking(Err(FeedError::unreadable(error)));
            }
        };
        let thread = std::thread::Builder::new().name("loadcore-rows".to_owned()).spawn(work);
        if let Err(error) = thread {
            let problem = format!("data file {}: cannot start the thread that reads it: {error}", self.path);
            // There is room: nothing has been sent.
            let _ = told.try_send(Err(FeedError::unreadable(problem)));
        }
        rows
    }

    fn read(&self, rows: &async_channel::Sender<Result<T, FeedError>>) -> Result<(), DataError> {
        loop {
            let reader = self.open()?;
            let path = reader.path().to_owned();
            let mut is_empty = true;
            for row in reader {
                is_empty = false;
                if rows.send_blocking(row.map_err(FeedError::unreadable)).is_err() {
                    return Ok(());
                }
            }
            if self.on_end != OnEnd::Recycle {
                return Ok(());
            }
            if is_empty {
                return Err(DataError::Empty { path });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_is_a_permutation_of_any_length() {
        for n in (1..70).chain([255, 256, 257, 1_000, 4_096]) {
            let mut rows: Vec<u64> = (0..n).map(|index| shuffled(index, n, 42)).collect();
            assert!(n < 8 || !rows.is_sorted(), "{n} rows are as they were");
            rows.sort_unstable();
            assert_eq!(rows, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_row_is_equally_likely_at_each_place() {
        const KEYS: u64 = 20_000;
        for n in [2, 3, 5, 7] {
            let mut seen = vec![vec![0_u64; n]; n];
            for key in 0..KEYS {
                for index in 0..n {
                    seen[index][shuffled(index as u64, n as u64, mix(key)) as usize] += 1;
                }
            }
            let expected = KEYS as f64 / n as f64;
            let chi2: f64 =
                seen.iter().flatten().map(|&seen| (seen as f64 - expected).powi(2) / expected).sum();
            // The 99.99% quantile of (n-1)^2 degrees of freedom, at most 36, is below 82.
            assert!(chi2 < 82.0, "{n}: {chi2}, {seen:?}");
        }
    }
}
