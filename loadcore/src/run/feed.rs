//! Handing out rows: where each feeder of a running test stands.

use super::scope::{mix, text_key};
use super::{Core, Vu};
use crate::data::{FeedError, Feeder, OnEnd, Order};
use rand::RngExt;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
pub(super) fn state_of<S: Any + Send + Sync>(core: &Core, feeder: usize, make: impl FnOnce() -> S) -> Arc<S> {
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
    /// For a row by the iteration's number; what a VU's setup takes besides is counted apart.
    numbered: bool,
    own_iteration: u64,
    /// In that iteration.
    here: u64,
    total: u64,
}

impl super::VuExtension for Asked {}

impl Asked {
    /// How often this VU has asked before: in this iteration, and in all.
    fn count(&self, feeder: usize, numbered: bool, own_iteration: u64) -> (u64, u64) {
        let mut asked = self.0.borrow_mut();
        let is_this = |asks: &&mut Asks| asks.feeder == feeder && asks.numbered == numbered;
        let Some(asks) = asked.iter_mut().find(is_this) else {
            asked.push(Asks { feeder, numbered, own_iteration, here: 1, total: 1 });
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

/// Where a feeder stands, for whoever has just asked.
#[derive(Debug, Clone, Copy)]
struct Position {
    /// How many rows come before this one.
    nth: u64,
    /// The VU whose own order they come in; 0 if they come in one for all.
    of_vu: u64,
    end: DataEnd,
}

impl<T> Feeder<T> {
    /// The next row; which one that is, and for whom, says the feeder's order. Each call takes a row, so an iteration that
    /// asks twice has two.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # static CARDS: SharedArray<String> = SharedArray::json("data/cards.json");
    /// static NEXT_CARD: Feeder<String> = CARDS.unique();
    ///
    /// async fn pay(vu: &Vu) -> Result {
    ///     let card = NEXT_CARD.next(vu)?;
    ///     vu.post("/v1/payments").body(card.as_str()).send().await?;
    ///     Ok(())
    /// }
    /// ```
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
        let Position { nth, of_vu, end } = self.position(vu);
        if nth >= len && self.on_end != OnEnd::Recycle {
            return Err(vu.no_row(path, self.on_end, end));
        }
        let row = nth % len;
        let row = if self.order == Order::Shuffle {
            let parts = [text_key(path), text_key(vu.scenario()), of_vu, nth / len];
            let key = parts.into_iter().fold(vu.state.core.job.seed, |key, part| mix(key ^ mix(part)));
            shuffled(row, len, key)
        } else {
            row
        };
        Ok(&rows[row as usize])
    }

    fn position(&'static self, vu: &Vu) -> Position {
        let address = std::ptr::from_ref(self).addr();
        let in_numbered = vu.state.scope.is_numbered();
        // Which iteration a VU's setup runs in is chance, and must not shift that iteration's rows.
        let numbered = in_numbered && !vu.draws_apart();
        let asked = || vu.extension(|_| Asked::default()).count(address, numbered, vu.own_iteration());
        match self.order {
            Order::Sequential | Order::Circular | Order::Shuffle if numbered => {
                let (here, _) = asked();
                Position { nth: vu.iteration() + here, of_vu: 0, end: DataEnd::OfScenario }
            }
            Order::Shuffle => {
                let (_, total) = asked();
                let end = if in_numbered { DataEnd::OfScenario } else { DataEnd::OfVu };
                Position { nth: total, of_vu: vu.id(), end }
            }
            _ => {
                let next = state_of(&vu.state.core, address, || AtomicU64::new(0));
                let nth = next.fetch_add(1, Ordering::Relaxed);
                Position { nth, of_vu: 0, end: DataEnd::OfScenario }
            }
        }
    }
}

impl Vu {
    /// There is no row left; ends the load, if that shall follow.
    pub(super) fn no_row(&self, path: &str, on_end: OnEnd, end: DataEnd) -> FeedError {
        if on_end == OnEnd::Stop {
            self.set_data_end(end);
            if let (Some(scenario), DataEnd::OfScenario) = (self.scenario_job(), end) {
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
