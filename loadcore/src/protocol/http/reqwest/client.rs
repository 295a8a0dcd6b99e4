//! A VU's own reqwest clients.

use super::options::{Make, Via};
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{HttpOptions, HttpVersions, Reuse};
use crate::protocol::http::state::HttpVu;
use crate::protocol::http::transport::tls::{Sessions, TlsClient};
use ::reqwest::{Client, ClientBuilder, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

const BLOCK_ADDRESSES: &str = "block_addresses";

/// The clients of one VU: one for each configuration of TLS, which is one but for tests with client certificates.
#[derive(Default)]
pub(in crate::protocol::http) struct Clients(RefCell<Vec<(Arc<ClientConfig>, Client)>>);

impl Clients {
    /// The client for requests to this host.
    pub(super) async fn of(http: &HttpVu, host: &str) -> Result<Client, Failure> {
        let options = &http.core.options;
        let make = match &options.http.via {
            Via::Client(client) => return Ok(client.clone()),
            Via::PerVu(make) => Some(&**make),
            Via::Own | Via::Twice(_) => None,
        };
        let tls = options.tls_client().await?.config(host, &http.sessions);
        let known = |clients: &Clients| {
            let clients = clients.0.borrow();
            clients.iter().find(|(known, _)| Arc::ptr_eq(known, &tls)).map(|(_, client)| client.clone())
        };
        if let Some(client) = known(&http.clients) {
            return Ok(client);
        }
        if let (None, Some(option)) = (make, options.own_only()) {
            return Err(not_kept(option, "execute the request of a client of your own"));
        }
        let client = build(options, &tls, make);
        let client = client.map_err(|error| {
            Failure::new(
                ErrorKind::InvalidRequest,
                format_args!("no client: {}", super::failure::chain(&error.without_url())),
            )
        })?;
        http.clients.0.borrow_mut().push((Arc::clone(&tls), client.clone()));
        Ok(client)
    }

    /// A client of the user's own keeps options of its own, but must not lead around a guard.
    pub(super) fn check(options: &HttpOptions) -> Result<(), Failure> {
        match options.http.addresses.own_only() {
            Some(option @ BLOCK_ADDRESSES) => {
                Err(not_kept(option, "block hosts by their names, with block_host"))
            }
            _ => Ok(()),
        }
    }

    /// Closes what an iteration leaves behind.
    pub(in crate::protocol::http) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

fn not_kept(option: &str, instead: &str) -> Failure {
    let problem =
        format!("reqwest cannot keep the test's option {option}: {instead}, or leave the option out");
    Failure::new(ErrorKind::InvalidRequest, problem)
}

/// A builder of reqwest clients to begin one's own with: with ring and the system's and built-in authorities for TLS, where
/// `reqwest::Client::new()` would ask for reqwest's feature `rustls`; and without redirects, retries, cookies, decompression
/// and proxies of the environment, so that nothing is sent that is not measured. For
/// [`Http::reqwest`](crate::http::Http::reqwest) and [`Vu::execute`](crate::Vu::execute).
///
/// ```
/// let client = loadcore::http::reqwest_builder().user_agent("shop").build()?;
/// # Ok::<(), loadcore::reqwest::Error>(())
/// ```
pub fn reqwest_builder() -> ClientBuilder {
    static TLS: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let options = HttpOptions::default();
    let tls = TLS.get_or_init(|| {
        let client = TlsClient::new(&options.http.tls, options.http.versions.alpn());
        let client = client.unwrap_or_else(|error| unreachable!("defaults can be used: {error}"));
        client.config("", &Sessions::default())
    });
    builder(&options, tls)
}

/// A client that keeps the test's options.
pub(super) fn build(
    options: &HttpOptions,
    tls: &ClientConfig,
    make: Option<&Make>,
) -> ::reqwest::Result<Client> {
    let builder = builder(options, tls);
    match make {
        Some(make) => make.add(builder)?.build(),
        None => builder.build(),
    }
}

/// Does nothing that nobody would measure, whatever features of reqwest the user's crate turns on.
fn builder(options: &HttpOptions, tls: &ClientConfig) -> ClientBuilder {
    let connections = &options.http.connections;
    let http2 = &options.http.http2;
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .no_proxy()
        .no_gzip()
        .no_deflate()
        .no_brotli()
        .no_zstd()
        .connect_timeout(connections.connect_timeout)
        .pool_idle_timeout(connections.idle_timeout)
        .http2_initial_stream_window_size(http2.stream_window)
        .http2_initial_connection_window_size(http2.connection_window)
        .http2_max_frame_size(http2.max_frame_size)
        .http2_max_header_list_size(http2.max_header_list_size)
        .http2_keep_alive_interval(http2.ping_every)
        .http2_keep_alive_timeout(http2.ping_timeout)
        .http2_keep_alive_while_idle(http2.ping_when_idle);
    if http2.adaptive_window {
        builder = builder.http2_adaptive_window(true);
    }
    if connections.reuse() == Reuse::Never {
        builder = builder.pool_max_idle_per_host(0);
    }
    match options.http.versions {
        HttpVersions::Negotiated => builder,
        HttpVersions::Http1 => builder.http1_only(),
        HttpVersions::Http2 => builder.http2_prior_knowledge(),
    }
}

/// For a client that will not connect.
pub(super) fn trusting_nobody() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.unwrap_or_else(|error| unreachable!("ring serves TLS 1.2 and 1.3: {error}"));
    builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}
