//! The second transport, behind the feature `reqwest`: requests that a reqwest client sends, counted and traced as all others
//! are.
//!
//! ```text
//! options.rs   which client            Http::new().proxy("socks5h://127.0.0.1:1080")
//! client.rs    a VU's own clients, made when they are needed
//! execute.rs   a request that is built already     vu.execute(client.get(url)).await
//! exchange.rs  one hop, measured by what reqwest lets one see
//! failure.rs   what reqwest's errors mean
//! ```

mod client;
mod exchange;
mod execute;
mod failure;
mod options;

pub(super) use client::Clients;
pub use client::reqwest_builder;
pub(super) use exchange::exchange;
pub use execute::Executable;
pub(super) use execute::Executed;
pub(super) use options::Via;

use super::request::RequestBuilder;

/// Whether reqwest sends this request.
#[inline]
pub(super) fn carries(request: &RequestBuilder) -> bool {
    request.http.core.options.http.via.is_reqwest()
        || request.extras.as_ref().is_some_and(|extras| extras.executed.is_some())
}
