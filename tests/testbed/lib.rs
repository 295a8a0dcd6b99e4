//! Servers to test a load generator against.
//!
//! - [`TruthServer`]: a process of its own that counts and times what really happened, so that a test can compare a
//!   run's report with the truth.
//! - [`misbehaving`]: a server that plays scripts: hangs up in mid-body, never answers, resets, lies.
//! - [`tls`]: HTTPS under a certificate authority of its own.
//! - [`refused_url`]: an address where nobody listens.
//!
//! [`wire`] has the few lines of HTTP that they share.

mod head;
pub mod misbehaving;
mod refused;
pub mod tls;
pub mod truth;
pub mod wire;

pub use crate::misbehaving::{Misbehaving, Script, Step};
pub use crate::refused::refused_url;
pub use crate::tls::TlsServer;
pub use crate::truth::TruthServer;
