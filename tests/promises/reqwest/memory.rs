//! Ever new URLs take none of the memory for series, as long as nothing is counted under them.

use axum::Router;
use axum::extract::Path;
use axum::response::Redirect;
use axum::routing::get;
use loadcore::http::Http;
use loadcore::prelude::*;
use loadcore::reqwest::Request;

use super::{of_user, run, sound};
use crate::echo::Echo;

/// What a run has taken of it, in bytes.
fn taken(report: &Report) -> usize {
    let shown = format!("{report:?}");
    let (_, memory) = shown.split_once("SeriesMemory {").expect("the memory for series");
    let (_, used) = memory.split_once("used: ").unwrap();
    used.split_once(',').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn requests_with_a_name_of_their_own_leave_none_of_their_urls_behind() {
    let routes = Router::new()
        .route("/from/{page}", get(async |Path(page): Path<String>| Redirect::to(&format!("/to/{page}"))))
        .route("/to/{page}", get(async || "here"));
    let server = Echo::start(routes).await;
    let client = of_user(|builder| builder);
    let mut all = Vec::new();
    for pages in [1, 100] {
        let (at, client) = (server.url.clone(), client.clone());
        let report = run(&server.url, Http::new(), per_vu_iterations(1), async move |vu: &Vu| {
            for page in 0..pages {
                let path = format!("/from/{page}{}", "x".repeat(10_000));
                let url = format!("{at}{path}");
                // Followed by loadcore, by the client, and by loadcore again.
                vu.get(&path).name("/from/{page}").send().await?;
                vu.execute(client.get(&url)).name("/from/{page}").await?;
                let request = Request::new("GET".parse()?, url.parse()?);
                assert_eq!(vu.execute(request).name("/from/{page}").await?.text()?, "here");
            }
            Ok(())
        })
        .await;
        sound(&report);
        assert_eq!(report.count(HTTP_REQS.tag("name", "/from/{page}")), f64::from(5 * pages));
        all.push(taken(&report));
    }
    // Each text would be there twice. Histograms that have met slow requests grow as well, by less.
    assert!(all[1] < all[0] + 100 * 10_000, "{all:?}");
}
