//! What bodies may cost.

use super::{bomb, encoded, once, sound};
use crate::echo::Echo;
use crate::support::is_alone;
use axum::Router;
use axum::body::Bytes;
use axum::routing::any;
use loadcore::http::{ErrorKind, Http};
use loadcore::prelude::*;

/// The most memory that this process ever had, in MiB.
fn most_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

#[tokio::test]
async fn a_bomb_of_a_gibibyte_costs_no_more_than_the_limit() {
    if !is_alone("bodies::memory::a_bomb_of_a_gibibyte_costs_no_more_than_the_limit") {
        return;
    }
    let sent = Bytes::from(bomb(1_024));
    assert!(sent.len() < 2 << 20);
    let routes = Router::new()
        .route("/small", any(async || encoded("gzip", bomb(1))))
        .route("/", any(async move || encoded("gzip", sent.clone())));
    let server = Echo::start(routes).await;
    // What any test needs.
    let small = once(&server.url, Http::new(), async |vu: &Vu| {
        vu.get("/small").send().await?;
        Ok(())
    });
    sound(&small.await);
    let before = most_resident();
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        for _ in 0..3 {
            let error = vu.get("/").send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decompression);
        }
        Ok(())
    })
    .await;
    sound(&report);
    let grown = most_resident() - before;
    println!("{grown} MiB");
    // 64 MiB of body, and the bomb itself a few times.
    assert!(grown < 64 + 12, "{grown} MiB");
}
