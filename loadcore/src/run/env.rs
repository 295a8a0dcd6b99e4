//! Variables of the journeys: `vu.env("KEY")`.

use super::Vu;
use std::collections::BTreeMap;

/// The variables of one test.
#[derive(Debug, Default)]
pub(crate) struct Env(BTreeMap<String, String>);

impl Env {
    /// Of several values of a name the last one counts.
    pub(crate) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Vu {
    /// A variable of the test: what `--env KEY=VALUE`, `LOADCORE_ENV`, the options file's `[env]` or
    /// [`LoadTest::env`](crate::LoadTest::env) say, in this order. Under [`LoadTest::main`](crate::LoadTest::main), where
    /// none of these says it, the process's environment variable; [`LoadTest::run`](crate::LoadTest::run) reads none.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// async fn log_in(vu: &Vu) -> Result {
    ///     let password = vu.env("PASSWORD").ok_or("give the password: --env PASSWORD=..")?;
    ///     vu.post("/login").basic_auth("ann", Some(password)).send().await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn env(&self, key: &str) -> Option<&str> {
        self.state.core.job.extensions.get_ref::<Env>()?.0.get(key).map(String::as_str)
    }
}
