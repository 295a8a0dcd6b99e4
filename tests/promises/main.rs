//! What loadcore promises its users: one file for each promise.

mod architecture;
mod cli;
mod data;
mod design;
mod executors;
mod faults;
mod history;
mod macros;
mod measure;
mod reports;
mod support;
mod trace;
mod truth;
