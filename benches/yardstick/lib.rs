//! The yardstick: the least that an HTTP/1.1 load generator can do, and so the floor that loadcore's cost is measured
//! against, in the same run, on the same machine.
//!
//! [`run`] keeps N connections busy from one thread and parses and counts every response; no metrics, no trace
//! headers, no pool, no URL. [`run_h2`] is the same over HTTP/2, on bare hyper. [`cpu`] reads what a thread, this process or another has used.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! let outcome = yardstick::run("127.0.0.1:8080".parse().unwrap(), 64, Duration::from_secs(3))?;
//! println!("{:.2} us of CPU per request", outcome.cpu_per_request().as_nanos() as f64 / 1e3);
//! # Ok::<(), std::io::Error>(())
//! ```

mod client;
pub mod cpu;
mod h2;
pub mod nginx;
#[cfg(test)]
mod tests;

pub use crate::client::{Outcome, get, run, run_request};
pub use crate::h2::{H2Outcome, run_h2};
