//! What the macros write. Not public API: it changes without notice.

pub use crate::load_test::{
    RegisteredData as DataEntry, RegisteredMetric as MetricEntry, RegisteredScenario as ScenarioEntry,
    SetupEntry, TeardownEntry, VuSetupEntry, VuTeardownEntry,
};
pub use crate::protocol::http::Path;
pub use crate::run::{
    GroupGuard, HasDefault, HookFuture, HookSlot, LocalBoxFuture, Maker, Need, NoDefault, SharedValue, Site,
    State, ValueType, VuSlot, value_of,
};
pub use inventory;
pub use loadcore_macros::{check, path};

use crate::metric::Group;
use crate::{Scenario, Vu};
use std::fmt::Display;
use std::time::Duration;

pub const fn scenario(
    site: Site,
    needs: fn() -> Vec<Need>,
    drive: fn(VuSlot) -> LocalBoxFuture,
    options: fn(Scenario) -> Scenario,
) -> Scenario {
    Scenario::declared(site, needs, drive, options)
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

/// Stands for a value where only types matter; never called.
pub fn never<T>() -> T {
    unreachable!("only the type of this expression is used")
}

// Where these two stand in the wrong place, the compiler's message ends with "this error originates in the macro ..": their
// names say what to do.

/// The constant beside a group. An `impl` of a trait has no place for it.
#[doc(hidden)]
#[macro_export]
macro_rules! __group_constant {
    ($(#[$attr:meta])* $vis:vis $name:ident = $group:expr) => {
        $(#[$attr])*
        $vis const $name: $crate::Group = $group;
    };
}
pub use __group_constant as in_an_impl_of_a_trait_write_constant_false;

/// Registers a function. In an `impl` nothing can be.
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($entry:expr) => {
        const _: () = {
            $crate::__private::inventory::submit! { $entry }
        };
    };
}
pub use __register as move_this_function_out_of_the_impl;
