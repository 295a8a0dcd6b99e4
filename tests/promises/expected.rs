//! Promise: the test says which statuses are a success, for all requests or for one.

use crate::echo::Echo;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::any;
use loadcore::http::{Http, Statuses};
use loadcore::prelude::*;

async fn server() -> Echo {
    let status = async |Path(status): Path<u16>| StatusCode::from_u16(status).unwrap();
    Echo::start(Router::new().route("/{status}", any(status))).await
}

fn asking(journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static) -> Scenario {
    Scenario::new("ask", async move |vu: &Vu| journey(vu).await).executor(shared_iterations(1))
}

/// How many requests of this status were counted as expected, and as not.
fn judged(report: &Report, status: &str) -> (usize, usize) {
    let series = report.metrics().series("http_reqs");
    let of = |expected: &str| {
        let is = |tag, value| move |s: &&loadcore::metric::SeriesView<'_>| s.tag(tag) == Some(value);
        series.iter().filter(is("status", status)).filter(is("expected_response", expected)).count()
    };
    (of("true"), of("false"))
}

#[tokio::test]
async fn by_default_200_to_399_and_each_call_may_say_otherwise() {
    let server = server().await;
    let scenario = asking(async |vu: &Vu| {
        for status in [200, 399, 400, 404] {
            vu.get(format!("/{status}")).name("all").send().await?;
        }
        vu.get("/404").name("all").expected_statuses(404).send().await?;
        vu.get("/200").name("all").expected_statuses([201, 204]).send().await?;
        vu.get("/503").name("all").expected_statuses(Statuses::any()).send().await?;
        Ok(())
    });
    let report = LoadTest::new().base_url(&server.url).scenario(scenario).run().await.unwrap();
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
    assert_eq!(judged(&report, "200"), (1, 1));
    assert_eq!(judged(&report, "404"), (1, 1));
    assert_eq!(
        (judged(&report, "399"), judged(&report, "400"), judged(&report, "503")),
        ((1, 0), (0, 1), (1, 0))
    );
    assert_eq!(report.rate(HTTP_REQ_FAILED), 3.0 / 7.0);
}

#[tokio::test]
async fn the_test_says_it_for_all_that_say_nothing() {
    let server = server().await;
    let scenario = asking(async |vu: &Vu| {
        vu.get("/200").send().await?;
        vu.get("/404").send().await?;
        vu.get("/500").expected_statuses(500..=599).send().await?;
        Ok(())
    });
    let http = Http::new().expected_statuses(Statuses::from(404).or(410..=499));
    let report = LoadTest::new().base_url(&server.url).http(http).scenario(scenario).run().await.unwrap();
    assert_eq!(
        (judged(&report, "200"), judged(&report, "404"), judged(&report, "500")),
        ((0, 1), (1, 0), (1, 0))
    );
}

#[tokio::test]
async fn a_set_that_is_none_is_an_error_before_the_start() {
    for (statuses, problem) in [
        (Statuses::from(99), "99 to 99 are no statuses"),
        (Statuses::from(200..=1000), "200 to 1000 are no statuses"),
        (Statuses::from(0..0), "0 to 0 are no statuses"),
        (Statuses::from([]), "no status is expected"),
    ] {
        let scenario = asking(async |_: &Vu| Ok(()));
        let test = LoadTest::new().http(Http::new().expected_statuses(statuses)).scenario(scenario);
        let error = test.run().await.unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
