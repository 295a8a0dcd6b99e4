//! Promise: over HTTP/2 a VU's concurrent requests share one connection, every one of them is measured and ends as it did for
//! the server, and whatever the server does to one of them leaves the others alone.

mod cancelled;
mod closing;
mod endless;
mod options;
mod real;
mod refused;
mod resets;
mod sharing;
mod streams;
mod timings;
mod uploads;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::Poll;

use loadcore::http::{Http, Http2, HttpVersions, Response, SendError};
use loadcore::metric::SeriesView;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use testbed::http2::RunningHttp2;

/// HTTP/2 without TLS, of a server that is known to speak it.
fn http2() -> Http {
    Http::new().versions(HttpVersions::Http2)
}

/// Runs this journey, once if nothing else is said.
async fn run(
    url: impl Into<String>,
    http: Http,
    executor: impl Into<Executor>,
    journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static,
) -> Report {
    let scenario = Scenario::new("journey", async move |vu: &Vu| journey(vu).await).executor(executor);
    LoadTest::new().base_url(url.into()).cores(1).http(http).scenario(scenario).run().await.unwrap()
}

async fn once(
    server: &RunningHttp2,
    http: Http,
    journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static,
) -> Report {
    run(server.url(), http, shared_iterations(1), journey).await
}

type Answer = std::result::Result<Response, SendError>;

/// Sends so many requests at once, and waits for all of them.
async fn joined(vu: &Vu, count: usize, path: impl Fn(usize) -> String) -> Vec<Answer> {
    type Sending = Pin<Box<dyn Future<Output = Answer>>>;
    let mut sending: Vec<Sending> = Vec::new();
    for index in 0..count {
        // One name: thousands of them would be too many series.
        sending.push(Box::pin(vu.get(path(index)).name("joined").send()));
    }
    let mut answers: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (sending, answer) in sending.iter_mut().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(ready) = sending.as_mut().poll(cx) {
                *answer = Some(ready);
            }
        }
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}

#[track_caller]
fn sound(report: &Report) {
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
    assert_eq!(report.rate(HTTP_REQ_FAILED), 0.0, "{report}");
}

/// The `error` and `error_code` tags of the requests that failed, with their number.
fn failed(report: &Report) -> Vec<(String, String, u64)> {
    let series = report.metrics().series("http_reqs");
    let tag = |series: &SeriesView<'_>, key| series.tag(key).unwrap_or("").to_owned();
    let kinds: BTreeSet<_> =
        series.iter().map(|series| (tag(series, "error"), tag(series, "error_code"))).collect();
    let failed = kinds.into_iter().filter(|(error, _)| !error.is_empty());
    failed
        .map(|(error, code)| {
            let count = report.count(HTTP_REQS.tag("error", &error)) as u64;
            (error, code, count)
        })
        .collect()
}

/// One kind of failed request, so often.
#[track_caller]
fn only_failed(report: &Report, error: &str, code: &str, count: u64) {
    assert_eq!(failed(report), [(error.to_owned(), code.to_owned(), count)], "{report}");
}

/// This process's open descriptors.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
