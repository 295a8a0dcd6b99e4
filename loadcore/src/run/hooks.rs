//! Setup and teardown: functions that run once per test, or once per VU, around the journeys.

use super::Vu;
use super::outcome::{Failure, Outcome};
use super::scenario::Site;
use super::values::{HookValue, Need, SharedValue, ValueType};
use crate::error::Result;
use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a setup or teardown may take, when nothing else is said (as in k6).
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// The state of one VU, of a type that only its scenario knows.
pub type State = Box<dyn Any>;

/// What a hook's function becomes.
pub type HookFuture<T> = Pin<Box<dyn Future<Output = Result<T, Failure>>>>;

type Run<T> = Arc<dyn Fn(HookSlot) -> HookFuture<T> + Send + Sync>;

/// A hook's place in the test: the engine's half of the call.
#[doc(hidden)]
#[derive(Debug)]
pub struct HookSlot {
    vu: Vu,
}

impl HookSlot {
    pub(crate) fn new(vu: Vu) -> Self {
        Self { vu }
    }

    pub fn shared<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.vu.shared()
    }

    pub async fn shared_value<F, R>(self, hook: F) -> Result<SharedValue, Failure>
    where
        F: AsyncFnOnce(&Vu) -> R,
        R: HookValue<Value: Send + Sync + 'static>,
    {
        hook(&self.vu).await.value().map(|value| Arc::new(value) as SharedValue)
    }

    pub async fn state<F, R>(self, hook: F) -> Result<State, Failure>
    where
        F: AsyncFnOnce(&Vu) -> R,
        R: HookValue<Value: 'static>,
    {
        hook(&self.vu).await.value().map(|value| Box::new(value) as State)
    }

    pub async fn unit<F, R>(self, hook: F) -> Result<(), Failure>
    where
        F: AsyncFnOnce(&Vu) -> R,
        R: Outcome,
    {
        hook(&self.vu).await.failure().map_or(Ok(()), Err)
    }

    pub async fn end_state<S, F, R>(self, state: State, hook: F) -> Result<(), Failure>
    where
        S: 'static,
        F: AsyncFnOnce(&Vu, &mut S) -> R,
        R: Outcome,
    {
        // It is given the state of the type that it has said to take.
        let Ok(mut state) = state.downcast::<S>() else { return Ok(()) };
        hook(&self.vu, &mut state).await.failure().map_or(Ok(()), Err)
    }
}

/// A function that runs once, before the load, and makes a value for all VUs.
///
/// `#[setup]` registers one; [`Setup::new`] takes a closure.
#[derive(Clone)]
pub struct Setup {
    pub(crate) name: Cow<'static, str>,
    pub(crate) site: Site,
    pub(crate) provides: ValueType,
    pub(crate) run: Run<SharedValue>,
}

impl Setup {
    /// A setup from a closure, written `async |vu: &Vu| Ok(..)`. Scenarios take its value as `&T`, or ask for it with
    /// [`Vu::setup_value`]. The name is for messages.
    #[track_caller]
    pub fn new<F, T>(name: impl Into<Cow<'static, str>>, setup: F) -> Self
    where
        F: AsyncFn(&Vu) -> Result<T> + Send + Sync + 'static,
        T: Send + Sync + 'static,
    {
        let setup = Arc::new(setup);
        let run = move |slot: HookSlot| {
            let setup = Arc::clone(&setup);
            Box::pin(slot.shared_value(async move |vu: &Vu| setup(vu).await)) as HookFuture<SharedValue>
        };
        Self { name: name.into(), site: Site::caller(), provides: ValueType::of::<T>(), run: Arc::new(run) }
    }
}

/// A function that runs once, after the load, also when the test was stopped.
///
/// `#[teardown]` registers one; [`Teardown::new`] takes a closure.
#[derive(Clone)]
pub struct Teardown {
    pub(crate) name: Cow<'static, str>,
    pub(crate) site: Site,
    pub(crate) needs: Vec<Need>,
    pub(crate) run: Run<()>,
}

impl Teardown {
    /// A teardown from a closure, written `async |vu: &Vu| { ..; Ok(()) }`. What setups returned it gets from
    /// [`Vu::setup_value`]. The name is for messages.
    #[track_caller]
    pub fn new<F>(name: impl Into<Cow<'static, str>>, teardown: F) -> Self
    where
        F: AsyncFn(&Vu) -> Result + Send + Sync + 'static,
    {
        let teardown = Arc::new(teardown);
        let run = move |slot: HookSlot| {
            let teardown = Arc::clone(&teardown);
            Box::pin(slot.unit(async move |vu: &Vu| teardown(vu).await)) as HookFuture<()>
        };
        Self { name: name.into(), site: Site::caller(), needs: Vec::new(), run: Arc::new(run) }
    }
}

/// Makes the state of a VU.
#[derive(Clone)]
pub(crate) struct VuSetup {
    pub(crate) site: Option<Site>,
    pub(crate) needs: Vec<Need>,
    pub(crate) provides: ValueType,
    pub(crate) run: Run<State>,
}

/// Ends the state of a VU.
#[derive(Clone)]
pub(crate) struct VuTeardown {
    pub(crate) site: Site,
    pub(crate) needs: Vec<Need>,
    pub(crate) takes: ValueType,
    pub(crate) run: Arc<dyn Fn(HookSlot, State) -> HookFuture<()> + Send + Sync>,
}

/// What is done around the journeys of one scenario's VUs.
#[derive(Debug, Clone, Default)]
pub(crate) struct VuHooks {
    pub(crate) setup: Option<VuSetup>,
    pub(crate) teardown: Option<VuTeardown>,
}

/// What is done around the whole test.
#[derive(Debug, Default)]
pub(crate) struct TestHooks {
    pub(crate) setups: Vec<Setup>,
    pub(crate) teardowns: Vec<Teardown>,
    pub(crate) setup_timeout: Duration,
    pub(crate) teardown_timeout: Duration,
}

impl TestHooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.setups.is_empty() && self.teardowns.is_empty()
    }
}

macro_rules! debug_by_site {
    ($($hook:ty),*) => {$(
        impl fmt::Debug for $hook {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($hook)).field("site", &self.site).finish_non_exhaustive()
            }
        }
    )*};
}
debug_by_site!(Setup, Teardown, VuSetup, VuTeardown);
