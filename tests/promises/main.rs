//! What loadcore promises its users: one file for each promise.

mod architecture;
mod cli;
mod control;
mod data;
mod design;
mod discovery;
mod embedding;
mod executors;
mod faults;
mod feeders;
mod golden;
mod history;
mod lifecycle;
mod limits;
mod macros;
mod measure;
mod omission;
mod pacing;
mod randomness;
mod reports;
mod support;
mod thresholds;
mod trace;
mod truth;
mod wrong_input;
