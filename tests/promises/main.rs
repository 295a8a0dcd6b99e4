//! What loadcore promises its users: one file for each promise.

mod architecture;
mod cli;
mod design;
mod executors;
mod faults;
mod history;
mod macros;
mod reports;
mod support;
mod trace;
mod truth;
