//! Lines on standard error, from any thread: above the bars where there are some. It knows what is going on, and so what a
//! signal ends.

use indicatif::MultiProgress;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// What a test is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Setup,
    Load { tears_down: bool },
    Teardown,
}

impl Doing {
    /// What follows the first signal.
    fn interrupted(self) -> &'static str {
        match self {
            Self::Setup => "ending the setup",
            Self::Load { tears_down: true } => "ending the iterations, then teardown and summary",
            Self::Load { tears_down: false } => "ending the iterations, then summary",
            Self::Teardown => "teardown goes on, then summary",
        }
    }

    /// What is missed after the second one.
    fn missed(self) -> &'static str {
        match self {
            Self::Setup | Self::Load { tears_down: true } => "no teardown, no summary",
            Self::Load { tears_down: false } => "no summary",
            Self::Teardown => "teardown not finished, no summary",
        }
    }
}

/// Speaks to the person in front of a run. Clones speak of the same run.
#[derive(Debug, Clone)]
pub(crate) struct Voice(Arc<Speaker>);

#[derive(Debug)]
struct Speaker {
    bars: Option<MultiProgress>,
    doing: Mutex<Doing>,
}

impl Voice {
    pub(super) fn new(bars: Option<MultiProgress>) -> Self {
        let doing = Mutex::new(Doing::Load { tears_down: false });
        Self(Arc::new(Speaker { bars, doing }))
    }

    /// A terminal that is gone is no reason to stop a test.
    pub(super) fn say(&self, line: &str) {
        let _ = match &self.0.bars {
            Some(bars) => bars.println(line),
            None => writeln!(std::io::stderr().lock(), "{line}"),
        };
    }

    pub(super) fn does(&self, doing: Doing) {
        *self.0.doing.lock().unwrap_or_else(PoisonError::into_inner) = doing;
    }

    fn doing(&self) -> Doing {
        *self.0.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what the first signal does.
    pub(crate) fn interrupted(&self) {
        self.say(&format!("interrupted: {}; Ctrl-C again ends at once", self.doing().interrupted()));
    }

    /// Says what the second signal has done.
    pub(crate) fn ended_at_once(&self) {
        self.say(&format!("ended at once: {}", self.doing().missed()));
    }
}
