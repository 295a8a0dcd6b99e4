//! Promise: a response is never given to the wrong request, whatever the server does and whenever a request is given up.
//!
//! Each request has a tag. The server says it again in a header and throughout the body, in responses of random sizes and
//! framings, late or in pieces; it resets, hangs up, and says what nobody asked for. The clients give requests up at random.

mod answer;
mod clients;
mod server;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use loadcore::prelude::*;

use clients::journey;
use server::{Moods, Server};
use tally::Tally;

async fn run(server: &Server, vus: u64, iterations: u64) -> (Report, Arc<Tally>) {
    let tally = Arc::<Tally>::default();
    let (shared, late) = (Arc::clone(&tally), server.late());
    let scenario = Scenario::new("tagged", async move |vu: &Vu| journey(vu, &shared, &late).await);
    let executor = per_vu_iterations(iterations / vus).vus(vus).max_duration(Duration::from_secs(3 * 3600));
    let test = LoadTest::new().base_url(server.url()).seed(7).scenario(scenario.executor(executor));
    let report = test.run().await.unwrap();
    assert_eq!(report.errors(), []);
    println!("{tally:#?}\n{:#?}", server.seen());
    (report, tally)
}

/// Checks that no answer went astray, and that enough went wrong for them to have had the chance.
async fn never_astray(moods: Moods, vus: u64, requests: u64) {
    let server = Server::start(moods);
    let begun = std::time::Instant::now();
    let (report, tally) = run(&server, vus, requests).await;
    println!("{} requests in {:?}", report.count(HTTP_REQS), begun.elapsed());
    assert_eq!(tally.astray(), Vec::<String>::new());
    assert!(report.count(HTTP_REQS) >= 0.95 * requests as f64, "{}", report.count(HTTP_REQS));
    tally.has_seen_it_all();
    server.seen().has_done_it_all();
}

#[tokio::test]
async fn no_response_is_given_to_the_wrong_request() {
    never_astray(Moods { oddities: 40 }, 40, 20_000).await;
}

#[tokio::test]
#[ignore = "10 million requests: in release about eight minutes on two cores"]
async fn no_response_of_ten_million_is_given_to_the_wrong_request() {
    never_astray(Moods { oddities: 400 }, 100, 10_000_000).await;
}

#[tokio::test]
async fn an_answer_that_goes_astray_would_be_noticed() {
    let server = Server::start_that_mixes_up(Moods { oddities: 40 });
    let (_, tally) = run(&server, 10, 5_000).await;
    assert!(!tally.astray().is_empty());
}
