//! The server, in a process of its own: it answers on several loopback addresses, with and without TLS, and counts.

use crate::address;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Error, Read, Result};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Its addresses: `127.0.0.1` and those after it, since ports to connect from are limited for each.
pub(crate) const ADDRESSES: u8 = 8;
/// As much as 15,000 connections need that begin within a second.
const BACKLOG: u32 = 4096;

const KEPT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
const CLOSED: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

/// Where it listens.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
}

/// What a server has seen.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) answers: u64,
    /// The most connections that were open at once.
    pub(crate) connections: u64,
}

/// The server's process. It ends with its standard input, and so also when this process dies.
pub(crate) struct Server {
    process: Child,
    pub(crate) ports: Ports,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Self { process: command.spawn()?, ports: Ports { plain: 0, tls: 0 } };
        server.ports = serde_json::from_str(&server.line()?)?;
        Ok(server)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let said = self.process.stdout.as_mut().ok_or_else(|| Error::other("the server is mute"))?;
        // Nothing is lost with the reader: the server says a line, and the next one only when it ends.
        BufReader::new(said).read_line(&mut line)?;
        Ok(line)
    }

    pub(crate) fn end(mut self) -> Result<Served> {
        drop(self.process.stdin.take());
        let served = serde_json::from_str(&self.line()?)?;
        self.process.wait()?;
        Ok(served)
    }
}

/// What the server counts.
#[derive(Debug, Default)]
struct Seen {
    answers: Cell<u64>,
    open: Cell<u64>,
    most_open: Cell<u64>,
}

/// Serves until standard input ends.
pub(crate) async fn serve() -> Result<()> {
    let seen = Rc::new(Seen::default());
    let acceptor = acceptor()?;
    let ports = Ports { plain: listen(None, &seen)?, tls: listen(Some(&acceptor), &seen)? };
    println!("{}", serde_json::to_string(&ports)?);
    let input_ends = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(input_ends).await??;
    let served = Served { answers: seen.answers.get(), connections: seen.most_open.get() };
    println!("{}", serde_json::to_string(&served)?);
    Ok(())
}

/// Listens at one port of all addresses.
fn listen(tls: Option<&TlsAcceptor>, seen: &Rc<Seen>) -> Result<u16> {
    let mut port = 0;
    for number in 1..=ADDRESSES {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((address(number), port).into())?;
        let listener = socket.listen(BACKLOG)?;
        port = listener.local_addr()?.port();
        tokio::task::spawn_local(accept(listener, tls.cloned(), Rc::clone(seen)));
    }
    Ok(port)
}

fn acceptor() -> Result<TlsAcceptor> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(Error::other)?;
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(Error::other)?.with_no_client_auth();
    let config = config.with_single_cert(vec![certified.cert.der().clone()], key).map_err(Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, seen: Rc<Seen>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let (tls, seen) = (tls.clone(), Rc::clone(&seen));
                tokio::task::spawn_local(async move {
                    seen.open.set(seen.open.get() + 1);
                    seen.most_open.set(seen.most_open.get().max(seen.open.get()));
                    let answered = match tls {
                        None => answer(socket, &seen).await,
                        Some(tls) => match tls.accept(socket).await {
                            Ok(stream) => answer(stream, &seen).await,
                            Err(error) => Err(error),
                        },
                    };
                    if let Err(error) = answered {
                        eprintln!("many-vus: a connection ended: {error}");
                    }
                    seen.open.set(seen.open.get() - 1);
                });
            }
            Err(error) => {
                // It would be the same again at once; the client's requests fail meanwhile, which ends the case as broken.
                eprintln!("many-vus: cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: &Seen) -> Result<()> {
    let mut request = Vec::with_capacity(512);
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut request).await {
                Ok(0) => return Ok(()),
                // A client that is done with TLS need not say so.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            };
        }
        let closes = request.starts_with(b"GET /close ");
        seen.answers.set(seen.answers.get() + 1);
        stream.write_all(if closes { CLOSED } else { KEPT }).await?;
        stream.flush().await?;
        if closes {
            return stream.shutdown().await;
        }
    }
}
