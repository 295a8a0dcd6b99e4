//! TLS in front of a server that has none: what it does goes through as it is, with its ends and resets.

use std::sync::Arc;

use testbed::{Identity, tls};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Runs until it is dropped.
#[derive(Debug)]
pub(super) struct Front {
    port: u16,
    task: AbortHandle,
}

impl Front {
    /// Offers HTTP/2 under this certificate, and leaves the rest to the server at this URL.
    pub(super) async fn of(url: &str, identity: &Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut config = tls::config(identity).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = url.strip_prefix("http://").unwrap().to_owned();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(pass_on(client, acceptor.clone(), server.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, task: task.abort_handle() }
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(client: TcpStream, acceptor: TlsAcceptor, server: String) {
    client.set_nodelay(true).unwrap();
    // A client that goes away is the test's affair.
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let mut server = TcpStream::connect(server).await.unwrap();
    server.set_nodelay(true).unwrap();
    if copy_bidirectional(&mut client, &mut server).await.is_err() {
        // One of them has reset its connection, and so the other one does.
        let _ = client.get_ref().0.set_zero_linger();
        let _ = server.set_zero_linger();
    }
}
