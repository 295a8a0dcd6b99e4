//! The metrics that the engine itself records, under k6's names where k6 has one.

use super::{Counter, Gauge, Metric, MetricDesc, Rate, Time, Trend};

/// Active VUs, sampled each second.
pub const VUS: Gauge = Gauge::new("vus").builtin();
/// The most VUs the plan may use.
pub const VUS_MAX: Gauge = Gauge::new("vus_max").builtin();
/// Iterations that ended, well or badly; interrupted ones are not among them.
pub const ITERATIONS: Counter = Counter::new("iterations").builtin();
/// How long an iteration took, from its actual start.
pub const ITERATION_DURATION: Trend<Time> = Trend::new("iteration_duration").builtin();
/// The share of iterations that failed: returned `Err` or panicked. k6 has no such metric.
pub const ITERATION_FAILED: Rate = Rate::new("iteration_failed").builtin();
/// How late an arrival-rate executor started an iteration, after the instant it was due. k6 has no such metric.
pub const ITERATION_LATENESS: Trend<Time> = Trend::new("iteration_lateness").builtin();
/// How long an iteration of an arrival-rate executor took, from the instant it was due: what a user waiting in line would
/// have seen. k6 has no such metric.
pub const ITERATION_RESPONSE_TIME: Trend<Time> = Trend::new("iteration_response_time").builtin();
/// Iterations that the plan asked for and that never started, for want of a VU or of time.
pub const DROPPED_ITERATIONS: Counter = Counter::new("dropped_iterations").builtin();
/// Iterations cut by a hard stop. They give no `iterations` and no `iteration_duration` sample.
pub const INTERRUPTED_ITERATIONS: Counter = Counter::new("interrupted_iterations").builtin();
/// The share of checks that held.
pub const CHECKS: Rate = Rate::new("checks").builtin();
/// How long a group took.
pub const GROUP_DURATION: Trend<Time> = Trend::new("group_duration").builtin();
/// Bytes written to sockets, heads and TLS included.
pub const DATA_SENT: Counter = Counter::new("data_sent").builtin().bytes();
/// Bytes read from sockets, heads and TLS included.
pub const DATA_RECEIVED: Counter = Counter::new("data_received").builtin().bytes();

/// Every metric of this floor.
pub(crate) fn all() -> Vec<MetricDesc> {
    vec![
        VUS.desc(),
        VUS_MAX.desc(),
        ITERATIONS.desc(),
        ITERATION_DURATION.desc(),
        ITERATION_FAILED.desc(),
        ITERATION_LATENESS.desc(),
        ITERATION_RESPONSE_TIME.desc(),
        DROPPED_ITERATIONS.desc(),
        INTERRUPTED_ITERATIONS.desc(),
        CHECKS.desc(),
        GROUP_DURATION.desc(),
        DATA_SENT.desc(),
        DATA_RECEIVED.desc(),
    ]
}
