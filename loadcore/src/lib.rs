#![doc = include_str!("docs/crate.md")]

#[doc(hidden)]
#[path = "private.rs"]
#[allow(missing_docs, reason = "what macros write is documented in the macros")]
pub mod __private;
mod cli;
pub mod data;
mod error;
mod load_test;
pub mod metric;
pub mod plan;
pub mod prelude;
mod protocol;
mod report;
mod run;
mod trace;
pub mod verdict;

pub use error::{Error, Result};
pub use load_test::{LoadTest, RunError};
pub use loadcore_macros::{check, data, group, metric, path, scenario};
pub use metric::Group;
pub use protocol::http::{self, Path};
pub use protocol::measure::{MEASURE_DURATION, MEASURE_FAILED};
pub use report::{CheckResult, Report, RunInfo, ScenarioInfo};
pub use run::{Outcome, Scenario, TimeAmount, Vu};
pub use trace::{SpanId, TraceContext, TraceId};

/// Compiles the README's programs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Writes `fn main`: the command line for every scenario of the binary and of each library that it names.
///
/// `main!()` is `LoadTest::discovered().main()`; `main!(test)` takes a configured [`LoadTest`].
///
/// ```
/// use loadcore::prelude::*;
///
/// #[scenario(executor = constant_vus(1, 1s))]
/// async fn health(vu: &Vu) -> Result {
///     vu.get("/health").send().await?;
///     Ok(())
/// }
///
/// # mod with_options { use loadcore::prelude::*;
/// loadcore::main!(LoadTest::discovered().base_url("http://127.0.0.1:8080"));
/// # }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! main {
    () => {
        $crate::main!($crate::LoadTest::discovered());
    };
    ($test:expr) => {
        fn main() -> ::std::process::ExitCode {
            $crate::LoadTest::main($test)
        }
    };
}
