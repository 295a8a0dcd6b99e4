//! The transport boundary: send one request, get one response with its marks, whatever the protocol version.

use super::exchange::{Broken, Instants};
use super::stream::{Marked, Marks, Stream};
use super::tls::Suite;
use super::upload::Upload;
use super::{http1, http2};
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{Http, HttpVersions, Speaks};
use crate::protocol::http::target::Origin;
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What one request is sent over. Both kinds have `begin` and `head`, whose futures differ.
pub(crate) enum Connection {
    /// The request's alone.
    Http1(Box<http1::Connection>),
    /// A place on one that is shared.
    Http2(http2::Seat),
}

impl Connection {
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        match self {
            Self::Http1(connection) => connection.remote(),
            Self::Http2(seat) => seat.remote(),
        }
    }

    /// What TLS has come to; `None` without.
    pub(crate) fn tls(&self) -> Option<&'static Suite> {
        match self {
            Self::Http1(connection) => connection.tls(),
            Self::Http2(seat) => seat.tls(),
        }
    }

    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        self.tls().map(|tls| tls.version_name)
    }

    /// Whether the server may know of the request: something of it was written.
    pub(crate) fn is_begun(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.instants().last_write.is_some(),
            Self::Http2(seat) => seat.is_begun(),
        }
    }

    pub(crate) fn instants(&self) -> Instants {
        match self {
            Self::Http1(connection) => connection.instants(),
            Self::Http2(seat) => seat.instants(),
        }
    }

    /// Receives the body, which follows the head, and keeps `most` bytes of it at most, or nothing.
    #[inline]
    pub(crate) async fn body(
        &mut self,
        incoming: &mut Incoming,
        most: Option<usize>,
    ) -> Result<Bytes, Broken> {
        match self {
            Self::Http1(connection) => connection.body(incoming, most).await,
            Self::Http2(seat) => seat.body(incoming, most).await,
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) fn poll_piece(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        match self {
            Self::Http1(connection) => connection.poll_piece(incoming, cx),
            Self::Http2(seat) => seat.poll_piece(incoming, cx),
        }
    }

    /// Makes a request one of the connection's version.
    pub(crate) fn prepare(&self, message: &mut Request<Upload>) -> Result<(), Failure> {
        match self {
            Self::Http1(_) => Ok(()),
            Self::Http2(seat) => seat.prepare(message),
        }
    }
}

/// A new connection.
pub(crate) enum Fresh {
    Http1(Box<http1::Connection>),
    Http2(Rc<http2::Connection>),
}

impl Fresh {
    /// Begins the version that the test wants, or that the server has chosen.
    pub(crate) async fn open(
        origin: &Rc<Origin>,
        options: &Http,
        stream: Stream,
        remote: Option<SocketAddr>,
        tls: Option<&'static Suite>,
    ) -> Result<Self, Failure> {
        let is_http2 = options.versions == HttpVersions::Http2 || has_chosen_http2(&stream);
        origin.speaks.set(if is_http2 { Speaks::Http2 } else { Speaks::Http1 });
        let marks = Rc::new(Marks::default());
        let stream = Marked::new(stream, Rc::clone(&marks));
        Ok(if is_http2 {
            Self::Http2(http2::Connection::open(origin, &options.http2, stream, marks, remote, tls).await?)
        } else {
            let connection = http1::Connection::open(Rc::clone(origin), stream, marks, remote, tls).await?;
            Self::Http1(Box::new(connection))
        })
    }
}

fn has_chosen_http2(stream: &Stream) -> bool {
    match stream {
        Stream::Plain(_) => false,
        Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
    }
}
