//! An address where nobody listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use tokio::net::TcpSocket;

/// A loopback URL whose port refuses connections, the same for the whole process.
///
/// # Panics
/// When the system has no free port.
pub fn refused_url() -> String {
    // The port is held, but nobody listens on it. A port that was taken and given back could belong to another
    // test's server a moment later.
    static HELD: OnceLock<(TcpSocket, SocketAddr)> = OnceLock::new();
    let (_, addr) = HELD.get_or_init(|| {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let addr = socket.local_addr().expect("a bound socket has an address");
        (socket, addr)
    });
    format!("http://{addr}")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    #[test]
    fn connections_are_refused() {
        let url = super::refused_url();
        let addr = url.strip_prefix("http://").unwrap();
        assert_eq!(std::net::TcpStream::connect(addr).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(url, super::refused_url());
    }
}
