//! The attributes and macros of loadcore.
//!
//! Use them through the `loadcore` crate, which re-exports all of them: the code they generate names
//! `::loadcore`. Every attribute leaves the item it is written on as it was, adds constants beside it, and
//! reports all of its mistakes at once, each at the token to change.
//!
//! # Through another crate
//!
//! Where `loadcore` is no direct dependency, because another crate re-exports it, every attribute is told its
//! path: `#[scenario(crate = engine::loadcore)]`. `check!` and `path!` need not be told.

mod check;
mod duration;
mod executor;
mod expand;
mod group;
mod hooks;
mod item;
mod metric_data;
mod options;
mod parameters;
mod path;
mod runtime;
mod scenario;
mod threshold;

use hooks::Hook;
use proc_macro::TokenStream;

/// Makes an async function a scenario: what a virtual user (VU) does in one iteration.
///
/// The function stays an ordinary function. Beside it, with its visibility, appears a constant named after
/// it: `checkout` gives `CHECKOUT_SCENARIO`, a `Scenario` that `LoadTest::scenario` takes. `main!()` finds it
/// by itself.
///
/// ```ignore
/// #[scenario(
///     executor = ramping_vus([(1m, 100), (3m, 100), (1m, 0)]),
///     thresholds = [HTTP_REQ_DURATION.p(95) < 500ms, HTTP_REQ_FAILED.rate() < 0.01],
///     tags = [("team", "shop")],
/// )]
/// async fn checkout(vu: &Vu, catalog: &Catalog, session: &mut Session) -> Result {
///     vu.get(path!("/v2/products/{}", catalog.id)).bearer_auth(&session.token).send().await?;
///     Ok(())
/// }
/// ```
///
/// # Parameters
///
/// Behind `vu`, in any order:
///
/// - any number of `&T`: the value that the [`#[setup]`](macro@setup) with this type returned. All VUs share it;
/// - at most one `&mut T`: this VU's own state in this scenario. It is made by the
///   [`#[vu_setup]`](macro@vu_setup) with this type, or else by `T::default()`, and made anew after a panic.
///
/// A type that nobody provides is an error before the test starts, with the parameter's place.
///
/// # Options
///
/// - `executor`: how iterations are started; without it one VU runs one iteration.
/// - `thresholds`: a list of comparisons (`<`, `<=`, `>`, `>=`) or of ready thresholds. What a threshold can do
///   besides is called on the comparison in parentheses: `(HTTP_REQ_FAILED.rate() < 0.1).abort_on_fail()`.
/// - `tags`: a list of pairs that every sample of the scenario carries.
/// - `name`: the scenario's name in reports, of letters, digits, `_` and `-`; by default the function's.
/// - `crate`: the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
///
/// Values are Rust expressions, in which a duration may be written as a literal: `500ms`, `1.5s`, `2h30m`
/// (units `ns`, `us`, `ms`, `s`, `m`, `h`, `d`).
#[proc_macro_attribute]
pub fn scenario(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(args.into(), item.into(), scenario::expand).into()
}

/// Makes an async function a group: a named step of a journey, with its own duration, checks and requests.
///
/// Inside the body `vu` is a handle that carries the group, so everything done with it counts for the group.
/// Beside the function, with its visibility, appears a constant to select the group by in thresholds:
/// `log_in` gives `LOG_IN_GROUP`. In an inherent `impl` this is an associated constant; an `impl` of a trait
/// has no place for one, so write `constant = false` there.
///
/// The function may be a method, generic, and take and return references and `impl Trait`; `vu: &Vu` is its
/// first parameter behind `self`.
///
/// ```ignore
/// #[group("User Login")] // without a name: named after the function
/// async fn log_in(vu: &Vu, user: &User) -> Result<String> {
///     let res = vu.post("/v1/auth/login").json(user).send().await?;
///     Ok(res.json::<Login>()?.token)
/// }
/// ```
///
/// # Options
///
/// - `name`: the group's name, also accepted as the bare first value; neither empty nor with `::` in it.
/// - `constant`: `false` leaves the constant out.
/// - `crate`: the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
#[proc_macro_attribute]
pub fn group(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(args.into(), item.into(), group::expand).into()
}

/// Registers a metric of your own, so that it is known before the first sample.
///
/// ```ignore
/// #[metric]
/// static ORDER_VALUE: Trend = Trend::new("order_value");
/// ```
///
/// The one option is `crate`, the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
#[proc_macro_attribute]
pub fn metric(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(args.into(), item.into(), metric_data::expand_metric).into()
}

/// Registers test data, so that it is there before the test starts, and a bad file stops the run: a `SharedArray` is
/// loaded once, the file of `StreamedRows` is found and its first row read.
///
/// Relative paths are looked up from the working directory, then from the folder of the crate's `Cargo.toml`.
///
/// ```ignore
/// #[data]
/// static USERS: SharedArray<User> = SharedArray::json("data/users.json");
/// static NEXT_USER: Feeder<User> = USERS.circular(); // over rows that are loaded already: without the attribute
///
/// #[data]
/// static ORDERS: StreamedRows<Order> = StreamedRows::csv("data/orders.csv");
/// ```
///
/// The one option is `crate`, the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
#[proc_macro_attribute]
pub fn data(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(args.into(), item.into(), metric_data::expand_data).into()
}

/// Makes an async function a setup: it runs once per test, before the load, also when the test runs on many
/// machines, and what it returns is handed to the functions that take it.
///
/// ```ignore
/// #[setup]
/// async fn catalog(vu: &Vu) -> Result<Catalog> {
///     Ok(vu.get("/v2/products").send().await?.json()?)
/// }
///
/// #[scenario]
/// async fn browse(vu: &Vu, catalog: &Catalog) -> Result { .. }
/// ```
///
/// The function takes only `vu: &Vu` and returns a `Result<T>` with a `T: Send + Sync + 'static`. A test may
/// have several setups, told apart by type, and runs only those whose value is asked for. One that returns
/// plain `Result` prepares the target and gives nothing; `main!()` and `LoadTest::discovered()` run it too.
///
/// An `Err` or a panic ends the test before the load begins. The runtime of a setup lives until the last
/// teardown has ended, so that a client or a connection pool made here keeps working.
///
/// In it `vu.id()` is 0, and its samples have the group `::setup` and no scenario.
///
/// The one option is `crate`, the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
#[proc_macro_attribute]
pub fn setup(args: TokenStream, item: TokenStream) -> TokenStream {
    hook(Hook::Setup, args, item)
}

/// Makes an async function a teardown: it runs once per test, after the load, also when the test was stopped.
///
/// ```ignore
/// #[teardown]
/// async fn forget(vu: &Vu, catalog: &Catalog) -> Result {
///     vu.delete(path!("/v2/products/{}", catalog.id)).send().await?;
///     Ok(())
/// }
/// ```
///
/// Behind `vu` the function takes any number of `&T`, the values of [`#[setup]`](macro@setup)s, and returns a
/// `Result`. It runs in tests that have all these values, not when a setup has failed; one that takes none runs
/// with `main!()` and `LoadTest::discovered()`.
///
/// In it `vu.id()` is 0, and its samples have the group `::teardown` and no scenario.
///
/// The one option is `crate`, the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
#[proc_macro_attribute]
pub fn teardown(args: TokenStream, item: TokenStream) -> TokenStream {
    hook(Hook::Teardown, args, item)
}

/// Makes an async function a VU's setup: it makes the state that scenarios take as `&mut T`, once for each VU
/// and scenario, before the VU's first iteration.
///
/// ```ignore
/// struct Session { token: String, items: u32 }
///
/// #[vu_setup]
/// async fn open_session(vu: &Vu, catalog: &Catalog) -> Result<Session> {
///     let login = vu.post("/v1/auth/login").json(&catalog.owner).send().await?;
///     Ok(Session { token: login.json::<Login>()?.token, items: 0 })
/// }
///
/// #[scenario]
/// async fn buy(vu: &Vu, session: &mut Session) -> Result { .. }
/// ```
///
/// Behind `vu` the function takes any number of `&T`, the values of [`#[setup]`](macro@setup)s, and returns a
/// `Result<T>` with a `T: 'static`, which need not be `Send`: it never leaves its core. It wins over
/// `T::default()`; two for one type are an error before the start. An `Err` counts as a failed iteration, with
/// the place of its `?`, and the function is tried again for the VU's next one.
///
/// The one option is `crate`, the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
#[proc_macro_attribute]
pub fn vu_setup(args: TokenStream, item: TokenStream) -> TokenStream {
    hook(Hook::VuSetup, args, item)
}

/// Makes an async function a VU's teardown: it ends the state that scenarios take as `&mut T`, once for each
/// VU that has one, after the VU's last iteration.
///
/// ```ignore
/// #[vu_teardown]
/// async fn close_session(vu: &Vu, session: &mut Session) -> Result {
///     vu.post("/v1/auth/logout").bearer_auth(&session.token).send().await?;
///     Ok(())
/// }
/// ```
///
/// Behind `vu` the function takes the state, `&mut T`, and any number of `&T`, the values of
/// [`#[setup]`](macro@setup)s, in any order. It returns a `Result`.
///
/// The one option is `crate`, the path of the crate, if another one re-exports it: `crate = engine::loadcore`.
#[proc_macro_attribute]
pub fn vu_teardown(args: TokenStream, item: TokenStream) -> TokenStream {
    hook(Hook::VuTeardown, args, item)
}

fn hook(hook: Hook, args: TokenStream, item: TokenStream) -> TokenStream {
    let expand = |args, item: &_, errors: &mut _| hook.expand(args, item, errors);
    expand::attribute(args.into(), item.into(), expand).into()
}

/// The inside of `loadcore::check!`, which names its own crate in front: `crate = $crate,`.
#[proc_macro]
pub fn check(input: TokenStream) -> TokenStream {
    expand::macro_call(input.into(), check::expand).into()
}

/// The inside of `loadcore::path!`, which names its own crate in front: `crate = $crate,`.
#[proc_macro]
pub fn path(input: TokenStream) -> TokenStream {
    expand::macro_call(input.into(), path::expand).into()
}
