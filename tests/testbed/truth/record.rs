//! What the server knows.

use std::cell::{Cell, RefCell};

use serde::{Deserialize, Serialize};

/// Delays kept at most: 80 MB of them.
const MAX_DELAYS: usize = 20_000_000;

/// Trace headers kept at most: about 200 MB of them.
const MAX_TRACES: usize = 2_000_000;

/// Everything that happened since the start or the last reset. One thread owns it, so plain cells do.
pub(super) struct Record {
    pub(super) requests: Cell<u64>,
    pub(super) responses: Cell<u64>,
    pub(super) malformed: Cell<u64>,
    pub(super) bytes_read: Cell<u64>,
    pub(super) bytes_written: Cell<u64>,
    pub(super) connections: Cell<u64>,
    pub(super) open: Cell<u64>,
    truncated: Cell<bool>,
    delays_us: RefCell<Vec<u32>>,
    traces: RefCell<String>,
    traces_len: Cell<usize>,
    seed: u64,
    deck: RefCell<Deck>,
    /// One buffer to read into and one to write from for all connections: 10,000 idle ones need no memory of their
    /// own. Never borrowed across an await.
    pub(super) input: RefCell<Box<[u8]>>,
    pub(super) output: RefCell<Vec<u8>>,
}

/// What `GET /stats` says. Counts are since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Requests read to their last byte.
    pub requests: u64,
    /// Responses written to their last byte.
    pub responses: u64,
    /// Requests refused because they were not HTTP as it should be; not counted in `requests`.
    pub malformed: u64,
    /// Bytes read from sockets.
    pub bytes_read: u64,
    /// Bytes written to sockets, heads included.
    pub bytes_written: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now; a reset leaves them.
    pub open_connections: u64,
    /// Whether so many delays or traces came that some were not kept.
    pub truncated: bool,
    /// The measured delays of `/mix` and `/delay`.
    pub delays_us: Delays,
}

/// Delays in microseconds, from having read a request's last byte to having written its response's last. Percentiles
/// interpolate between the two nearest ranks, as k6 does; all are 0 when there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delays {
    /// How many were measured.
    pub count: usize,
    /// The shortest.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// The 90th percentile.
    pub p90: f64,
    /// The 97th percentile.
    pub p97: f64,
    /// The longest.
    pub max: f64,
    /// Each of them, in the order in which the responses ended; empty unless asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<u32>,
}

impl Record {
    pub(super) fn new(seed: u64) -> Record {
        Record {
            requests: Cell::default(),
            responses: Cell::default(),
            malformed: Cell::default(),
            bytes_read: Cell::default(),
            bytes_written: Cell::default(),
            connections: Cell::default(),
            open: Cell::default(),
            truncated: Cell::default(),
            delays_us: RefCell::default(),
            traces: RefCell::default(),
            traces_len: Cell::default(),
            seed,
            deck: RefCell::new(Deck::new(seed)),
            input: RefCell::new(vec![0; 64 << 10].into_boxed_slice()),
            output: RefCell::default(),
        }
    }

    pub(super) fn reset(&self) {
        for count in [
            &self.requests,
            &self.responses,
            &self.malformed,
            &self.bytes_read,
            &self.bytes_written,
            &self.connections,
        ] {
            count.set(0);
        }
        self.truncated.set(false);
        self.delays_us.take();
        self.traces.take();
        self.traces_len.set(0);
        self.deck.replace(Deck::new(self.seed));
    }

    pub(super) fn stats(&self, with_delays: bool) -> Stats {
        let delays = self.delays_us.borrow();
        Stats {
            requests: self.requests.get(),
            responses: self.responses.get(),
            malformed: self.malformed.get(),
            bytes_read: self.bytes_read.get(),
            bytes_written: self.bytes_written.get(),
            connections: self.connections.get(),
            open_connections: self.open.get(),
            truncated: self.truncated.get(),
            delays_us: Delays::of(&delays, with_delays),
        }
    }

    /// The delay in milliseconds that the next request to `/mix` gets.
    pub(super) fn next_delay(&self) -> u64 {
        self.deck.borrow_mut().draw()
    }

    pub(super) fn measured(&self, delay_us: u32) {
        let mut delays = self.delays_us.borrow_mut();
        if delays.len() < MAX_DELAYS {
            delays.push(delay_us);
        } else {
            self.truncated.set(true);
        }
    }

    pub(super) fn traced(&self, traceparent: &str, iteration: &str) {
        if self.traces_len.get() < MAX_TRACES {
            bump(&self.traces_len, 1);
            let mut traces = self.traces.borrow_mut();
            for part in [traceparent, " ", iteration, "\n"] {
                traces.push_str(part);
            }
        } else {
            self.truncated.set(true);
        }
    }

    /// One line per request to `/trace`: `traceparent x-vu-iteration`, each `-` when it was missing.
    pub(super) fn traces(&self) -> String {
        self.traces.borrow().clone()
    }
}

/// Adds to a count.
pub(super) fn bump<T: Copy + std::ops::Add<Output = T>>(count: &Cell<T>, by: T) {
    count.set(count.get() + by);
}

impl Delays {
    fn of(delays: &[u32], with_all: bool) -> Delays {
        let mut sorted = delays.to_vec();
        sorted.sort_unstable();
        let at = |q: f64| percentile(&sorted, q);
        Delays {
            count: sorted.len(),
            min: at(0.0),
            p50: at(0.5),
            p90: at(0.9),
            p97: at(0.97),
            max: at(1.0),
            all: if with_all { delays.to_vec() } else { Vec::new() },
        }
    }
}

fn percentile(sorted: &[u32], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let rank = last as f64 * q;
    let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    f64::from(low) + (f64::from(high) - f64::from(low)) * rank.fract()
}

/// Deals the delays of `/mix` in seeded order: of each twenty requests exactly sixteen, three and one. Shares drawn
/// by chance would move p(90) and p(97) from run to run when a run is short.
struct Deck {
    random: u64,
    cards: Vec<u64>,
}

impl Deck {
    fn new(seed: u64) -> Deck {
        Deck { random: seed, cards: Vec::with_capacity(20) }
    }

    fn draw(&mut self) -> u64 {
        if self.cards.is_empty() {
            self.cards.extend([5; 16]);
            self.cards.extend([50; 3]);
            self.cards.push(500);
        }
        let pick = self.next_random() % self.cards.len() as u64;
        self.cards.swap_remove(pick as usize)
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_ranks() {
        let delays = Delays::of(&[4, 1, 3, 2], true);
        assert_eq!((delays.min, delays.p50, delays.max, delays.count), (1.0, 2.5, 4.0, 4));
        assert!((delays.p90 - 3.7).abs() < 1e-9);
        assert_eq!(delays.all, [4, 1, 3, 2]);
        assert_eq!(Delays::of(&[], false), Delays::default());
    }

    #[test]
    fn the_mix_is_exact_in_every_twenty_and_repeats_with_its_seed() {
        let draws = |seed| {
            let mut deck = Deck::new(seed);
            (0..200).map(|_| deck.draw()).collect::<Vec<_>>()
        };
        for twenty in draws(1).chunks(20) {
            let count = |ms| twenty.iter().filter(|delay| **delay == ms).count();
            assert_eq!((count(5), count(50), count(500)), (16, 3, 1));
        }
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }
}
