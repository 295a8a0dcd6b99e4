//! Drives plans in time: cores, VUs, iterations.
//!
//! ```text
//! engine (control thread) ── one per core ──► core ── one per scenario ──► shard ── drivers ──► VUs
//!        ▲                                     │                          closed.rs / open.rs
//!        └──────────── a delta a second ───────┘
//! ```
//!
//! A VU never leaves its core, and nothing on a core is shared with another one but a few atomic numbers per scenario.

mod alarm;
mod call;
mod clock;
mod closed;
mod context;
mod control;
mod core;
mod cores;
pub(crate) mod engine;
mod env;
mod feed;
mod follow;
mod group;
mod hooks;
mod job;
mod lifecycle;
mod line;
mod narrator;
mod open;
mod outcome;
mod panic;
mod random;
mod read_ahead;
mod record;
mod ruling;
mod scenario;
mod scope;
mod shard;
mod slot;
mod state;
mod tally;
mod values;
#[cfg(feature = "test-util")]
pub(crate) mod virtual_time;
mod vu;
mod wires;

pub(crate) use clock::{Clock, Nanos, Turn, nanos};
pub use context::Instance;
pub(crate) use core::Core;
pub(crate) use env::Env;
pub(crate) use feed::Feeds;
pub use group::GroupGuard;
pub(crate) use group::enter;
pub(crate) use hooks::{DEFAULT_TIMEOUT, TestHooks, VuHooks, VuSetup, VuTeardown};
pub use hooks::{HookFuture, HookSlot, Setup, State, Teardown};
pub(crate) use job::{Extensions, Job, ScenarioJob, SharedCounters};
pub use lifecycle::{HookError, Phase};
pub(crate) use narrator::Narrator;
pub use outcome::Outcome;
pub(crate) use panic::catch;
pub use random::{Think, constant, exponential, lognormal, normal, uniform};
pub use record::TimeAmount;
pub(crate) use ruling::Rulings;
pub use ruling::{Ruling, TestAborted};
pub use scenario::{LocalBoxFuture, Scenario, Site};
pub(crate) use scope::{Traffic, arrivals_key};
pub use slot::VuSlot;
pub use values::{HasDefault, Maker, Need, NoDefault, SharedValue, ValueType, value_of};
pub(crate) use values::{NeedKind, ValueShelf};
pub use vu::Vu;
pub(crate) use vu::VuExtension;
