//! A server that knows what really happened: how many requests it read, how many bytes it wrote, how long each answer
//! took, which trace headers came. A load generator's report is compared with it.
//!
//! It is hand-written on Tokio, without a framework, so that nothing but this file tree decides what is counted, and
//! it runs as the program `truth-server`, a process of its own, so that the client's load cannot bend its clock.
//!
//! | target | answer |
//! |---|---|
//! | `/` | 200 with about 100 bytes of JSON, at once |
//! | `/mix` | the same after 5, 50 or 500 ms (80, 15 and 5% of the requests); every delay is measured |
//! | `/delay/MS` | the same after that many milliseconds; measured too |
//! | `/bytes/N` | N bytes |
//! | `/status/CODE` | that status |
//! | `/trace` | the same as `/`; keeps the request's `traceparent` and `x-vu-iteration` |
//! | `/echo` | method, target, headers and body of the request as JSON |
//!
//! Counts are exact: one thread reads, writes and counts, so a response that the client has received is one that has
//! been counted. The control plane has a port of its own, so that asking changes nothing: `GET /stats`,
//! `GET /stats?delays=1`, `GET /traces`, `POST /reset`.

mod answer;
mod child;
mod connection;
mod control;
mod record;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

pub use self::child::{Trace, TruthServer};
use self::record::Record;
pub use self::record::{Delays, Stats};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 8192;

/// Serves on two free loopback ports, in this thread, for ever. `ready` is told the address of the server and that of
/// its control plane. `seed` decides the order of the delays of `/mix`.
///
/// # Errors
/// When the runtime cannot be made or the ports cannot be opened.
pub fn run(seed: u64, ready: impl FnOnce(SocketAddr, SocketAddr)) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let (server, control) = (listen()?, listen()?);
        let record = Rc::new(Record::new(seed));
        ready(server.local_addr()?, control.local_addr()?);
        let of_control = Rc::clone(&record);
        tokio::task::spawn_local(async move {
            loop {
                let stream = accept(&control).await;
                tokio::task::spawn_local(control::serve(stream, Rc::clone(&of_control)));
            }
        });
        loop {
            let stream = accept(&server).await;
            tokio::task::spawn_local(connection::serve(stream, Rc::clone(&record)));
        }
    })
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(BACKLOG)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A response is one write; nothing is to wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            // Out of descriptors, most likely: clients wait in the backlog until some are free again.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

#[cfg(test)]
mod tests;
