//! What a stream may cost.

use super::{once, pieces, sound, versions};
use crate::support::is_alone;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::any;
use futures_util::StreamExt as _;
use loadcore::prelude::*;

/// The most memory that this process ever had, in MiB.
fn most_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

/// Of 64 KiB each, 256 MiB together.
const PIECES: usize = 4_096;

/// Counts what comes, and sends as much.
async fn counts(body: Body) -> String {
    let mut body = body.into_data_stream();
    let mut bytes = 0;
    while let Some(piece) = body.next().await {
        bytes += piece.unwrap().len();
    }
    bytes.to_string()
}

#[tokio::test]
async fn bodies_of_256_mib_go_up_and_come_down_in_the_memory_of_a_few_pieces() {
    if !is_alone("streams::memory::bodies_of_256_mib_go_up_and_come_down_in_the_memory_of_a_few_pieces") {
        return;
    }
    // Not the one that keeps what it was asked.
    let routes = Router::new()
        .route("/up", any(counts))
        .route("/down/{count}", any(async |Path(count): Path<usize>| Body::from_stream(pieces(count))));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    // What any test needs, and both versions for a few pieces.
    there_and_back(&url, 64).await;
    let before = most_resident();
    there_and_back(&url, PIECES).await;
    serving.abort();
    let grown = most_resident() - before;
    println!("{grown} MiB");
    // Both ends are in this process.
    assert!(grown < 8, "{grown} MiB");
}

async fn there_and_back(url: &str, count: usize) {
    for http in versions() {
        let report = once(url, http, async move |vu: &Vu| {
            let up = vu.post("/up").body_stream(pieces(count)).send().await?;
            assert_eq!(up.text()?, (count << 16).to_string());
            let (mut down, mut bytes) = (vu.get(path!("/down/{count}")).send_streaming().await?, 0);
            while let Some(piece) = down.chunk().await? {
                bytes += piece.len();
            }
            assert_eq!(bytes, count << 16);
            Ok(())
        })
        .await;
        sound(&report);
    }
}
