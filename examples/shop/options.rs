//! How a shop behaves.

use std::io;
use std::time::Duration;

use crate::Shop;

/// How a [`Shop`] behaves; made by [`Shop::builder`]. By default it takes a free port, answers with the latency of
/// each route, and neither fails nor stalls.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use std::time::Duration;
///
/// let shop = shop::Shop::builder().failure_rate(0.02).slow(0.01, Duration::from_secs(2)).seed(42).start().await?;
/// # drop(shop);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ShopOptions {
    pub(crate) port: u16,
    pub(crate) latency_scale: f64,
    pub(crate) failure_rate: f64,
    pub(crate) slow_rate: f64,
    pub(crate) slow_by: Duration,
    pub(crate) seed: Option<u64>,
}

impl Default for ShopOptions {
    fn default() -> ShopOptions {
        ShopOptions {
            port: 0,
            latency_scale: 1.0,
            failure_rate: 0.0,
            slow_rate: 0.0,
            slow_by: Duration::from_secs(1),
            seed: None,
        }
    }
}

impl ShopOptions {
    /// The port to listen on, on 127.0.0.1. 0, the default, takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> ShopOptions {
        self.port = port;
        self
    }

    /// Multiplies every route's latency: 1 is the default, 0 answers as fast as the machine can. Negative and
    /// non-finite factors count as 0.
    #[must_use]
    pub fn latency_scale(mut self, factor: f64) -> ShopOptions {
        self.latency_scale = if factor.is_finite() { factor.max(0.0) } else { 0.0 };
        self
    }

    /// Answers as fast as the machine can: [`latency_scale(0.0)`](ShopOptions::latency_scale).
    #[must_use]
    pub fn no_latency(self) -> ShopOptions {
        self.latency_scale(0.0)
    }

    /// The share of requests, 0 to 1, that end with a 503. `/health` never does.
    #[must_use]
    pub fn failure_rate(mut self, share: f64) -> ShopOptions {
        self.failure_rate = share;
        self
    }

    /// The share of requests, 0 to 1, that take `by` longer. `/health` never does.
    #[must_use]
    pub fn slow(mut self, share: f64, by: Duration) -> ShopOptions {
        self.slow_rate = share;
        self.slow_by = by;
        self
    }

    /// Makes latencies, failures and slow requests the same in every run that sends its requests in the same order.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> ShopOptions {
        self.seed = Some(seed);
        self
    }

    /// Starts the shop on the caller's Tokio runtime, of whatever flavour.
    ///
    /// # Errors
    /// When the port is taken or the listening socket cannot be opened.
    ///
    /// # Panics
    /// Outside of a Tokio runtime; there, use [`ShopOptions::start_in_thread`].
    // Async although it awaits nothing: a future is polled inside of a runtime, which is what the shop needs.
    pub async fn start(self) -> io::Result<Shop> {
        Shop::serve_here(&self)
    }

    /// Starts the shop on a thread and a runtime of its own.
    ///
    /// # Errors
    /// When the port is taken, or when the socket, the runtime or the thread cannot be made.
    pub fn start_in_thread(self) -> io::Result<Shop> {
        Shop::serve_in_thread(&self)
    }
}
