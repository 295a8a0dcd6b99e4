//! What attributes register, so that a test finds it.

use crate::data::Data;
use crate::metric::Metric;
use crate::run::{
    HookFuture, HookSlot, Need, Scenario, Setup, SharedValue, Site, State, Teardown, ValueType, VuSetup,
    VuTeardown,
};
use std::borrow::Cow;
use std::sync::Arc;

/// What `#[scenario]` registers.
#[doc(hidden)]
#[derive(Debug)]
pub struct RegisteredScenario(pub fn() -> Scenario);

/// What `#[metric]` registers.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "it holds a trait object, and no user ever sees it")]
pub struct RegisteredMetric {
    pub metric: &'static (dyn Metric + Sync),
    pub site: Site,
}

/// What `#[data]` registers.
#[doc(hidden)]
#[allow(missing_debug_implementations, reason = "it holds a trait object, and no user ever sees it")]
pub struct RegisteredData {
    pub data: &'static (dyn Data + Sync),
    pub site: Site,
    pub manifest_dir: &'static str,
}

/// What `#[setup]` registers.
#[doc(hidden)]
#[derive(Debug)]
pub struct SetupEntry {
    pub site: Site,
    pub provides: fn() -> ValueType,
    pub run: fn(HookSlot) -> HookFuture<SharedValue>,
}

/// What `#[teardown]` registers.
#[doc(hidden)]
#[derive(Debug)]
pub struct TeardownEntry {
    pub site: Site,
    pub needs: fn() -> Vec<Need>,
    pub run: fn(HookSlot) -> HookFuture<()>,
}

/// What `#[vu_setup]` registers.
#[doc(hidden)]
#[derive(Debug)]
pub struct VuSetupEntry {
    pub site: Site,
    pub needs: fn() -> Vec<Need>,
    pub provides: fn() -> ValueType,
    pub run: fn(HookSlot) -> HookFuture<State>,
}

/// What `#[vu_teardown]` registers.
#[doc(hidden)]
#[derive(Debug)]
pub struct VuTeardownEntry {
    pub site: Site,
    pub needs: fn() -> Vec<Need>,
    pub takes: fn() -> ValueType,
    pub run: fn(HookSlot, State) -> HookFuture<()>,
}

inventory::collect!(RegisteredScenario);
inventory::collect!(RegisteredMetric);
inventory::collect!(RegisteredData);
inventory::collect!(SetupEntry);
inventory::collect!(TeardownEntry);
inventory::collect!(VuSetupEntry);
inventory::collect!(VuTeardownEntry);

/// The linker's order varies between builds, so everything is sorted by module and name.
fn sorted<T>(mut found: Vec<T>, site: impl Fn(&T) -> Option<Site>) -> Vec<T> {
    found.sort_by_key(|entry| site(entry).map(|site| (site.module, site.name, site.line)));
    found
}

pub(super) fn scenarios() -> Vec<Scenario> {
    let found = inventory::iter::<RegisteredScenario>().map(|entry| (entry.0)()).collect();
    sorted(found, |scenario: &Scenario| scenario.site)
}

pub(super) fn setups() -> Vec<Setup> {
    let setup = |entry: &SetupEntry| Setup {
        name: Cow::Borrowed(entry.site.name),
        site: entry.site,
        provides: (entry.provides)(),
        run: Arc::new(entry.run),
    };
    sorted(inventory::iter::<SetupEntry>().map(setup).collect(), |setup| Some(setup.site))
}

pub(super) fn teardowns() -> Vec<Teardown> {
    let teardown = |entry: &TeardownEntry| Teardown {
        name: Cow::Borrowed(entry.site.name),
        site: entry.site,
        needs: (entry.needs)(),
        run: Arc::new(entry.run),
    };
    sorted(inventory::iter::<TeardownEntry>().map(teardown).collect(), |teardown| Some(teardown.site))
}

/// Those that make this type.
pub(super) fn vu_setups(of: ValueType) -> Vec<VuSetup> {
    let setup = |entry: &VuSetupEntry| VuSetup {
        site: Some(entry.site),
        needs: (entry.needs)(),
        provides: (entry.provides)(),
        run: Arc::new(entry.run),
    };
    let found = inventory::iter::<VuSetupEntry>().map(setup).filter(|setup| setup.provides == of);
    sorted(found.collect(), |setup| setup.site)
}

/// Those that take this type.
pub(super) fn vu_teardowns(of: ValueType) -> Vec<VuTeardown> {
    let teardown = |entry: &VuTeardownEntry| VuTeardown {
        site: entry.site,
        needs: (entry.needs)(),
        takes: (entry.takes)(),
        run: Arc::new(entry.run),
    };
    let found = inventory::iter::<VuTeardownEntry>().map(teardown).filter(|teardown| teardown.takes == of);
    sorted(found.collect(), |teardown| Some(teardown.site))
}
