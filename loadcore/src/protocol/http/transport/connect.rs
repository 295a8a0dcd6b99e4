//! Making a connection: name lookup, TCP and TLS, each timed.

use super::address::route;
use super::connection::{Connection, Fresh};
use super::dial::dial;
use super::http2::{Claim, Opening, Seat};
use super::stream::{Counted, Stream};
use super::tls;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{Reuse, Speaks};
use crate::protocol::http::state::HttpVu;
use crate::protocol::http::target::Origin;
use crate::run::Vu;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long each step of connecting took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConnectTimes {
    pub(crate) looking_up: Duration,
    pub(crate) connecting: Duration,
    pub(crate) tls_handshaking: Duration,
}

/// A connection for one request.
pub(crate) struct Acquired {
    pub(crate) connection: Connection,
    /// None if it was used before: it has come free while the request waited for its turn.
    pub(crate) times: Option<ConnectTimes>,
}

/// Gets a connection when no idle one was there: waits for its turn where their number is limited, then opens one. `broken`
/// has served so far, and leaves its place. The caller bounds the time.
pub(crate) async fn acquire(
    http: &HttpVu,
    origin: &Rc<Origin>,
    vu: &Vu,
    broken: Option<Connection>,
) -> Result<Acquired, Failure> {
    let options = &http.core.options.http;
    let left = match broken {
        Some(Connection::Http1(mut broken)) => broken.place.take(),
        Some(Connection::Http2(seat)) => {
            // Its place is free from now on.
            drop(seat);
            None
        }
        None => None,
    };
    if origin.speaks.get() != Speaks::Http1 && options.connections.reuse() != Reuse::Never {
        match http.pool.shared.claim(origin, options).await? {
            Claim::Seat(seat) => return Ok(Acquired { connection: Connection::Http2(seat), times: None }),
            Claim::Open(opening) => return open_for_all(http, origin, vu, opening).await,
            Claim::Own => {}
        }
    }
    let place = match left {
        Some(place) => Some(place),
        None => http.pool.place(origin.id).await,
    };
    if place.is_some() {
        while let Some(mut connection) = http.pool.take_idle(origin.id, Instant::now()) {
            if connection.is_usable().await {
                connection.place = place;
                return Ok(Acquired { connection: Connection::Http1(connection), times: None });
            }
        }
    }
    let (fresh, times) = connect(http, origin, vu).await?;
    let connection = match fresh {
        Fresh::Http1(mut connection) => {
            connection.place = place;
            Connection::Http1(connection)
        }
        // The first one is nobody else's.
        Fresh::Http2(connection) => Connection::Http2(Seat::on(connection)),
    };
    Ok(Acquired { connection, times: Some(times) })
}

/// Opens a connection while others wait for what comes of it.
async fn open_for_all(
    http: &HttpVu,
    origin: &Rc<Origin>,
    vu: &Vu,
    opening: Opening,
) -> Result<Acquired, Failure> {
    match connect(http, origin, vu).await {
        Ok((Fresh::Http2(connection), times)) => {
            let connection = Connection::Http2(opening.share(connection));
            Ok(Acquired { connection, times: Some(times) })
        }
        Ok((Fresh::Http1(mut connection), times)) => {
            opening.own();
            // It counts among the others from now on, if their number is limited.
            connection.place = http.pool.place(origin.id).await;
            Ok(Acquired { connection: Connection::Http1(connection), times: Some(times) })
        }
        Err(failure) => {
            opening.fail(&failure);
            Err(failure)
        }
    }
}

/// Opens a connection.
async fn connect(http: &HttpVu, origin: &Rc<Origin>, vu: &Vu) -> Result<(Fresh, ConnectTimes), Failure> {
    let core = &http.core;
    let limits = &core.options.http.connections;
    // Made at the test's first need of it, which is no part of any handshake.
    let tls_client = if origin.tls { Some(core.options.tls_client().await?) } else { None };
    let started = Instant::now();
    let route = route(http, origin, vu).await?;
    let looked_up = Instant::now();
    let (socket, remote) = dial(&route, limits.connect_timeout).await?;
    let connected = Instant::now();

    let counted = Counted::new(socket, Rc::clone(&vu.state.scope.traffic));
    let (stream, tls) = if let Some(client) = tls_client {
        let shaking_hands = client.connect(&origin.host, &http.sessions, counted);
        let stream = match limits.tls_timeout {
            Some(within) => {
                timeout(within, shaking_hands).await.unwrap_or_else(|_| Err(tls_timeout(within)))?
            }
            None => shaking_hands.await?,
        };
        let negotiated = tls::negotiated(&stream);
        (Stream::Tls(Box::new(stream)), negotiated)
    } else {
        (Stream::Plain(counted), None)
    };
    let times = ConnectTimes {
        looking_up: looked_up - started,
        connecting: connected - looked_up,
        tls_handshaking: if origin.tls { connected.elapsed() } else { Duration::ZERO },
    };
    Ok((Fresh::open(origin, &core.options.http, &core.buffers, stream, remote, tls).await?, times))
}

fn tls_timeout(within: Duration) -> Failure {
    Failure::new(ErrorKind::TlsTimeout, format_args!("not done within {within:?}"))
}
