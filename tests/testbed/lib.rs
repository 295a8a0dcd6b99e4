//! Servers to test a load generator against.
//!
//! - [`TruthServer`]: a process of its own that counts and times what really happened, so that a test can compare a
//!   run's report with the truth.
//! - [`misbehaving`]: a server that plays scripts: hangs up in mid-body, never answers, resets, lies.
//! - [`http2`]: the same frame by frame, for HTTP/2.
//! - [`tls`]: HTTPS under a certificate authority of its own; [`Authority`] vouches for any server and client.
//! - [`Nginx`]: Debian's nginx with a site of the test's own; [`real()`] finds it, and other real programs.
//! - [`Proxy`]: Debian's proxies for HTTP and SOCKS5.
//! - [`refused_url`]: an address where nobody listens.
//!
//! [`wire`] has the few lines of HTTP that they share.

mod authority;
mod head;
pub mod http2;
pub mod misbehaving;
mod nginx;
mod proxy;
mod real;
mod refused;
pub mod tls;
pub mod truth;
pub mod wire;

pub use crate::authority::{Authority, Identity};
pub use crate::http2::{Act, Http2Server};
pub use crate::misbehaving::{Misbehaving, Script, Step};
pub use crate::nginx::{Nginx, Site};
pub use crate::proxy::{Credentials, Proxy};
pub use crate::real::real;
pub use crate::refused::refused_url;
pub use crate::tls::TlsServer;
pub use crate::truth::TruthServer;
