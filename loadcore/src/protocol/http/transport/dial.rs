//! Opening a socket: the addresses of a host in turn, both kinds of them side by side.

use super::address::Route;
use super::exchange::MOST;
use super::socket::Socket;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long one kind of address may take alone before the other one is tried beside it (Go's number, and so k6's; RFC 8305
/// asks for 100 ms to 2 s).
const STAGGER: Duration = Duration::from_millis(300);
/// No attempt is given less time than this in favour of the next one.
const LEAST: Duration = Duration::from_secs(2);

/// A socket to the first of these that accepts, within this time.
pub(super) async fn dial(route: &Route, within: Duration) -> Result<(Socket, Option<SocketAddr>), Failure> {
    match route {
        Route::Addresses { remotes, local } => {
            let (socket, remote) = either_family(remotes, *local, Instant::now() + within.min(MOST)).await?;
            // A request is one write; waiting for a fuller packet would only delay it. Without it requests are slower, not
            // wrong.
            let _ = socket.set_nodelay(true);
            Ok((Socket::Tcp(socket), Some(remote)))
        }
        #[cfg(unix)]
        Route::Unix(path) => {
            let shown = format_args!("unix:{}", path.display()).to_string();
            let connecting = timeout(within, tokio::net::UnixStream::connect(path)).await;
            let socket = connecting
                .map_err(|_| Failure::new(ErrorKind::ConnectTimeout, &shown))?
                .map_err(|error| connect_failure(&shown, &error))?;
            Ok((Socket::Unix(socket), None))
        }
        #[cfg(feature = "test-util")]
        Route::Memory(answer) => Ok((Socket::Memory(super::memory::Memory::new(*answer)), None)),
    }
}

type Opened = Result<(TcpStream, SocketAddr), Failure>;

/// The kind of the first address begins. If both fail, it is told why the first kind did.
async fn either_family(remotes: &[SocketAddr], local: Option<IpAddr>, deadline: Instant) -> Opened {
    let begins = |remote: &&SocketAddr| remote.is_ipv4() == remotes[0].is_ipv4();
    let (first, second): (Vec<_>, Vec<_>) = remotes.iter().partition(begins);
    let mut first = pin!(one_after_the_other(&first, local, deadline));
    if second.is_empty() {
        return first.await;
    }
    let mut second = pin!(one_after_the_other(&second, local, deadline));
    tokio::select! {
        biased;
        opened = &mut first => return match opened {
            Ok(opened) => Ok(opened),
            Err(failure) => second.await.or(Err(failure)),
        },
        () = sleep(STAGGER) => {}
    }
    tokio::select! {
        biased;
        opened = &mut first => match opened {
            Ok(opened) => Ok(opened),
            Err(failure) => second.await.or(Err(failure)),
        },
        opened = &mut second => match opened {
            Ok(opened) => Ok(opened),
            Err(_) => first.await,
        },
    }
}

/// Each gets its share of the time that is left.
async fn one_after_the_other(remotes: &[&SocketAddr], local: Option<IpAddr>, deadline: Instant) -> Opened {
    let mut first = None;
    for (tried, remote) in remotes.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && first.is_some() {
            break;
        }
        let share = (left / (remotes.len() - tried) as u32).max(LEAST);
        let attempt = timeout_at(deadline, timeout(share, open(**remote, local))).await;
        let failure = match attempt {
            Ok(Ok(Ok(socket))) => return Ok((socket, **remote)),
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) | Err(_) => Failure::new(ErrorKind::ConnectTimeout, remote),
        };
        first.get_or_insert(failure);
    }
    Err(first.unwrap_or_else(|| Failure::new(ErrorKind::NoSuchHost, "the name has no address")))
}

async fn open(remote: SocketAddr, local: Option<IpAddr>) -> Result<TcpStream, Failure> {
    let connecting = match local {
        None => TcpStream::connect(remote).await,
        Some(local) => {
            let socket = bound(local).map_err(|error| {
                Failure::new(ErrorKind::of_connect(&error), format_args!("from {local}: {error}"))
            })?;
            socket.connect(remote).await
        }
    };
    connecting.map_err(|error| connect_failure(&remote, &error))
}

/// A socket that connects from this address.
fn bound(local: IpAddr) -> io::Result<TcpSocket> {
    let socket = if local.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The port is chosen when it connects, so that the same one may serve for several targets. A kernel that does not know
    // this chooses now, which is only less thrifty.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true);
    socket.bind(SocketAddr::new(local, 0))?;
    Ok(socket)
}

fn connect_failure(to: &dyn fmt::Display, error: &io::Error) -> Failure {
    match ErrorKind::of_connect(error) {
        kind @ ErrorKind::NoPort => {
            let hint = "let VUs keep their connections, or give them several local_addresses";
            Failure::new(kind, format_args!("{to}: {error}: {hint}"))
        }
        // What the system says adds something to these only.
        kind @ (ErrorKind::Connect | ErrorKind::NoDescriptor | ErrorKind::Unreachable) => {
            Failure::new(kind, format_args!("{to}: {error}"))
        }
        kind => Failure::new(kind, to),
    }
}
