//! Which setups and teardowns a test runs: those that its scenarios need, found by type before the start.

use super::{place, registered};
use crate::run::{
    DEFAULT_TIMEOUT, Need, NeedKind, Scenario, Setup, Teardown, TestHooks, ValueType, VuHooks, VuSetup,
};
use std::time::Duration;

/// What a test was told about setups and teardowns.
#[derive(Debug, Default)]
pub(super) struct HookOptions {
    pub(super) setups: Vec<Setup>,
    pub(super) teardowns: Vec<Teardown>,
    /// Also run those that nobody needs by type: setups that return `()`, teardowns that take nothing.
    pub(super) discovered: bool,
    pub(super) setup_timeout: Option<Duration>,
    pub(super) teardown_timeout: Option<Duration>,
}

/// A parameter that nobody can fill, or that two could.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HooksError {
    /// Nobody makes the value of a `&T`.
    #[error(
        "{place}: no setup returns the `{of}` that this parameter takes; write `#[setup] async fn ..(vu: &Vu) -> \
         Result<{of}>`, or add one with LoadTest::setup"
    )]
    NoSetup {
        /// The type.
        of: String,
        /// `file:line:column` of the parameter.
        place: String,
    },
    /// Nobody makes the value of a `&mut T`.
    #[error(
        "{place}: nobody can make the `{of}` that this parameter takes for each VU; write `impl Default for {of}`, or \
         `#[vu_setup] async fn ..(vu: &Vu) -> Result<{of}>`"
    )]
    NoState {
        /// The type.
        of: String,
        /// `file:line:column` of the parameter.
        place: String,
    },
    /// A VU's teardown, added in code, is for another state than the scenario's.
    #[error("{place}: this teardown takes a `{of}`, but its scenario has {made}: see Scenario::with_state")]
    OtherState {
        /// The type that it takes.
        of: String,
        /// Where it is added.
        place: String,
        /// What the scenario has.
        made: String,
    },
    /// It is not clear which one is meant.
    #[error(
        "two functions with `#[{attribute}]` are about `{of}`: {first} and {second}; keep one of them, or wrap one's value \
         in a type of its own"
    )]
    Two {
        /// `setup`, `vu_setup` or `vu_teardown`.
        attribute: &'static str,
        /// The type.
        of: String,
        /// Where the one is.
        first: String,
        /// Where the other is.
        second: String,
    },
}

/// The only one, if there is one.
fn only<T>(
    attribute: &'static str,
    of: ValueType,
    mut found: Vec<T>,
    site: impl Fn(&T) -> String,
) -> Result<Option<T>, HooksError> {
    if let [first, second, ..] = found.as_slice() {
        let (first, second) = (site(first), site(second));
        return Err(HooksError::Two { attribute, of: of.to_string(), first, second });
    }
    Ok(found.pop())
}

/// What is done around the journeys of one scenario's VUs.
pub(super) fn of_vus(scenario: &Scenario) -> Result<VuHooks, HooksError> {
    let state = (scenario.needs)().into_iter().find(|need| need.kind != NeedKind::Shared);
    let Some(Need { of, kind, place: parameter }) = state else {
        // A scenario made in code brings its own.
        return own_hooks(scenario);
    };
    let setup = only("vu_setup", of, registered::vu_setups(of), |setup: &VuSetup| place(setup.site))?;
    let teardown = only("vu_teardown", of, registered::vu_teardowns(of), |it| it.site.to_string())?;
    if setup.is_none() && kind == (NeedKind::State { has_default: false }) {
        return Err(HooksError::NoState { of: of.to_string(), place: parameter.into_owned() });
    }
    Ok(VuHooks { setup, teardown })
}

/// What a scenario made in code does around its journeys.
fn own_hooks(scenario: &Scenario) -> Result<VuHooks, HooksError> {
    let VuHooks { setup, teardown } = &scenario.hooks;
    let made = setup.as_ref().map(|setup| setup.provides);
    match teardown {
        Some(teardown) if made != Some(teardown.takes) => Err(HooksError::OtherState {
            of: teardown.takes.to_string(),
            place: teardown.site.to_string(),
            made: made.map_or_else(|| "no state".to_owned(), |made| format!("a `{made}`")),
        }),
        _ => Ok(scenario.hooks.clone()),
    }
}

/// Everything that a scenario takes as `&T`, its VUs' setup and teardown included.
fn shared_needs<'a>(scenario: &'a Scenario, hooks: &'a VuHooks) -> impl Iterator<Item = Need> + use<'a> {
    let own = (scenario.needs)()
        .into_iter()
        .chain(scenario.takes.clone())
        .filter(|need| need.kind == NeedKind::Shared);
    let setup = hooks.setup.iter().flat_map(|setup| setup.needs.clone());
    let teardown = hooks.teardown.iter().flat_map(|teardown| teardown.needs.clone());
    own.chain(setup).chain(teardown)
}

fn no_setup(need: &Need) -> HooksError {
    HooksError::NoSetup { of: need.of.to_string(), place: need.place.to_string() }
}

impl HookOptions {
    /// What is done around the whole test.
    pub(super) fn of_test<'a>(
        self,
        scenarios: impl Iterator<Item = (&'a Scenario, &'a VuHooks)>,
    ) -> Result<TestHooks, HooksError> {
        let mut setups = self.setups;
        for (nth, setup) in setups.iter().enumerate() {
            let of = setup.provides;
            let twins = setups[nth..].iter().filter(|it| it.provides == of && !of.is_unit()).collect();
            only("setup", of, twins, |it| format!("`{}` ({})", it.name, it.site))?;
        }
        let known = registered::setups();
        if self.discovered {
            setups.extend(known.iter().filter(|setup| setup.provides.is_unit()).cloned());
        }
        for need in scenarios.flat_map(|(scenario, hooks)| shared_needs(scenario, hooks)) {
            if setups.iter().any(|setup| setup.provides == need.of) {
                continue;
            }
            let found = known.iter().filter(|setup| setup.provides == need.of).collect();
            let found = only("setup", need.of, found, |setup: &&Setup| setup.site.to_string())?;
            setups.push(found.ok_or_else(|| no_setup(&need))?.clone());
        }
        let has = |need: &Need| setups.iter().any(|setup| setup.provides == need.of);
        let declared = registered::teardowns();
        if self.discovered {
            // One that waits for a value which nobody ever makes would never run, and never tell.
            let is_known = |need: &&Need| has(need) || known.iter().any(|setup| setup.provides == need.of);
            if let Some(need) = declared.iter().flat_map(|it| &it.needs).find(|need| !is_known(need)) {
                return Err(no_setup(need));
            }
        }
        let is_wanted = |teardown: &Teardown| match teardown.needs.as_slice() {
            [] => self.discovered,
            needs => needs.iter().all(has),
        };
        let mut teardowns = self.teardowns;
        teardowns.extend(declared.into_iter().filter(is_wanted));
        Ok(TestHooks {
            setups,
            teardowns,
            setup_timeout: self.setup_timeout.unwrap_or(DEFAULT_TIMEOUT),
            teardown_timeout: self.teardown_timeout.unwrap_or(DEFAULT_TIMEOUT),
        })
    }
}
