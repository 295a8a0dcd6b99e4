//! What the macros write. Not public API: it changes without notice.

pub use crate::load_test::{
    RegisteredData as DataEntry, RegisteredMetric as MetricEntry, RegisteredScenario as ScenarioEntry,
};
pub use crate::protocol::http::Path;
pub use crate::run::{GroupGuard, LocalBoxFuture, Site, VuSlot};
pub use inventory;

use crate::metric::Group;
use crate::{Scenario, Vu};
use std::fmt::Display;
use std::time::Duration;

pub const fn scenario(
    site: Site,
    drive: fn(VuSlot) -> LocalBoxFuture,
    options: fn(Scenario) -> Scenario,
) -> Scenario {
    Scenario::declared(site, drive, options)
}

pub const fn group(name: &'static str, _site: Site) -> Group {
    Group::declared(name)
}

pub fn enter(vu: &Vu, group: Group) -> GroupGuard {
    crate::run::enter(vu, group)
}

pub const fn duration(secs: u64, nanos: u32) -> Duration {
    Duration::new(secs, nanos)
}

pub fn path(template: &'static str, path: String) -> Path {
    Path::new(template, path)
}

pub fn push_encoded(out: &mut String, value: &dyn Display) {
    crate::protocol::http::push_encoded(out, value);
}
