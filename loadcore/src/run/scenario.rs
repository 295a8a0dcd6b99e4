//! A scenario: a journey, and how it shall be run.

use super::hooks::{HookFuture, HookSlot, State, VuHooks, VuSetup, VuTeardown};
use super::panic::{self, Panic};
use super::values::{Need, ValueType};
use super::{Vu, VuSlot};
use crate::error::Error;
use crate::plan::Executor;
use crate::verdict::Threshold;
use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A future that stays on its core.
pub type LocalBoxFuture = Pin<Box<dyn Future<Output = ()> + 'static>>;

/// Where something was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Its name.
    pub name: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line in it.
    pub line: u32,
    /// The module's path.
    pub module: &'static str,
}

impl Site {
    /// Where the user's code calls.
    #[track_caller]
    pub(crate) fn caller() -> Self {
        let caller = std::panic::Location::caller();
        Self { name: "", file: caller.file(), line: caller.line(), module: "" }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Runs one VU to its end. One call, and one box, for each VU.
#[derive(Clone)]
pub(crate) enum Drive {
    Declared(fn(VuSlot) -> LocalBoxFuture),
    Closure(Arc<dyn Fn(VuSlot) -> LocalBoxFuture + Send + Sync>),
}

impl Drive {
    pub(crate) fn start(&self, slot: VuSlot) -> LocalBoxFuture {
        match self {
            Self::Declared(drive) => drive(slot),
            Self::Closure(drive) => drive(slot),
        }
    }
}

impl fmt::Debug for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Declared(_) => "Declared",
            Self::Closure(_) => "Closure",
        })
    }
}

/// A journey with its executor, thresholds and tags.
///
/// `#[scenario]` on `async fn checkout` makes the constant `CHECKOUT_SCENARIO`; [`Scenario::new`] takes a closure. What a
/// builder method sets replaces what the attribute said, except that thresholds and tags add up.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub(crate) name: Cow<'static, str>,
    pub(crate) site: Option<Site>,
    pub(crate) drive: Drive,
    /// The attribute's options, applied at the first builder call: a constant cannot hold their values.
    options: Option<fn(Self) -> Self>,
    pub(crate) executor: Option<Executor>,
    pub(crate) thresholds: Vec<Threshold>,
    pub(crate) tags: Vec<(String, String)>,
    /// What the journey takes beside `vu`.
    pub(crate) needs: fn() -> Vec<Need>,
    /// What it takes beside that, said in code.
    pub(crate) takes: Vec<Need>,
    /// Of a scenario made in code; a declared one's are found by type.
    pub(crate) hooks: VuHooks,
    /// Why the attribute's options have no values.
    pub(crate) broken: Option<Panic>,
}

impl Scenario {
    /// A scenario from a closure, written `async |vu: &Vu| { ..; Ok(()) }`.
    ///
    /// It does one iteration with one VU unless [`executor`](Scenario::executor) says otherwise.
    pub fn new<F, T>(name: impl Into<Cow<'static, str>>, journey: F) -> Self
    where
        F: AsyncFn(&Vu) -> Result<T, Error> + Send + Sync + 'static,
        T: 'static,
    {
        let journey = Arc::new(journey);
        let drive = move |slot: VuSlot| {
            let journey = Arc::clone(&journey);
            Box::pin(slot.drive(async move |vu: &Vu| journey(vu).await)) as LocalBoxFuture
        };
        Self::in_code(name.into(), Arc::new(drive), VuHooks::default())
    }

    /// A scenario from two closures: `setup` makes the state of a VU before its first iteration, such as a session, and
    /// `journey` is handed it each time: `async |vu: &Vu, session: &mut Session| { ..; Ok(()) }`.
    ///
    /// A setup that fails makes its iteration fail and is tried again for the VU's next one.
    pub fn with_state<S, M, F, T>(name: impl Into<Cow<'static, str>>, setup: M, journey: F) -> Self
    where
        S: 'static,
        M: AsyncFn(&Vu) -> Result<S, Error> + Send + Sync + 'static,
        F: AsyncFn(&Vu, &mut S) -> Result<T, Error> + Send + Sync + 'static,
        T: 'static,
    {
        let (setup, journey) = (Arc::new(setup), Arc::new(journey));
        let run = move |slot: HookSlot| {
            let setup = Arc::clone(&setup);
            Box::pin(slot.state(async move |vu: &Vu| setup(vu).await)) as HookFuture<State>
        };
        let setup =
            VuSetup { site: None, needs: Vec::new(), provides: ValueType::of::<S>(), run: Arc::new(run) };
        let drive = move |slot: VuSlot| {
            let journey = Arc::clone(&journey);
            let with_state = async move |vu: &Vu, state: &mut S| journey(vu, state).await;
            Box::pin(slot.drive_with(None, with_state)) as LocalBoxFuture
        };
        Self::in_code(name.into(), Arc::new(drive), VuHooks { setup: Some(setup), teardown: None })
    }

    /// Ends the state of each VU after its last iteration, as `#[vu_teardown]` does: `async |vu: &Vu, session: &mut Session|
    /// { ..; Ok(()) }`, for the state of [`with_state`](Self::with_state).
    #[track_caller]
    pub fn vu_teardown<S, F>(self, teardown: F) -> Self
    where
        S: 'static,
        F: AsyncFn(&Vu, &mut S) -> Result<(), Error> + Send + Sync + 'static,
    {
        let mut scenario = self.resolved();
        let teardown = Arc::new(teardown);
        let run = move |slot: HookSlot, state: State| {
            let teardown = Arc::clone(&teardown);
            let call = async move |vu: &Vu, state: &mut S| teardown(vu, state).await;
            Box::pin(slot.end_state(state, call)) as HookFuture<()>
        };
        let (site, takes) = (Site::caller(), ValueType::of::<S>());
        scenario.hooks.teardown = Some(VuTeardown { site, needs: Vec::new(), takes, run: Arc::new(run) });
        scenario
    }

    /// Has the setup run that returns a `T`, for a journey of closures that asks for it with [`Vu::setup_value`].
    #[track_caller]
    pub fn takes<T: Send + Sync + 'static>(self) -> Self {
        let mut scenario = self.resolved();
        scenario.takes.push(Need::shared::<T>(Site::caller().to_string()));
        scenario
    }

    fn in_code(
        name: Cow<'static, str>,
        drive: Arc<dyn Fn(VuSlot) -> LocalBoxFuture + Send + Sync>,
        hooks: VuHooks,
    ) -> Self {
        Self {
            name,
            site: None,
            drive: Drive::Closure(drive),
            options: None,
            executor: None,
            thresholds: Vec::new(),
            tags: Vec::new(),
            needs: Vec::new,
            takes: Vec::new(),
            hooks,
            broken: None,
        }
    }

    /// What `#[scenario]` writes.
    #[doc(hidden)]
    pub const fn declared(
        site: Site,
        needs: fn() -> Vec<Need>,
        drive: fn(VuSlot) -> LocalBoxFuture,
        options: fn(Self) -> Self,
    ) -> Self {
        Self {
            name: Cow::Borrowed(site.name),
            site: Some(site),
            drive: Drive::Declared(drive),
            options: Some(options),
            executor: None,
            thresholds: Vec::new(),
            tags: Vec::new(),
            needs,
            takes: Vec::new(),
            hooks: VuHooks { setup: None, teardown: None },
            broken: None,
        }
    }

    /// With the attribute's options applied.
    ///
    /// They are the user's expressions: one that panics, as `secs(-1)` does, is told before the start like any other mistake.
    pub(crate) fn resolved(mut self) -> Self {
        let Some(options) = self.options.take() else { return self };
        panic::install_hook();
        match panic::catch(|| options(self.clone())) {
            Ok(resolved) => resolved,
            Err(panic) => Self { broken: Some(panic), ..self },
        }
    }

    /// The scenario's name: its `scenario` tag, and what `--scenario` selects.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How iterations are spread over VUs and time.
    pub fn executor(self, executor: impl Into<Executor>) -> Self {
        let mut scenario = self.resolved();
        scenario.executor = Some(executor.into());
        scenario
    }

    /// Adds a threshold on this scenario's own samples.
    pub fn threshold(self, threshold: Threshold) -> Self {
        let mut scenario = self.resolved();
        scenario.thresholds.push(threshold);
        scenario
    }

    /// Adds a tag to all samples of this scenario.
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let mut scenario = self.resolved();
        scenario.tags.push((key.into(), value.into()));
        scenario
    }
}
