//! What a journey may return.

use crate::error::Error;
use std::any::Any;

/// A value that says whether an iteration went well: `()`, or a `Result` whose error `?` could convert.
#[diagnostic::on_unimplemented(
    message = "a scenario or teardown cannot return `{Self}`",
    label = "neither `()` nor a `Result`",
    note = "return `loadcore::Result`, or a `Result` with a std, string or anyhow error"
)]
pub trait Outcome {
    /// The error, if it went badly. A [`Failure`] tells whether the error knows the place of its `?`.
    #[doc(hidden)]
    fn failure(self) -> Option<Failure>;
}

/// Why an iteration failed.
#[doc(hidden)]
#[derive(Debug)]
pub struct Failure {
    pub(crate) error: Error,
    /// Whether the error holds the place where it was raised.
    pub(crate) has_place: bool,
}

impl Failure {
    /// What `?` would convert, with its place if it was converted by a `?` of the user's.
    pub(crate) fn of<E: Into<Error> + Any>(error: E) -> Self {
        // Another error type is converted here, which is no place a user would look for.
        let has_place = (&error as &dyn Any).is::<Error>();
        Self { error: error.into(), has_place }
    }
}

impl Outcome for () {
    fn failure(self) -> Option<Failure> {
        None
    }
}

impl<T, E: Into<Error> + Any> Outcome for Result<T, E> {
    fn failure(self) -> Option<Failure> {
        self.err().map(Failure::of)
    }
}
