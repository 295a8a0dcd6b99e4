//! The one catch-all error: what ends an iteration, with the place where it did.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

/// What a scenario returns: `Ok`, or the [`Error`] that ended the iteration.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Ends an iteration: any error, with the place of the `?` that raised it.
///
/// `?` converts every std error, `&str`, `String` and `anyhow::Error` into it. It is not itself a std error, since that
/// would forbid this conversion; [`source`](Error::source) is the error that it holds.
pub struct Error {
    source: Box<dyn StdError + Send + Sync>,
    place: &'static Location<'static>,
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        Self { source: error.into(), place: Location::caller() }
    }
}

impl Error {
    /// The error that was raised.
    pub fn source(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.source
    }

    /// The place of the `?` (or of the conversion) that raised it.
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }

    /// All messages, outermost first, as `a: b: c`.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.source.to_string();
        let mut next = StdError::source(&*self.source);
        while let Some(error) = next {
            let message = error.to_string();
            // Some errors repeat their source in their own message, and a kind is no message.
            if !text.ends_with(&message) && !error.is::<KindedError>() {
                text.push_str(": ");
                text.push_str(&message);
            }
            next = error.source();
        }
        text
    }
}

/// The short, fixed text under which failures of one kind are grouped.
///
/// An error of an upper floor that has one carries a [`KindedError`] as its innermost source, so that this floor need not
/// know it; everything else is an `error`.
pub(crate) fn kind_of(error: &(dyn StdError + Send + Sync + 'static)) -> String {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(kinded) = error.downcast_ref::<KindedError>() {
            return kinded.kind.to_owned();
        }
        next = error.source();
    }
    "error".to_owned()
}

/// The innermost source of errors that belong to a known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KindedError {
    pub(crate) kind: &'static str,
}

impl fmt::Display for KindedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

impl StdError for KindedError {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// What `fn main() -> loadcore::Result` and a failed test print: the message and its place.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.chain(), self.place)
    }
}

#[cfg(feature = "anyhow")]
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> Self {
        Self::from_boxed(error.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Result<u32> {
        Ok("x".parse::<u32>()?)
    }

    #[test]
    fn an_error_knows_the_place_of_its_question_mark() {
        let error = fails().unwrap_err();
        assert_eq!(error.place().line(), line!() - 6);
        assert_eq!(error.to_string(), "invalid digit found in string");
    }

    #[test]
    fn strings_and_io_errors_convert() {
        let from_str: Error = "no stock".into();
        assert_eq!(from_str.to_string(), "no stock");
        let from_io: Error = std::io::Error::other("disk").into();
        assert_eq!(from_io.to_string(), "disk");
    }
}
