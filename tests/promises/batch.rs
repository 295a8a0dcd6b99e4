//! Promise: a batch sends any number of requests at once, within its limits, and says what became of each.

use crate::echo::Echo;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use loadcore::http::{ErrorKind, Http};
use loadcore::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests a server has at a time.
#[derive(Default)]
struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Answers each request with its number, after a while.
async fn busy(load: &Arc<Load>) -> Echo {
    let answer = async |State(load): State<Arc<Load>>, Path(number): Path<u32>| {
        let now = load.now.fetch_add(1, Ordering::SeqCst) + 1;
        load.most.fetch_max(now, Ordering::SeqCst);
        // Later ones are quicker, so that they do not come back in their order.
        tokio::time::sleep(millis(60 - u64::from(number % 5) * 10)).await;
        load.now.fetch_sub(1, Ordering::SeqCst);
        let status = if number == 3 { StatusCode::NOT_FOUND } else { StatusCode::OK };
        (status, number.to_string())
    };
    Echo::start(Router::new().route("/{number}", get(answer)).with_state(Arc::clone(load))).await
}

async fn once(http: Http, journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static) -> Report {
    let scenario =
        Scenario::new("once", async move |vu: &Vu| journey(vu).await).executor(shared_iterations(1));
    let report = LoadTest::new().http(http).scenario(scenario).run().await.unwrap();
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
    report
}

#[tokio::test]
async fn responses_come_in_the_order_of_their_requests_whatever_became_of_them() {
    let load = Arc::<Load>::default();
    let server = busy(&load).await;
    let (url, refused) = (server.url.clone(), testbed::refused_url());
    let report = once(Http::new(), async move |vu: &Vu| {
        let mut requests: Vec<_> = (0..7).map(|number| vu.get(format!("{url}/{number}"))).collect();
        requests.insert(2, vu.get(&refused));
        requests.insert(5, vu.get("no url"));
        let responses = vu.batch(requests).await;
        let told: Vec<_> = responses
            .iter()
            .map(|response| match response {
                Ok(response) => format!("{} {}", response.status().as_u16(), response.text().unwrap()),
                Err(error) => error.kind().text().to_owned(),
            })
            .collect();
        let want = [
            "200 0",
            "200 1",
            "connection refused",
            "200 2",
            "404 3",
            "invalid request",
            "200 4",
            "200 5",
            "200 6",
        ];
        assert_eq!(told, want);
        assert_eq!(responses[2].as_ref().unwrap_err().kind(), ErrorKind::ConnectionRefused);
        // An array, and none at all.
        let [a, b] = [vu.get(format!("{url}/8")), vu.get(format!("{url}/9"))];
        assert_eq!(vu.batch([a, b]).await.len(), 2);
        assert!(vu.batch([]).await.is_empty());
        Ok(())
    })
    .await;
    // Each is a request of its own.
    assert_eq!(report.count(HTTP_REQS), 11.0);
    assert_eq!(server.lines().len(), 9);
}

/// The most requests that the first host had at a time, and both together.
async fn most_at_a_time(http: Http, per_host: u32) -> (usize, usize) {
    let (one, other) = (Arc::<Load>::default(), Arc::<Load>::default());
    let (first, second) = (busy(&one).await, busy(&other).await);
    let urls = [first.url.clone(), second.url.clone()];
    let begun = std::time::Instant::now();
    once(http, async move |vu: &Vu| {
        let urls = &urls;
        let requests =
            (0..per_host).flat_map(|number| urls.iter().map(move |url| vu.get(format!("{url}/{number}"))));
        for response in vu.batch(requests).await {
            // The wait for its turn is in none of its timings.
            assert!(response?.timings().blocked < millis(60));
        }
        Ok(())
    })
    .await;
    assert!(begun.elapsed() < secs(20));
    let most = |load: &Load| load.most.load(Ordering::SeqCst);
    (most(&one), most(&one) + most(&other))
}

#[tokio::test]
async fn no_more_than_the_limits_are_under_way() {
    assert_eq!(most_at_a_time(Http::new(), 20).await, (6, 12));
    assert_eq!(most_at_a_time(Http::new().batch_per_host(1), 5).await, (1, 2));
    assert_eq!(most_at_a_time(Http::new().batch(100).batch_per_host(30), 15).await, (15, 30));
}

#[tokio::test]
async fn the_total_is_for_all_hosts_together() {
    for (http, most) in [(Http::new(), 20), (Http::new().batch(4), 4)] {
        let load = Arc::<Load>::default();
        let mut servers = Vec::new();
        for _ in 0..5 {
            servers.push(busy(&load).await);
        }
        let urls: Vec<_> = servers.iter().map(|server| server.url.clone()).collect();
        once(http, async move |vu: &Vu| {
            let requests = urls.iter().flat_map(|url| (0..8).map(move |n| vu.get(format!("{url}/{n}"))));
            assert!(vu.batch(requests).await.iter().all(std::result::Result::is_ok));
            Ok(())
        })
        .await;
        assert_eq!(load.most.load(Ordering::SeqCst), most);
    }
}

#[tokio::test]
async fn thousands_come_back_in_their_order_over_no_more_connections_than_allowed() {
    let answer = get(async |Path(number): Path<u32>| number.to_string());
    let server = Echo::start(Router::new().route("/{number}", answer)).await;
    let scenario = Scenario::new("once", async |vu: &Vu| {
        let answers = vu.batch((0..3_000).map(|number| vu.get(path!("/{number}")))).await;
        let answers: Vec<_> = answers.into_iter().map(std::result::Result::unwrap).collect();
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer.text()?, number.to_string());
        }
        let opened = answers.iter().filter(|answer| answer.timings().connecting > millis(0)).count();
        assert!((1..=6).contains(&opened), "{opened} connections");
        Ok(())
    });
    let test = LoadTest::new().base_url(&server.url).scenario(scenario.executor(shared_iterations(1)));
    let report = test.run().await.unwrap();
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
    assert_eq!(report.count(HTTP_REQS), 3_000.0);
}

#[tokio::test]
async fn a_batch_that_is_given_up_cancels_what_is_under_way() {
    let load = Arc::<Load>::default();
    let server = busy(&load).await;
    let url = server.url.clone();
    let report = once(Http::new(), async move |vu: &Vu| {
        let requests: Vec<_> = (0..10).map(|number| vu.get(format!("{url}/{}", 5 * number))).collect();
        let given_up = tokio::time::timeout(millis(30), vu.batch(requests)).await;
        assert!(given_up.is_err());
        Ok(())
    })
    .await;
    // Six had been sent. The others never began, and are counted nowhere.
    let cancelled = report.metrics().series("http_reqs");
    assert!(cancelled.iter().all(|series| series.tag("error") == Some("cancelled")), "{cancelled:#?}");
    assert_eq!((report.count(HTTP_REQS), report.count(HTTP_REQ_ABANDONED)), (6.0, 0.0));
}

#[tokio::test]
async fn a_limit_of_none_is_a_mistake_before_the_start() {
    for http in [Http::new().batch(0), Http::new().batch_per_host(0)] {
        let scenario = Scenario::new("never", async |_: &Vu| Ok(())).executor(shared_iterations(1));
        let error = LoadTest::new().http(http).scenario(scenario).run().await.unwrap_err().to_string();
        assert!(error.contains("batch") && error.contains("give at least 1"), "{error}");
    }
}
