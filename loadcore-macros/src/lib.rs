//! The attributes and macros of loadcore.
//!
//! Use them through the `loadcore` crate, which re-exports all of them: the code they generate names
//! `::loadcore`. Every attribute leaves the item it is written on as it was, adds constants beside it, and
//! reports all of its mistakes at once, each at the token to change.

mod check;
mod duration;
mod expand;
mod group;
mod item;
mod metric_data;
mod options;
mod path;
mod scenario;
mod threshold;

use proc_macro::TokenStream;

/// Makes an async function a scenario: what a virtual user does in one iteration.
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
/// async fn checkout(vu: &Vu) -> Result {
///     vu.get("/v2/products").send().await?;
///     Ok(())
/// }
/// ```
///
/// # Options
///
/// - `executor`: how iterations are started; without it one VU runs one iteration.
/// - `thresholds`: a list of comparisons (`<`, `<=`, `>`, `>=`) or of ready thresholds.
/// - `tags`: a list of pairs that every sample of the scenario carries.
/// - `name`: the scenario's name in reports, of letters, digits, `_` and `-`; by default the function's.
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
#[proc_macro_attribute]
pub fn metric(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(args.into(), item.into(), metric_data::expand_metric).into()
}

/// Registers test data, so that it is loaded once, before the test starts, and a bad file stops the run.
///
/// Relative paths are looked up from the working directory, then from the folder of the crate's `Cargo.toml`.
///
/// ```ignore
/// #[data]
/// static USERS: SharedArray<User> = SharedArray::json("data/users.json");
/// ```
#[proc_macro_attribute]
pub fn data(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(args.into(), item.into(), metric_data::expand_data).into()
}

/// Records named conditions as checks and says whether all of them held.
///
/// Every condition is evaluated, in order; a failed check is counted and ends nothing. Conditions are
/// ordinary code of the surrounding function: `?` and `.await` work in them. A name is anything that is
/// `AsRef<str>`.
///
/// ```ignore
/// let ok = check!(vu, {
///     "status is 200" => res.status() == 200,
///     "has an item" => res.text()?.contains("item"),
/// });
/// ```
#[proc_macro]
pub fn check(input: TokenStream) -> TokenStream {
    expand::macro_call(input.into(), check::expand).into()
}

/// Builds a path or URL from a template, percent-encodes the values, and keeps the template as the request's
/// name.
///
/// Requests to `/users/1/profile` and `/users/2/profile` then share one series, named `/users/{id}/profile`.
///
/// ```ignore
/// vu.get(path!("/users/{id}/profile"));            // the variable `id`
/// vu.get(path!("/v2/products/{}", catalog.id));    // a value in its place
/// vu.get(path!("/v2/products/{id}", id = item.id)); // a value by name; `{{` and `}}` are literal braces
/// ```
#[proc_macro]
pub fn path(input: TokenStream) -> TokenStream {
    expand::macro_call(input.into(), path::expand).into()
}
