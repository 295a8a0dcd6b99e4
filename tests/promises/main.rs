//! What loadcore promises its users: one file for each promise.

mod architecture;
mod cli;
mod data;
mod design;
mod discovery;
mod embedding;
mod executors;
mod faults;
mod history;
mod lifecycle;
mod macros;
mod measure;
mod reports;
mod support;
mod thresholds;
mod trace;
mod truth;
mod wrong_input;
