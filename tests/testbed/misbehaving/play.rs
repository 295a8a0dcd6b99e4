//! Playing one script on one connection, with or without TLS.

use std::io;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Script, Seen, Step};
use crate::wire;

/// Requests kept at most, for [`Misbehaving::received`](super::Misbehaving::received).
const MAX_KEPT: usize = 10_000;

/// A connection and what is below it.
trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&mut self) -> &mut TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&mut self) -> &mut TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn tcp(&mut self) -> &mut TcpStream {
        self.get_mut().0
    }
}

pub(super) async fn play(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    script: &Script,
    seen: &Seen,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => steps(stream, script, seen).await,
        // What is reset at once has no time for a handshake.
        Some(_) if matches!(script.first(), Some(Step::Reset)) => steps(stream, script, seen).await,
        Some(tls) => steps(tls.accept(stream).await?, script, seen).await,
    }
}

async fn steps(mut stream: impl Wire, script: &Script, seen: &Seen) -> io::Result<()> {
    let (mut buffer, mut at) = (Vec::new(), 0);
    while let Some(step) = script.get(at) {
        at += 1;
        match step {
            Step::ReadRequest => {
                let Some(request) = wire::read_request(&mut stream, &mut buffer).await? else { break };
                let mut kept = seen.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                if kept.len() < MAX_KEPT {
                    kept.push(request);
                }
                seen.requests.fetch_add(1, Ordering::SeqCst);
            }
            Step::Send(bytes) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
            Step::Flood(bytes) => loop {
                stream.write_all(bytes).await?;
            },
            Step::SendBelow(bytes) => stream.tcp().write_all(bytes).await?,
            Step::Wait(time) => tokio::time::sleep(*time).await,
            Step::Hang => {
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
            }
            Step::Close => break,
            Step::Cut => return Ok(()),
            Step::Reset => return stream.tcp().set_zero_linger(),
            // Gives way, so that a script without any waiting step cannot keep the thread for itself.
            Step::Again => {
                at = 0;
                tokio::task::yield_now().await;
            }
        }
    }
    stream.shutdown().await
}
