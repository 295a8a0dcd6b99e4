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

/// The very version that requests go through: what its types are made with here, fits.
#[cfg(feature = "reqwest")]
pub use ::reqwest;
pub use error::{Error, Result};
pub use load_test::{HooksError, LoadTest, NameError, RunError, SequenceError};
pub use loadcore_macros::{data, group, metric, scenario, setup, teardown, vu_setup, vu_teardown};
pub use metric::Group;
pub use protocol::http::{self, Path};
pub use protocol::measure::{MEASURE_DURATION, MEASURE_FAILED};
pub use report::{CheckResult, Report, RunInfo, ScenarioInfo};
pub use run::{
    HookError, Instance, Outcome, Phase, Ruling, Scenario, Setup, Teardown, TestAborted, Think, TimeAmount,
    Vu,
};
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

/// Records named conditions as checks and says whether all of them held.
///
/// Every condition is evaluated, in order; a failed check is counted and ends nothing. Conditions are ordinary code of the
/// surrounding function: `?` and `.await` work in them. A name is anything that is `AsRef<str>`.
///
/// ```
/// use loadcore::prelude::*;
///
/// async fn product(vu: &Vu) -> Result<bool> {
///     let res = vu.get("/v2/products/7").send().await?;
///     let ok = check!(vu, {
///         "status is 200" => res.status() == 200,
///         "has an item" => res.text()?.contains("item"),
///     });
///     Ok(ok)
/// }
/// ```
#[macro_export]
macro_rules! check {
    ($($input:tt)*) => {
        $crate::__private::check!(crate = $crate, $($input)*)
    };
}

/// Builds a path or URL from a template, percent-encodes the values, and keeps the template as the request's name.
///
/// Requests to `/users/1/profile` and `/users/2/profile` then share one series, named `/users/{id}/profile`.
///
/// ```
/// # use loadcore::prelude::*;
/// # struct Item { id: u32 }
/// # async fn requests(vu: &Vu, id: u32, item: Item) -> Result {
/// vu.get(path!("/users/{id}/profile")).send().await?; // the variable `id`
/// vu.get(path!("/v2/products/{}", item.id)).send().await?; // a value in its place
/// vu.get(path!("/v2/products/{id}", id = item.id)).send().await?; // a value by name; `{{` and `}}` are literal braces
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! path {
    ($($input:tt)*) => {
        $crate::__private::path!(crate = $crate, $($input)*)
    };
}
