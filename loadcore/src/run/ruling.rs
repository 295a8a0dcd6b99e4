//! What a journey may decide about the whole test: that it ends now, or that it has failed.

use super::Vu;
use super::wires::EndedBy;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// What a journey, a setup or a teardown has decided about the whole test, with [`Vu::abort_test`] or [`Vu::fail_test`].
/// The first one is kept; later ones are only counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ruling {
    /// Its words.
    pub message: String,
    /// `file:line` of the call.
    pub place: String,
    /// The scenario; empty for a setup or a teardown of the test.
    pub scenario: String,
    /// Since the test's start; in a setup since that began.
    pub at: Duration,
    /// How often it was said in all.
    pub count: u64,
}

/// Its words, its place and its scenario.
impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, place, scenario, .. } = self;
        write!(f, "{message} ({place}")?;
        if !scenario.is_empty() {
            write!(f, ", in scenario `{scenario}`")?;
        }
        write!(f, ")")
    }
}

/// What [`Vu::abort_test`] returns: an error for the `?` that leaves the journey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the test was aborted: {message}")]
pub struct TestAborted {
    message: String,
}

impl Vu {
    /// Ends the whole test at once, as a signal does: all iterations are interrupted, this one included and whatever their
    /// graceful stop; teardown and the summary follow, which tells the message. The process's exit code is 108.
    ///
    /// The journey gets no further than to its next `.await`; the error that this returns leads out of it before that. It
    /// works in scenarios, in setups (there is no load then) and in teardowns. Of several messages in one test the first
    /// one is told, and the others are counted.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn example(vu: &Vu, token: Option<String>) -> Result {
    /// let token = token.ok_or_else(|| vu.abort_test("nobody can log in"))?;
    /// if vu.get("/health").bearer_auth(token).send().await?.status() == 503 {
    ///     Err(vu.abort_test("the shop is closed"))?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn abort_test(&self, message: impl fmt::Display) -> TestAborted {
        let ruling = self.ruling(&message, Location::caller());
        let message = ruling.message.clone();
        self.state.core.stop.abort(ruling);
        self.leave();
        TestAborted { message }
    }

    /// Marks the whole test as failed, and lets it and this iteration go on: the process's exit code is 110 in the end,
    /// whatever the thresholds say. Of several messages the first one is told, and the others are counted.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn example(vu: &Vu) -> Result {
    /// let res = vu.get("/version").send().await?;
    /// if res.text()? != "7" {
    ///     vu.fail_test(format!("the wrong version is deployed: {}", res.text()?));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn fail_test(&self, message: impl fmt::Display) {
        self.state.core.stop.fail(self.ruling(&message, Location::caller()));
    }

    fn ruling(&self, message: &dyn fmt::Display, place: &Location<'_>) -> Ruling {
        Ruling {
            message: message.to_string(),
            place: format!("{}:{}", place.file(), place.line()),
            scenario: self.scenario().to_owned(),
            at: self.elapsed(),
            count: 1,
        }
    }
}

/// What journeys have decided about a test, and who has ended it before its time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rulings {
    pub(crate) ended_by: Option<EndedBy>,
    pub(crate) aborted: Option<Ruling>,
    pub(crate) failed: Option<Ruling>,
}

/// Keeps the first one, and counts the others.
pub(super) fn note(known: &mut Option<Ruling>, ruling: Ruling) {
    match known {
        Some(first) => first.count += ruling.count,
        None => *known = Some(ruling),
    }
}
