//! Promise: bodies of any size go up and come down piece by piece, in the memory of a few pieces; each request counts once, when
//! its last byte has come or when it is given up.

mod down;
mod memory;
mod up;

use crate::echo::Echo;
use crate::support::{once, sound};
use axum::Router;
use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt as _, stream};
use loadcore::http::{Http, HttpVersions};
use loadcore::prelude::*;
use std::convert::Infallible;

/// Both versions, without TLS.
fn versions() -> [Http; 2] {
    [Http::new(), Http::new().versions(HttpVersions::Http2)]
}

/// The `error` tag of each series of `http_reqs`.
fn errors(report: &Report) -> Vec<String> {
    let series = report.metrics().series("http_reqs");
    series.iter().map(|series| series.tag("error").unwrap_or("").to_owned()).collect()
}

/// So many pieces of 64 KiB, made when they are wanted.
fn pieces(count: usize) -> impl Stream<Item = std::result::Result<Bytes, Infallible>> {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    stream::iter(0..count).map(move |_| Ok(piece.clone()))
}

/// Pieces with a pause after each.
fn slowly(pieces: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(pieces).then(async |piece| {
        let piece = Ok::<_, Infallible>(Bytes::from(*piece));
        tokio::time::sleep(millis(60)).await;
        piece
    }))
}

async fn server(routes: Router) -> Echo {
    Echo::start(routes).await
}
