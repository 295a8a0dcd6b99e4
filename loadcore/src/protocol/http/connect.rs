//! Making a connection: name lookup, TCP and TLS, each timed.

use super::ErrorKind;
use super::connection::Connection;
use super::error::Failure;
use super::options::HttpOptions;
use super::state::HttpCore;
use super::stream::{Counted, Marked, Marks, Stream};
use super::target::Origin;
use crate::run::Traffic;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// How long each step of connecting took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ConnectTimes {
    pub(super) looking_up: Duration,
    pub(super) connecting: Duration,
    pub(super) tls_handshaking: Duration,
}

/// Opens a connection. The caller bounds the time.
pub(super) async fn connect(
    core: &HttpCore,
    origin: &Origin,
    traffic: &Rc<Traffic>,
) -> Result<(Box<Connection>, ConnectTimes), Failure> {
    let started = Instant::now();
    let lookup = core.dns.lookup(&origin.host, origin.port).await;
    let addresses = lookup.map_err(|error| Failure::new(ErrorKind::Dns, error))?;
    let looked_up = Instant::now();
    let (socket, remote) = open_any(&addresses).await?;
    let connected = Instant::now();

    let counted = Counted::new(socket, Rc::clone(traffic));
    let (stream, tls_version) = if origin.tls {
        let stream = handshake(core, origin, counted).await?;
        let version = tls_version(&stream);
        (Stream::Tls(Box::new(stream)), Some(version))
    } else {
        (Stream::Plain(counted), None)
    };
    let times = ConnectTimes {
        looking_up: looked_up - started,
        connecting: connected - looked_up,
        tls_handshaking: if origin.tls { connected.elapsed() } else { Duration::ZERO },
    };
    let marks = Rc::new(Marks::default());
    let stream = Marked::new(stream, Rc::clone(&marks));
    let connection = Connection::open(origin.id, stream, marks, remote, tls_version).await?;
    Ok((Box::new(connection), times))
}

/// The first address that accepts, in the order given.
async fn open_any(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut last = Failure::new(ErrorKind::Dns, "the name has no address");
    for address in addresses {
        match tokio::time::timeout(HttpOptions::CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => {
                // A request is one write; waiting for a fuller packet would only delay it.
                let _ = socket.set_nodelay(true);
                return Ok((socket, *address));
            }
            Ok(Err(error)) => last = connect_failure(*address, &error),
            Err(_) => last = Failure::new(ErrorKind::ConnectTimeout, address),
        }
    }
    Err(last)
}

fn connect_failure(address: SocketAddr, error: &io::Error) -> Failure {
    match ErrorKind::of_connect(error) {
        // What the system says adds something to these only.
        kind @ (ErrorKind::Connect | ErrorKind::NoDescriptor | ErrorKind::NoPort) => {
            Failure::new(kind, format_args!("{address}: {error}"))
        }
        kind => Failure::new(kind, address),
    }
}

async fn handshake(core: &HttpCore, origin: &Origin, socket: Counted) -> Result<TlsStream<Counted>, Failure> {
    let name = ServerName::try_from(origin.host.clone())
        .map_err(|_| Failure::new(ErrorKind::WrongHost, "the host is not a name that certificates know"))?;
    let connector = tokio_rustls::TlsConnector::from(core.options.tls().await);
    connector.connect(name, socket).await.map_err(|error| tls_failure(&error))
}

fn tls_failure(error: &io::Error) -> Failure {
    use rustls::CertificateError as Certificate;
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let kind = match tls {
        // A bad signature is that of another authority of the same name.
        Some(rustls::Error::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature)) => {
            ErrorKind::UnknownAuthority
        }
        Some(rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        )) => ErrorKind::WrongHost,
        Some(_) => ErrorKind::Tls,
        None if error.kind() == io::ErrorKind::ConnectionReset => ErrorKind::ConnectionReset,
        None => ErrorKind::Tls,
    };
    Failure::new(kind, error)
}

fn tls_version(stream: &TlsStream<Counted>) -> &'static str {
    match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "tls1.2",
        _ => "tls1.3",
    }
}
