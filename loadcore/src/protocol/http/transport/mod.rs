//! The transport: connections of one VU, each of which sends a request and gets a response with its marks.
//!
//! ```text
//! pool.rs        a VU's connections that wait for the next request
//! connect.rs     a new one: its turn, its way (address.rs, dns.rs), its socket (dial.rs, socket.rs; memory.rs for benches), TLS (tls.rs)
//! connection.rs  the boundary to the versions of HTTP
//! http1/         HTTP/1.1 of our own, driven inside the VU's task
//! http2/         HTTP/2 of hyper, shared by a VU's requests and driven in a task of its own
//! exchange.rs    what both hand out
//! stream.rs      what both run over: a socket whose bytes are counted, and TLS
//! upload.rs      a request's body on its way
//! ```

mod address;
pub(crate) mod connect;
pub(crate) mod connection;
mod dial;
pub(crate) mod dns;
pub(crate) mod exchange;
pub(crate) mod http1;
pub(crate) mod http2;
#[cfg(feature = "test-util")]
pub(crate) mod memory;
pub(crate) mod pool;
mod socket;
pub(crate) mod stream;
pub(crate) mod tls;
pub(crate) mod upload;
