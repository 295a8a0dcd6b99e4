//! HTTPS under a certificate authority of its own, for clients that must trust it, or must not.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Identity};
use crate::wire;

/// A running HTTPS server; it and its connections end when this is dropped. It answers every request with 200 and
/// `{"tls":true}`, keeps connections open, and offers `http/1.1` by ALPN.
#[derive(Debug)]
pub struct TlsServer {
    addr: SocketAddr,
    ca_pem: String,
    seen: Arc<Seen>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    requests: AtomicUsize,
}

impl TlsServer {
    /// Listens on a free port of 127.0.0.1, on the caller's Tokio runtime, with a certificate for `localhost` and
    /// `127.0.0.1`.
    ///
    /// # Errors
    /// When the port cannot be opened or the certificates cannot be made.
    pub async fn start() -> io::Result<TlsServer> {
        TlsServer::start_for(&["localhost", "127.0.0.1"]).await
    }

    /// The same with a certificate for other names or addresses, which a client that connects to `localhost` is to
    /// refuse.
    ///
    /// # Errors
    /// As [`TlsServer::start`], and when a name cannot stand in a certificate.
    pub async fn start_for(names: &[&str]) -> io::Result<TlsServer> {
        let authority = Authority::new();
        TlsServer::start_as(&authority.server(names), authority.pem()).await
    }

    /// The same with any certificate, and what a client must trust to trust it.
    ///
    /// # Errors
    /// When the port cannot be opened, or certificate and key do not belong together.
    pub async fn start_as(identity: &Identity, ca_pem: &str) -> io::Result<TlsServer> {
        let config = config(identity).map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let seen = Arc::<Seen>::default();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let task = tokio::spawn(serve(listener, acceptor, Arc::clone(&seen))).abort_handle();
        Ok(TlsServer { addr, ca_pem: ca_pem.to_owned(), seen, task })
    }

    /// The base URL with the name `localhost`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.addr.port())
    }

    /// Where the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate of the authority that a client must trust, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// How many connections have been accepted.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many of them finished their TLS handshake.
    pub fn handshakes(&self) -> usize {
        self.seen.handshakes.load(Ordering::SeqCst)
    }

    /// How many whole requests have been read.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a server says with this certificate: TLS 1.2 and 1.3, and `http/1.1` by ALPN.
///
/// # Errors
/// When certificate and key do not belong together.
pub fn config(identity: &Identity) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    // The provider is named, since a test that builds with two would otherwise have none by default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, seen: Arc<Seen>) {
    // Connections end with this set, and the set with the server.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        seen.connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        connections.spawn(async move {
            // An error is a client that does not trust us or goes away; both are for the client to report.
            let _ = converse(stream, &acceptor, &seen).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, acceptor: &TlsAcceptor, seen: &Seen) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = acceptor.accept(stream).await?;
    seen.handshakes.fetch_add(1, Ordering::SeqCst);
    let (response, mut buffer) = (wire::response(200, "application/json", br#"{"tls":true}"#), Vec::new());
    while let Some(request) = wire::read_request(&mut stream, &mut buffer).await? {
        seen.requests.fetch_add(1, Ordering::SeqCst);
        stream.write_all(&response).await?;
        stream.flush().await?;
        if !request.keep_alive {
            break;
        }
    }
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::AsyncReadExt;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;

    async fn connect(to: &TlsServer, ca_pem: &str, name: &'static str) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(to.addr()).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await
    }

    #[tokio::test]
    async fn a_client_that_trusts_the_authority_is_served() {
        let server = TlsServer::start().await.unwrap();
        for name in ["localhost", "127.0.0.1"] {
            let mut stream = connect(&server, server.ca_pem(), name).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            for _ in 0..3 {
                stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b"}") {
                    assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
                }
                assert!(answer.starts_with(b"HTTP/1.1 200 "));
            }
        }
        assert_eq!((server.connections(), server.handshakes(), server.requests()), (2, 2, 6));
    }

    #[tokio::test]
    async fn a_stranger_and_a_wrong_name_are_refused_by_the_client() {
        let server = TlsServer::start_for(&["elsewhere.test"]).await.unwrap();
        let stranger = TlsServer::start().await.unwrap();
        assert!(connect(&server, server.ca_pem(), "localhost").await.is_err());
        assert!(connect(&server, stranger.ca_pem(), "elsewhere.test").await.is_err());
        assert!(connect(&server, server.ca_pem(), "elsewhere.test").await.is_ok());
        assert_eq!((server.connections(), server.requests()), (3, 0));
    }
}
