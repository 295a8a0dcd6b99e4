//! Drives plans in time: cores, VUs, iterations.
//!
//! ```text
//! engine (control thread) ── one per core ──► core ── one per scenario ──► shard ── drivers ──► VUs
//!        ▲                                     │                          closed.rs / open.rs
//!        └──────────── a delta a second ───────┘
//! ```
//!
//! A VU never leaves its core, and nothing on a core is shared with another one but a few atomic numbers per scenario.

mod clock;
mod closed;
mod core;
pub(crate) mod engine;
mod group;
mod job;
mod open;
mod outcome;
mod panic;
mod record;
mod scenario;
mod shard;
mod slot;
#[cfg(feature = "test-util")]
pub(crate) mod virtual_time;
mod vu;

pub(crate) use clock::nanos;
pub(crate) use core::Core;
pub use group::GroupGuard;
pub(crate) use group::enter;
pub(crate) use job::{Extensions, Job, ScenarioJob, SharedCounters};
pub use outcome::Outcome;
pub use record::TimeAmount;
pub use scenario::{LocalBoxFuture, Scenario, Site};
pub(crate) use shard::Traffic;
pub use slot::VuSlot;
pub use vu::Vu;
