//! Which statuses are a success.

use super::RequestBuilder;
use http::StatusCode;
use std::fmt;
use std::ops::{Range, RangeInclusive};

/// A set of HTTP statuses: numbers and ranges.
///
/// ```
/// use loadcore::http::Statuses;
///
/// let created_or_known = Statuses::from(201).or(409);
/// assert!(created_or_known.contains(409) && !created_or_known.contains(200));
/// assert!(Statuses::from(200..=299).or([304, 404]).contains(404));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// All of them: no answer is a failure.
    pub fn any() -> Self {
        Self(vec![100..=999])
    }

    /// These, and others.
    #[must_use]
    pub fn or(mut self, others: impl Into<Self>) -> Self {
        self.0.extend(others.into().0);
        self
    }

    /// Whether the status is one of them.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    /// What cannot be a status, or is no range.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.0.is_empty() {
            return Some("no status is expected: name one, or all with Statuses::any()".to_owned());
        }
        let wrong =
            self.0.iter().find(|range| range.is_empty() || *range.start() < 100 || *range.end() > 999)?;
        Some(format!("{} to {} are no statuses: they are from 100 to 999", wrong.start(), wrong.end()))
    }
}

/// 200 to 399, as in k6.
impl Default for Statuses {
    fn default() -> Self {
        Self(vec![200..=399])
    }
}

impl From<u16> for Statuses {
    fn from(status: u16) -> Self {
        Self(vec![status..=status])
    }
}

impl From<StatusCode> for Statuses {
    fn from(status: StatusCode) -> Self {
        status.as_u16().into()
    }
}

impl From<RangeInclusive<u16>> for Statuses {
    fn from(range: RangeInclusive<u16>) -> Self {
        Self(vec![range])
    }
}

/// Without the last one: `200..300`.
impl From<Range<u16>> for Statuses {
    fn from(range: Range<u16>) -> Self {
        (range.start..=range.end.saturating_sub(1)).into()
    }
}

impl<const N: usize> From<[u16; N]> for Statuses {
    fn from(statuses: [u16; N]) -> Self {
        Self(statuses.into_iter().map(|status| status..=status).collect())
    }
}

/// As `200, 404, 500-599`.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match (range.start(), range.end()) {
                (start, end) if start == end => write!(f, "{comma}{start}")?,
                (start, end) => write!(f, "{comma}{start}-{end}")?,
            }
        }
        Ok(())
    }
}

impl RequestBuilder {
    /// Counts this request as failed in `http_req_failed` unless its status is one of these, instead of the test's
    /// ([`Http::expected_statuses`](super::Http::expected_statuses), 200 to 399 by default). Each hop of a redirect is judged.
    ///
    /// It changes what is counted, not what [`send`](Self::send) returns. For an error that ends the iteration see
    /// [`Response::expect`](super::Response::expect).
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let gone = vu.get("/v2/products/none").expected_statuses(404).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expected_statuses(mut self, statuses: impl Into<Statuses>) -> Self {
        let statuses = statuses.into();
        if let Some(problem) = statuses.problem() {
            return self.fail(format_args!("expected statuses: {problem}"));
        }
        self.extras().expected = Some(statuses);
        self
    }

    /// Whether a status is a success.
    pub(super) fn expects(&self, status: StatusCode) -> bool {
        let own = self.extras.as_ref().and_then(|extras| extras.expected.as_ref());
        let expected = own.or(self.http.core.options.http.expected.as_ref());
        match expected {
            Some(statuses) => statuses.contains(status.as_u16()),
            None => (200..400).contains(&status.as_u16()),
        }
    }
}
