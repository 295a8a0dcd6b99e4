//! What shall happen: executors as pure plans of instants, VU counts and iteration budgets.
//!
//! Nothing here reads a clock, does I/O or draws unseeded randomness: a plan is a value that can be printed, compared
//! and split over the cores of a process. The `run` floor drives it in real (or virtual) time.
//!
//! An executor is one file in [`executor`]: its builder, and its [`Schedule`], which one of two drivers follows.

mod duration;
pub mod executor;
mod number;
mod poisson;
mod rate;
mod reserve;
mod schedule;
mod segment;
mod stage;
mod stripe;

pub use duration::{ParseDurationError, format_duration, hours, millis, mins, parse_duration, secs};
pub use executor::{
    ConstantArrivalRate, ConstantVus, Executor, PerVuIterations, PlanError, RampingArrivalRate, RampingVus,
    SharedIterations, constant_arrival_rate, constant_vus, per_vu_iterations, ramping_arrival_rate,
    ramping_vus, shared_iterations,
};
pub use number::Number;
pub(crate) use number::counted;
pub use rate::{ArrivalRate, per, per_min, per_sec};
pub use schedule::{Arrivals, Budget, ClosedSchedule, OpenSchedule, Schedule, VuStep};
pub use segment::{Segment, SegmentError, Sequence, Share};
pub use stage::{Stage, StageLoad};
pub(crate) use stripe::Stripe;
