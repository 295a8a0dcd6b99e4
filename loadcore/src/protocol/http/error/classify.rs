//! What the errors of the layers below mean.

use super::ErrorKind;
use crate::protocol::http::h2_code::H2Code;
use crate::protocol::http::transport::tls;
use std::error::Error as StdError;
use std::io;

/// What resolvers say if there is no such name, or none with an address: glibc, musl, macOS. It has no kind of its own in
/// an I/O error.
const NO_SUCH_HOST: [&str; 5] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
    "nodename nor servname provided",
];

/// Of this process, and of the whole system: the same numbers on all systems that call themselves Unix.
const TOO_MANY_OPEN: [i32; 2] = [24, 23];

/// hyper has a kind for it, which it keeps from clients. Only reqwest speaks HTTP/1.1 over hyper.
const HEAD_TOO_LARGE: &str = "message head is too large";

/// hyper's word on an error that is the socket's, and not its own about what it has read.
const OF_SOCKET: &str = "connection error";

impl ErrorKind {
    /// What an I/O error on an open connection means.
    pub(in super::super) fn of_io(error: &io::Error) -> Self {
        if let Some(kind) = tls::kind_of(error) {
            return kind;
        }
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::ConnectionReset,
            io::ErrorKind::UnexpectedEof => Self::ConnectionClosed,
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            // hyper's word on chunks and lengths that are none.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput if error.raw_os_error().is_none() => {
                Self::InvalidResponse
            }
            _ if error.raw_os_error().is_some() => Self::Socket,
            _ => Self::Network,
        }
    }

    /// What it means that a connection could not be opened.
    pub(in super::super) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            io::ErrorKind::ConnectionReset => Self::ConnectionReset,
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            io::ErrorKind::AddrNotAvailable => Self::NoPort,
            _ if cfg!(unix) && error.raw_os_error().is_some_and(|code| TOO_MANY_OPEN.contains(&code)) => {
                Self::NoDescriptor
            }
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::PermissionDenied => Self::Unreachable,
            _ => Self::Connect,
        }
    }

    /// What the error of a name lookup means.
    pub(in super::super) fn of_lookup(error: &io::Error) -> Self {
        let says = |text: &str| NO_SUCH_HOST.iter().any(|phrase| text.contains(phrase));
        if error.kind() == io::ErrorKind::NotFound || says(&error.to_string()) {
            Self::NoSuchHost
        } else {
            Self::Dns
        }
    }

    /// What hyper's error means.
    pub(in super::super) fn of_hyper(error: &hyper::Error) -> Self {
        if let Some(h2) = find::<h2::Error>(error) {
            return Self::of_h2(h2);
        }
        if let Some(io) = find::<io::Error>(error) {
            return if error.to_string() == OF_SOCKET { Self::of_socket(io) } else { Self::of_io(io) };
        }
        if error.is_parse() || error.is_parse_status() {
            if error.to_string() == HEAD_TOO_LARGE { Self::HeadTooLarge } else { Self::InvalidResponse }
        } else if error.is_incomplete_message()
            || error.is_closed()
            || error.is_canceled()
            // A ping was not answered: the connection is as good as closed.
            || error.is_timeout()
        {
            Self::ConnectionClosed
        } else {
            Self::Other
        }
    }

    /// What an error of the socket itself means. What is invalid there is so to TLS, of which h2 keeps only the words.
    fn of_socket(error: &io::Error) -> Self {
        match Self::of_io(error) {
            Self::InvalidResponse => Self::BrokenTls,
            kind => kind,
        }
    }

    fn of_h2(error: &h2::Error) -> Self {
        if let Some(io) = error.get_io() {
            return Self::of_socket(io);
        }
        match error.reason().map(H2Code::of) {
            Some(code) if error.is_reset() => Self::Http2Stream(code),
            Some(code) if error.is_go_away() && error.is_remote() => Self::Http2GoAway(code),
            Some(code) if error.is_go_away() => Self::Http2Connection(code),
            _ => Self::Http2,
        }
    }
}

pub(super) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno(number: i32) -> io::Error {
        io::Error::from_raw_os_error(number)
    }

    #[test]
    fn the_system_s_words_on_an_open_connection_have_kinds() {
        for (error, kind) in [
            (errno(nix::libc::ECONNRESET), ErrorKind::ConnectionReset),
            (errno(nix::libc::EPIPE), ErrorKind::BrokenPipe),
            (errno(nix::libc::ETIMEDOUT), ErrorKind::Socket),
            (errno(nix::libc::EHOSTUNREACH), ErrorKind::Socket),
            (io::ErrorKind::UnexpectedEof.into(), ErrorKind::ConnectionClosed),
            (io::Error::new(io::ErrorKind::InvalidInput, "no chunk"), ErrorKind::InvalidResponse),
            (io::Error::other("something"), ErrorKind::Network),
        ] {
            assert_eq!(ErrorKind::of_io(&error), kind, "{error}");
        }
    }

    #[test]
    fn the_system_s_words_on_a_new_connection_have_kinds() {
        for (number, kind) in [
            (nix::libc::ECONNREFUSED, ErrorKind::ConnectionRefused),
            (nix::libc::ETIMEDOUT, ErrorKind::ConnectTimeout),
            (nix::libc::ECONNRESET, ErrorKind::ConnectionReset),
            (nix::libc::EHOSTUNREACH, ErrorKind::Unreachable),
            (nix::libc::ENETUNREACH, ErrorKind::Unreachable),
            (nix::libc::EPERM, ErrorKind::Unreachable),
            (nix::libc::EADDRNOTAVAIL, ErrorKind::NoPort),
            (nix::libc::EMFILE, ErrorKind::NoDescriptor),
            (nix::libc::ENFILE, ErrorKind::NoDescriptor),
            (nix::libc::ENOBUFS, ErrorKind::Connect),
        ] {
            assert_eq!(ErrorKind::of_connect(&errno(number)), kind, "{}", errno(number));
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_told_from_a_lookup_that_failed() {
        let said = |text: &str| io::Error::other(format!("failed to lookup address information: {text}"));
        for text in ["Name or service not known", "nodename nor servname provided, or not known"] {
            assert_eq!(ErrorKind::of_lookup(&said(text)), ErrorKind::NoSuchHost);
        }
        assert_eq!(ErrorKind::of_lookup(&io::ErrorKind::NotFound.into()), ErrorKind::NoSuchHost);
        assert_eq!(ErrorKind::of_lookup(&said("Temporary failure in name resolution")), ErrorKind::Dns);
    }
}
