//! A small web shop to put under load: the target of the examples, and of integration tests that need a real server.
//!
//! It logs users in, checks their tokens, lists products and takes orders, and each route takes its own time as a
//! real one would. Everything is in memory, nothing grows while it runs, and one core carries thousands of
//! requests per second.
//!
//! | route | answer |
//! |---|---|
//! | `GET /health` | 200 `ok`, at once and always |
//! | `POST /v1/auth/login` with `{"email", "password"}` | 200 `{"token"}`; 401 for an unknown user or a wrong password |
//! | `GET /v2/products` or `?category=electronics`, bearer token | 200 `{"products": [{"id", "name", "price", "category", "stock"}]}`; 401 without a token of this shop |
//! | `POST /v1/orders` with `{"productId", "quantity"}`, bearer token | 201 `{"orderId", "total"}`; 400 for a quantity of 0, 404 for an unknown product, 409 above the stock, 401 as above |
//!
//!
//! Its website is for those who come with a browser:
//!
//! | route | answer |
//! |---|---|
//! | `POST /login`, a form with `email` and `password` | 303 to `/account`, with the cookie `sid`; 401 as above |
//! | `GET /account`, cookie | 200, a page with the email; 303 to `/login` without the cookie |
//! | `GET /pictures/{id of a product}` | 200, `image/png`; 404 for an unknown product |
//! | `GET /export`, cookie | 200, all orders as CSV, in pieces: 700 kB in 0.1 s; 401 without the cookie |
//! | `POST /reviews`, a multipart form with `product` and a file `picture`, cookie | 201 `{"product", "pictureBytes"}`; 400 if one is missing, 401 as above |
//!
//! Every error is JSON: `{"error": ".."}`. The users it knows are those of `data/users.json`.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let shop = shop::Shop::start().await?; // a free loopback port
//! println!("{}", shop.url()); // http://127.0.0.1:41234
//! drop(shop); // answers what is in flight, then stops
//! # Ok(())
//! # }
//! ```

mod auth;
mod catalog;
mod options;
mod routes;
mod service;
#[cfg(test)]
mod tests;
mod web;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

pub use crate::options::ShopOptions;

/// Connections that may wait to be accepted. A test that starts thousands of users at once needs more than the
/// usual 1,024; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// How long a shop with a thread of its own waits for requests in flight when it is dropped.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A running shop on a loopback port. Dropping it stops it: requests in flight are answered, idle connections and
/// the port are closed.
#[derive(Debug)]
pub struct Shop {
    addr: SocketAddr,
    // Dropped, it wakes the server's shutdown; nothing is ever sent.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Shop {
    /// Starts a shop with [default options](ShopOptions) on the caller's Tokio runtime, of whatever flavour.
    ///
    /// # Errors
    /// When the listening socket cannot be opened.
    ///
    /// # Panics
    /// Outside of a Tokio runtime; there, use [`Shop::start_in_thread`].
    pub async fn start() -> io::Result<Shop> {
        Shop::builder().start().await
    }

    /// Starts a shop with [default options](ShopOptions) on a thread and a runtime of its own, for a `main` without
    /// one, or to keep the shop's work off the caller's runtime.
    ///
    /// # Errors
    /// When the listening socket, the runtime or the thread cannot be made.
    pub fn start_in_thread() -> io::Result<Shop> {
        Shop::builder().start_in_thread()
    }

    /// The options of a shop: port, latency, failures, seed.
    pub fn builder() -> ShopOptions {
        ShopOptions::default()
    }

    /// Where the shop listens, as a base URL without a trailing slash: `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where the shop listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn serve_here(options: &ShopOptions) -> io::Result<Shop> {
        let listener = listen(options.port)?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(serve(listener, routes::router(options), stopped));
        Ok(Shop { addr, stop: Some(stop), thread: None })
    }

    pub(crate) fn serve_in_thread(options: &ShopOptions) -> io::Result<Shop> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            listen(options.port)?
        };
        let addr = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let (ended, mut has_ended) = oneshot::channel::<()>();
        let router = routes::router(options);
        let thread = thread::Builder::new().name("shop".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let server = tokio::spawn(serve(listener, router, async move {
                    let _ = stopped.await;
                    drop(ended);
                }));
                let _ = (&mut has_ended).await;
                // A client that holds half a request back must not keep the caller waiting.
                let _ = tokio::time::timeout(LAST_ANSWERS, server).await;
            });
        })?;
        Ok(Shop { addr, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)
}

async fn serve<S>(listener: TcpListener, router: Router, stopped: S)
where
    S: Future + Send + 'static,
{
    // Without nodelay a response in two segments would wait for the client's delayed acknowledgement: 40 ms that
    // belong to no route.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        stopped.await;
    });
    // axum retries failed accepts by itself and never returns an error.
    let _ = served.await;
}
