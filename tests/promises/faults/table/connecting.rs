//! The faults of a connection that is not made.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use loadcore::http::{Dns, ErrorKind, Http, HttpVersions, Tls};
use loadcore::prelude::*;
use testbed::http2::{Act, Http2Server, RunningHttp2};
use testbed::misbehaving::{self, Misbehaving, Step};
use testbed::{Authority, Identity, TlsServer, refused_url};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::Bout;

/// What is kept as long as the bouts last.
pub(super) struct Servers {
    _plain: [Misbehaving; 2],
    _http2: RunningHttp2,
    _tls: Vec<TlsServer>,
    _full: Full,
}

/// A listener that accepts nobody, and has no place for one more that waits for it.
struct Full {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Full {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let (addr, mut waiting) = (listener.local_addr().unwrap(), Vec::new());
        while let Ok(stream) =
            tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(addr)).await
        {
            waiting.push(stream.unwrap());
        }
        Self { listener, _waiting: waiting }
    }

    /// Without its scheme.
    fn at(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }
}

/// The servers, to be kept, and the bouts with them.
pub(super) async fn bouts() -> (Servers, Vec<Bout>) {
    let good = Misbehaving::start([misbehaving::closes_after_each_response()]).await.unwrap();
    let http2 = Http2Server::new([Act::answer("ok")]).start().await.unwrap();
    let full = Full::new().await;
    let next = |server: String| format!("{server}/next");
    // Over what, the scheme, and a server that speaks it and answers.
    let mut bouts: Vec<_> = [
        ("HTTP/1.1", "http", HttpVersions::Negotiated, next(good.url())),
        ("TLS, HTTP/1.1", "https", HttpVersions::Http1, next(good.url())),
        ("TLS, either", "https", HttpVersions::Negotiated, next(good.url())),
        ("HTTP/2", "http", HttpVersions::Http2, next(http2.url())),
        ("TLS, HTTP/2", "https", HttpVersions::Http2, next(http2.url())),
    ]
    .into_iter()
    .flat_map(|(over, scheme, versions, next)| {
        no_way(&full).map(|(fault, at, http, kind)| Bout {
            name: format!("{fault} ({over})"),
            url: format!("{scheme}://{at}"),
            next: next.clone(),
            http: http.versions(versions),
            kind,
        })
    })
    .collect();

    let authority = Authority::new();
    let localhost = ["localhost"];
    let (mut servers, mut faults) = (Vec::new(), Vec::new());
    for (fault, identity, kind) in [
        ("unknown authority", Authority::new().server(&localhost), ErrorKind::UnknownAuthority),
        ("self-signed", Identity::self_signed(&localhost), ErrorKind::UnknownAuthority),
        ("wrong host", authority.server(&["elsewhere.test"]), ErrorKind::WrongHost),
        ("expired", authority.server_between(&localhost, 2001, 2002), ErrorKind::ExpiredCertificate),
        ("not valid yet", authority.server_between(&localhost, 2200, 2201), ErrorKind::ExpiredCertificate),
    ] {
        let server = TlsServer::start_as(&identity, "").await.unwrap();
        faults.push((fault, server.url(), kind));
        servers.push(server);
    }
    let refuses = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let plain = Misbehaving::start([vec![Step::Send(refuses.into()), Step::Hang]]).await.unwrap();
    faults.push(("no TLS", plain.url().replace("http://", "https://"), ErrorKind::NotTls));
    // Where a connection may be shared, another way leads to it.
    for versions in [HttpVersions::Http1, HttpVersions::Negotiated] {
        let trusting = Http::new().tls(Tls::new().root_certificates(authority.pem())).versions(versions);
        bouts.extend(faults.iter().map(|(fault, url, kind)| Bout {
            name: format!("{fault} ({versions:?})"),
            url: url.clone(),
            next: next(good.url()),
            http: trusting.clone(),
            kind: *kind,
        }));
    }
    (Servers { _plain: [good, plain], _http2: http2, _tls: servers, _full: full }, bouts)
}

/// Hosts that no connection can be made to, whatever is spoken, and why.
fn no_way(full: &Full) -> [(&'static str, String, Http, ErrorKind); 5] {
    let refused = refused_url().replace("http://", "");
    let patient = Http::new().connect_timeout(millis(150));
    let named = |answer: fn() -> io::Result<Vec<IpAddr>>| {
        Http::new().dns(Dns::new().ttl(Duration::ZERO).resolver(async move |_: &str| answer()))
    };
    let unknown = named(|| Err(io::ErrorKind::NotFound.into()));
    let down = named(|| Err(io::Error::other("down")));
    let name = || "shop.test".to_owned();
    [
        ("refused", refused, Http::new(), ErrorKind::ConnectionRefused),
        ("no room", full.at(), patient, ErrorKind::ConnectTimeout),
        ("no such name", name(), unknown, ErrorKind::NoSuchHost),
        ("a name without addresses", name(), named(|| Ok(Vec::new())), ErrorKind::NoSuchHost),
        ("a lookup that fails", name(), down, ErrorKind::Dns),
    ]
}
