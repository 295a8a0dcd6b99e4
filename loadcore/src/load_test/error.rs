//! Why a test could not be run, and the exit code that tells it.

use super::{HooksError, NameError, SequenceError};
use crate::data::DataError;
use crate::metric::MetricError;
use crate::plan::PlanError;
use crate::protocol::http::OptionsError;
use crate::report::exit_code;
use crate::run::HookError;
use crate::verdict::ThresholdError;

/// Why a test could not be run: always found before the load, but for [`RunError::CoreDied`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is nothing to run.
    #[error(
        "no scenario found: mark an async fn with #[scenario], or add one with LoadTest::scenario; if your scenarios are \
         in a library, name it in the binary (`use shop_journeys as _;`), or the linker leaves it out"
    )]
    NoScenario,
    /// A scenario that was asked for does not exist.
    #[error("no scenario is named `{name}`; there are: {known}")]
    UnknownScenario {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Two scenarios would be counted as one.
    #[error(
        "two scenarios are named `{name}`: {first} and {second}; give one of them another name (`name = \"..\"` in #[scenario])"
    )]
    DuplicateScenario {
        /// Their name.
        name: String,
        /// Where the one is.
        first: String,
        /// Where the other is.
        second: String,
    },
    /// A scenario's name cannot be used.
    #[error("scenario name {0:?}: use letters, digits, `_` and `-`, at least one of them")]
    ScenarioName(String),
    /// An expression in a scenario's attribute panicked.
    #[error("scenario `{scenario}` ({place}): {message}")]
    Options {
        /// The scenario.
        scenario: String,
        /// Where the expression panicked.
        place: String,
        /// What it said.
        message: String,
    },
    /// An executor's configuration cannot be run.
    #[error("scenario `{scenario}` ({place}): {source}")]
    Plan {
        /// The scenario.
        scenario: String,
        /// Where it is declared.
        place: String,
        /// What is wrong.
        source: PlanError,
    },
    /// Scenarios cannot start one after the other as they shall.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    /// A threshold cannot be evaluated.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// A threshold that was given as text cannot be read.
    #[error("{place}: {source}")]
    ThresholdText {
        /// The flag, variable or place in a file that gives it.
        place: String,
        /// What is wrong.
        source: ThresholdError,
    },
    /// A tag or a variable has a name that cannot be used.
    #[error("{place}: {source}")]
    Name {
        /// Who gives it.
        place: String,
        /// What is wrong.
        source: NameError,
    },
    /// A metric cannot be registered.
    #[error("{source}{}", place.as_ref().map(|p| format!(" (declared at {p})")).unwrap_or_default())]
    Metric {
        /// Where it is declared, if that is known.
        place: Option<String>,
        /// What is wrong.
        source: MetricError,
    },
    /// Test data cannot be loaded.
    #[error("{source}; {} (declared at {place})", remedy(source))]
    Data {
        /// Where it is declared.
        place: String,
        /// What is wrong.
        source: DataError,
    },
    /// An HTTP option cannot be used.
    #[error(transparent)]
    Http(#[from] OptionsError),
    /// The number of cores is impossible.
    #[error("{0} cores: give at least 1 and at most 1024")]
    Cores(usize),
    /// A parameter of a scenario, setup or teardown cannot be filled.
    #[error(transparent)]
    Hooks(#[from] HooksError),
    /// A setup failed, so there was no load. Teardowns of the values that were made already have run.
    #[error("{error}{}", teardown.iter().map(|error| format!("; then {error}")).collect::<String>())]
    Setup {
        /// What the setup failed of.
        error: HookError,
        /// Teardowns that failed after it.
        teardown: Vec<HookError>,
    },
    /// A thread could not be started.
    #[error("cannot start the load generator: {0}")]
    Start(String),
    /// A thread died: a bug of loadcore's own, since panics of journeys are caught.
    #[error(
        "{0} of the load generator's threads could not start or died, for the reason they printed; with too few file \
         descriptors, raise `ulimit -n` or give fewer --cores"
    )]
    CoreDied(usize),
}

impl RunError {
    /// The process's exit code for it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::CoreDied(_) => exit_code::INTERNAL,
            Self::Setup { error, .. } if error.timed_out => exit_code::SETUP_TIMEOUT,
            Self::Setup { .. } => exit_code::HOOK,
            _ => exit_code::INVALID,
        }
    }
}

/// What to do about data that cannot be loaded.
fn remedy(error: &DataError) -> &'static str {
    match error {
        DataError::NotFound { .. } => "put it in one of these places",
        DataError::Io { .. } => "make it a file that this user may read",
        DataError::Parse { .. } => "correct it there, or the type that its rows are read as",
        DataError::Empty { .. } => "add a row",
    }
}
