//! The transport boundary: send one request, get one response with its marks, whatever the protocol version.

use super::exchange::{Broken, Instants, Opened};
use super::stream::Stream;
use super::tls::Suite;
use super::{http1, http2};
use crate::protocol::http::body::Received;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{Http, HttpVersions, Speaks};
use crate::protocol::http::target::Origin;
use bytes::Bytes;
use http_body::Body;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// What one request is sent over. How each kind is asked differs, so that the VUs of one do not carry the other's future.
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
        opened: &mut Opened,
        most: Option<usize>,
    ) -> Result<Received, Broken> {
        match (self, &mut opened.incoming) {
            (Self::Http1(connection), _) => connection.body(&mut opened.head, most).await,
            // Boxed: the VUs of HTTP/1.1 would carry it too.
            (Self::Http2(seat), Some(incoming)) => {
                Box::pin(seat.body(incoming, most)).await.map(Received::from)
            }
            (Self::Http2(_), None) => Ok(Received::default()),
        }
    }

    /// Whether the last piece of the body has been given out, as far as its length was known.
    pub(crate) fn is_at_end(&self, opened: &Opened) -> bool {
        match (self, &opened.incoming) {
            (Self::Http1(connection), _) => connection.is_at_end(),
            (Self::Http2(_), incoming) => incoming.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) fn poll_piece(
        &mut self,
        opened: &mut Opened,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        match (self, &mut opened.incoming) {
            (Self::Http1(connection), _) => connection.poll_piece(&opened.head, cx),
            (Self::Http2(seat), Some(incoming)) => seat.poll_piece(incoming, cx),
            (Self::Http2(_), None) => Poll::Ready(None),
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
        buffers: &Rc<http1::Buffers>,
        stream: Stream,
        remote: Option<SocketAddr>,
        tls: Option<&'static Suite>,
    ) -> Result<Self, Failure> {
        let is_http2 = options.versions == HttpVersions::Http2 || has_chosen_http2(&stream);
        origin.speaks.set(if is_http2 { Speaks::Http2 } else { Speaks::Http1 });
        Ok(if is_http2 {
            Self::Http2(http2::Connection::open(origin, &options.http2, stream, remote, tls).await?)
        } else {
            Self::Http1(Box::new(http1::Connection::open(
                Some(Rc::clone(origin)),
                stream,
                buffers,
                remote,
                tls,
            )))
        })
    }
}

fn has_chosen_http2(stream: &Stream) -> bool {
    match stream {
        Stream::Plain(_) => false,
        Stream::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
    }
}
