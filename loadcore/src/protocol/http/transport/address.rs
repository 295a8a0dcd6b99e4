//! Where a connection goes: what the test blocks, overrides and selects.

use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::Destination;
use crate::protocol::http::state::{HttpCore, HttpVu};
use crate::protocol::http::target::Origin;
use crate::run::Vu;
use std::net::{IpAddr, SocketAddr};
#[cfg(unix)]
use std::path::Path;
#[cfg(unix)]
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Where to connect to, and from where.
#[derive(Debug)]
pub(super) enum Route {
    /// At least one to connect to, in the order in which they are tried.
    Addresses { remotes: Vec<SocketAddr>, local: Option<IpAddr> },
    #[cfg(unix)]
    Unix(Arc<Path>),
    #[cfg(feature = "test-util")]
    Memory(super::memory::Answer),
}

/// Finds the way to an origin.
pub(super) async fn route(http: &HttpVu, origin: &Origin, vu: &Vu) -> Result<Route, Failure> {
    let core = &*http.core;
    let names = &core.options.http.names;
    refuse_blocked_host(core, &origin.host, origin.port)?;
    #[cfg(feature = "test-util")]
    if let Some(answer) = core.options.http.in_memory {
        return Ok(Route::Memory(answer));
    }
    let (host, port) = match names.destination(&origin.host, origin.port) {
        None => (origin.host.clone(), origin.port),
        #[cfg(unix)]
        Some(Destination::Unix(path)) => return Ok(Route::Unix(path)),
        #[cfg(not(unix))]
        Some(Destination::Unix(_)) => unreachable!("refused before the start"),
        Some(Destination::Address(ip, port)) => {
            return to_addresses(core, vec![ip], port.unwrap_or(origin.port), vu);
        }
        Some(Destination::Name(name, port)) => {
            let port = port.unwrap_or(origin.port);
            refuse_blocked_host(core, &name, port)?;
            (name, port)
        }
    };
    let addresses = match host.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) => lookup(http, &host, vu).await?,
    };
    to_addresses(core, addresses, port, vu)
}

fn refuse_blocked_host(core: &HttpCore, host: &str, port: u16) -> Result<(), Failure> {
    match core.options.http.names.blocked_by(host, port) {
        Some(pattern) => {
            let detail = format_args!("{host} is blocked by `{pattern}`").to_string();
            Err(Failure::new(ErrorKind::BlockedHost, detail))
        }
        None => Ok(()),
    }
}

async fn lookup(http: &HttpVu, host: &str, vu: &Vu) -> Result<Vec<IpAddr>, Failure> {
    let options = &http.core.options;
    let within = options.http.connections.dns_timeout;
    let lookup = options.lookups.lookup(&options.http.names.dns, within, host, || http.next_lookup_key(vu));
    // The lookup itself ends in this time, but may have begun anew meanwhile.
    match within {
        Some(within) => timeout(within, lookup).await.unwrap_or_else(|_| Err(timed_out(host, within))),
        None => lookup.await,
    }
}

/// A lookup that took too long.
pub(super) fn timed_out(host: &str, within: Duration) -> Failure {
    Failure::new(ErrorKind::DnsTimeout, format_args!("no answer for {host} within {within:?}"))
}

/// The address that was selected must not be blocked; a blocked one does not step in for it either.
fn to_addresses(core: &HttpCore, addresses: Vec<IpAddr>, port: u16, vu: &Vu) -> Result<Route, Failure> {
    let options = &core.options.http.addresses;
    let local = options.local.of_vu(vu.id());
    let of_family = |ip: &IpAddr| local.is_none_or(|local| local.is_ipv4() == ip.is_ipv4());
    // `::ffff:127.0.0.1` is 127.0.0.1, also for who may come from IPv4 addresses only.
    let addresses = addresses.into_iter().map(|ip| ip.to_canonical());
    let mut reachable = addresses.filter(of_family).peekable();
    let Some(first) = reachable.peek() else {
        let local = local.map(|local| local.to_string()).unwrap_or_default();
        let detail = format!("from {local} only addresses of its own kind can be reached, and there is none");
        return Err(Failure::new(ErrorKind::Connect, detail));
    };
    if let Some(range) = options.blocked_by(*first) {
        return Err(Failure::new(
            ErrorKind::BlockedAddress,
            format_args!("{first} is in the blocked range {range}"),
        ));
    }
    let allowed = reachable.filter(|ip| options.blocked_by(*ip).is_none());
    Ok(Route::Addresses { remotes: allowed.map(|ip| SocketAddr::new(ip, port)).collect(), local })
}
