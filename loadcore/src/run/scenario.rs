//! A scenario: a journey, and how it shall be run.

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
        let drive = Drive::Closure(Arc::new(move |slot: VuSlot| {
            let journey = Arc::clone(&journey);
            Box::pin(slot.drive(async move |vu: &Vu| journey(vu).await)) as LocalBoxFuture
        }));
        Self {
            name: name.into(),
            site: None,
            drive,
            options: None,
            executor: None,
            thresholds: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// What `#[scenario]` writes.
    #[doc(hidden)]
    pub const fn declared(
        site: Site,
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
        }
    }

    /// With the attribute's options applied.
    pub(crate) fn resolved(mut self) -> Self {
        match self.options.take() {
            Some(options) => options(self),
            None => self,
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
