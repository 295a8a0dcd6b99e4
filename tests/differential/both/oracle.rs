//! The same through hyper.

use std::error::Error;
use std::pin::{Pin, pin};

use http::Request;
use http_body_util::BodyExt;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::drive::drive;
use super::{Case, Outcome, Reading, Reply, Script, Seen};

/// A connection, and whether it is still there.
struct Client {
    sender: SendRequest<String>,
    connection: Pin<Box<Connection<TokioIo<Script>, String>>>,
    has_ended: bool,
}

pub(crate) fn read(case: &Case) -> Seen {
    let mut client = Client::new(case);
    let outcome = match drive(client.exchange(case)) {
        Some(Ok(reply)) => Outcome::Read(reply),
        Some(Err(error)) => {
            let cause = error.source().map(|cause| format!(": {cause}"));
            Outcome::Refused(format!("{error}{}", cause.unwrap_or_default()))
        }
        None => Outcome::Waits,
    };
    Seen { is_kept: matches!(outcome, Outcome::Read(_)) && client.is_kept(), outcome }
}

impl Client {
    fn new(case: &Case) -> Self {
        let mut builder = Builder::new();
        // As we do.
        builder.max_headers(256).allow_obsolete_multiline_headers_in_responses(true);
        let handshake = drive(builder.handshake(TokioIo::new(Script::of(case))));
        let (sender, connection) = handshake.expect("it waits for nothing").expect("it sends nothing");
        Self { sender, connection: Box::pin(connection), has_ended: false }
    }

    async fn exchange(&mut self, case: &Case) -> Result<Reply, hyper::Error> {
        let uri = if case.is_connect() { "test:443" } else { "/" };
        let request = Request::builder().method(&case.method).uri(uri).header("host", "test");
        let request = request.body(String::new()).expect("it is valid");
        let mut reply = pin!(async {
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let mut body = body.collect().await?.to_bytes().to_vec();
            if case.reading == Reading::Discarded {
                // hyper has no such way of reading: it must come to the same end.
                body.clear();
            }
            Ok(Reply { status: head.status, version: head.version, headers: head.headers, body })
        });
        tokio::select! {
            biased;
            reply = &mut reply => reply,
            _ = &mut self.connection => {
                self.has_ended = true;
                // What ends the connection is told to the reply as well.
                reply.await
            }
        }
    }

    /// Whether another request could be sent, once it has read whatever is there.
    fn is_kept(&mut self) -> bool {
        !self.has_ended && drive(&mut self.connection).is_none() && self.sender.is_ready()
    }
}
