//! An error for a status that a journey cannot go on with.

use super::body::excerpt;
use super::{Response, Statuses};
use crate::error::KindedError;
use http::StatusCode;
use std::error::Error as StdError;
use std::fmt;

/// A response has another status than the expected one: see [`Response::expect`].
#[derive(Debug)]
pub struct UnexpectedStatus {
    status: StatusCode,
    message: Box<str>,
    kinded: KindedError,
}

impl UnexpectedStatus {
    /// The status that came instead.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for UnexpectedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for UnexpectedStatus {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.kinded)
    }
}

impl Response {
    /// This response, if its status is one of these; otherwise an error with the request, the status, and how the body begins.
    /// With `?` it ends the iteration, which counts as failed; for a response that only counts as failed see
    /// [`expected_statuses`](super::RequestBuilder::expected_statuses).
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # use loadcore::http::Statuses;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let order = vu.post("/v1/orders").json(&["abc-123"]).send().await?.expect(201)?;
    /// vu.delete("/v1/carts/7").send().await?.expect([204, 404])?;
    /// vu.get("/v1/orders").send().await?.expect(200..=299)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the status is another one.
    pub fn expect(self, statuses: impl Into<Statuses>) -> Result<Self, UnexpectedStatus> {
        match self.unexpected(&statuses.into()) {
            None => Ok(self),
            Some(unexpected) => Err(unexpected),
        }
    }

    pub(super) fn unexpected(&self, expected: &Statuses) -> Option<UnexpectedStatus> {
        let status = self.status;
        if expected.contains(status.as_u16()) {
            return None;
        }
        let mut message = format!("{} {}: status {status} instead of {expected}", self.method, self.url());
        if !self.slice().is_empty() {
            message.push_str("; the body begins ");
            message.push_str(&excerpt(self.slice()));
        }
        let kinded = KindedError { kind: "unexpected status" };
        Some(UnexpectedStatus { status, message: message.into(), kinded })
    }
}
