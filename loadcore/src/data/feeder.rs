//! Feeders: who is handed which row, and what happens when there is none left.

use super::SharedArray;
use super::streamed::StreamedRows;
use crate::error::KindedError;

/// What a feeder, or a [`StreamedRows`], does when it has handed out its last row. Default: [`Fail`](OnEnd::Fail).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEnd {
    /// Ends the load with the rows: the iteration that asked in vain ends at its `?` without having failed (it counts as
    /// interrupted), and no further one of its scenario begins; those that run go on for their graceful stop. Where each
    /// VU has rows in an order of its own, this VU ends.
    Stop,
    /// Starts over with the first row.
    Recycle,
    /// Fails the iteration at its `?`, and each further one that asks: they are listed with the kind `data`.
    Fail,
}

/// In which order rows are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Sequential,
    Circular,
    Random,
    Shuffle,
    Unique,
}

impl Order {
    const fn ends(self) -> bool {
        matches!(self, Self::Sequential | Self::Shuffle | Self::Unique)
    }
}

/// Hands out the rows of a [`SharedArray`], one for each call of [`next`](Feeder::next).
///
/// It is a static beside that of its rows, and is at its beginning in each running test, however many run in one process.
/// [`sequential`](SharedArray::sequential), [`circular`](SharedArray::circular), [`random`](SharedArray::random),
/// [`shuffle`](SharedArray::shuffle) and [`unique`](SharedArray::unique) make one. Two feeders over the same rows know
/// nothing of each other; several scenarios may ask one.
///
/// ```
/// # use loadcore::prelude::*;
/// # #[derive(serde::Deserialize)]
/// # struct User { email: String }
/// #[data]
/// static USERS: SharedArray<User> = SharedArray::json("data/users.json");
/// static SIGN_UPS: Feeder<User> = USERS.unique().on_end(OnEnd::Stop);
///
/// #[scenario(executor = constant_arrival_rate(per_sec(50), 10m))]
/// async fn sign_up(vu: &Vu) -> Result {
///     let user = SIGN_UPS.next(vu)?;
///     vu.post("/users").body(user.email.as_str()).send().await?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Feeder<T: 'static> {
    pub(crate) rows: &'static SharedArray<T>,
    pub(crate) order: Order,
    pub(crate) on_end: OnEnd,
}

impl<T> Feeder<T> {
    /// What happens after the last row. Default: [`OnEnd::Fail`].
    ///
    /// # Panics
    /// If the feeder has no last row, as a circular or random one; in a static this is an error of the compiler.
    #[must_use]
    pub const fn on_end(self, on_end: OnEnd) -> Self {
        assert!(
            self.order.ends(),
            "a circular or random feeder has no end: take sequential(), shuffle() or unique()"
        );
        Self { on_end, ..self }
    }
}

/// How rows are handed out, each of these as a [`Feeder`]. A position is that of one running test.
///
/// Where iterations have test-wide numbers without gaps (arrival rates, `shared_iterations`) all of them but
/// [`unique`](SharedArray::unique) go by the iteration's number, so that with one seed the same iteration gets the same
/// row on however many cores; a further call in one iteration gets the row after it. What the setup of a VU asks for does
/// not shift that: it is handed out as in VU-bound executors.
impl<T> SharedArray<T> {
    /// The rows in the file's order: an iteration gets the row of its number. In VU-bound executors (`constant_vus`,
    /// `ramping_vus`, `per_vu_iterations`) whoever asks next gets the next row. After the last one:
    /// [`on_end`](Feeder::on_end).
    pub const fn sequential(&'static self) -> Feeder<T> {
        self.feeder(Order::Sequential, OnEnd::Fail)
    }

    /// As [`sequential`](SharedArray::sequential), and the first row again after the last: it has no end.
    pub const fn circular(&'static self) -> Feeder<T> {
        self.feeder(Order::Circular, OnEnd::Recycle)
    }

    /// Any row each time, all equally likely, from the seed's random numbers. It has no end.
    pub const fn random(&'static self) -> Feeder<T> {
        self.feeder(Order::Random, OnEnd::Recycle)
    }

    /// All rows in an order that comes from the seed, each once before any of them comes again; recycled, in another
    /// order. In VU-bound executors each VU has an order of its own, and an end of its own. It takes no memory.
    pub const fn shuffle(&'static self) -> Feeder<T> {
        self.feeder(Order::Shuffle, OnEnd::Fail)
    }

    /// Each row once in the whole test, to whoever asks next: no two iterations get the same one, whatever their scenario
    /// and however often they ask. Who gets which is no matter of the seed. With [`OnEnd::Recycle`] all are handed out once
    /// before the first one comes again.
    pub const fn unique(&'static self) -> Feeder<T> {
        self.feeder(Order::Unique, OnEnd::Fail)
    }

    const fn feeder(&'static self, order: Order, on_end: OnEnd) -> Feeder<T> {
        Feeder { rows: self, order, on_end }
    }
}

/// No row: the last one has been handed out, or the next one in the file cannot be read. `?` ends the iteration.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct FeedError {
    problem: String,
    is_end: bool,
    #[source]
    kind: KindedError,
}

impl FeedError {
    pub(crate) fn ended(path: &str, on_end: OnEnd) -> Self {
        let then = match on_end {
            OnEnd::Stop => "and the load ends with it (OnEnd::Stop)",
            _ => "add rows, or say what shall follow: on_end(OnEnd::Stop) or on_end(OnEnd::Recycle)",
        };
        let problem = format!("data file {path}: the last row has been handed out; {then}");
        Self { problem, is_end: true, kind: KindedError { kind: "data" } }
    }

    pub(crate) fn unreadable(problem: impl std::fmt::Display) -> Self {
        Self { problem: problem.to_string(), is_end: false, kind: KindedError { kind: "data" } }
    }

    /// Whether there is no row left; otherwise one of a [`StreamedRows`] could not be read, and the next call may get
    /// the one after it.
    pub fn is_end(&self) -> bool {
        self.is_end
    }
}

impl<T> StreamedRows<T> {
    /// What happens after the last row. Default: [`OnEnd::Fail`].
    #[must_use]
    pub const fn on_end(mut self, on_end: OnEnd) -> Self {
        self.on_end = on_end;
        self
    }
}
