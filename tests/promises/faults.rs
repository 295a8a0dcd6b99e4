//! Whatever goes wrong is counted under its name with its place, the VU goes on, and the run ends normally.

mod cancelled;
mod churn;
mod code;
mod footprint;
mod front;
mod leftover;
mod loops;
mod stalled;
mod stop;
mod table;
mod urls;

use std::time::Duration;

use loadcore::http::{Http, Tls};
use loadcore::metric::{SeriesView, Stats};
use loadcore::prelude::*;
use testbed::misbehaving::{self, Script, Step};
use testbed::{Authority, Misbehaving, refused_url, wire};

use crate::support::{in_some_round, measuring, only_error, only_failed_series};

/// The `file:line` of this file's line that ends with this comment.
fn place(comment: &str) -> String {
    let ends = format!("// {comment}");
    let line = include_str!("faults.rs").lines().position(|line| line.ends_with(&ends));
    format!("{}:{}", file!(), line.expect("a line with that comment") + 1)
}

/// Three iterations of one VU, a request in each.
fn three_times(url: &str, timeout: Duration) -> LoadTest {
    let scenario = Scenario::new("three", async move |vu: &Vu| {
        vu.get("/").timeout(timeout).send().await?; // the one that fails
        check!(vu, { "was reached" => true });
        Ok(())
    });
    LoadTest::new().base_url(url).scenario(scenario.executor(shared_iterations(3)))
}

#[track_caller]
fn count(stats: &Stats) -> u64 {
    let Stats::Trend { count, .. } = stats else { panic!("not a trend: {stats:?}") };
    *count
}

#[track_caller]
fn tags<'a>(series: &'a SeriesView<'_>, keys: [&str; 3]) -> [&'a str; 3] {
    keys.map(|key| series.tag(key).unwrap_or(""))
}

/// The first of three requests meets this script; the other two are served.
async fn meets(script: Script, timeout: Duration) -> (Report, Misbehaving) {
    let server = Misbehaving::start([script, misbehaving::answers()]).await.unwrap();
    let report = three_times(&server.url(), timeout).run().await.unwrap();
    (report, server)
}

/// The script, the `error` tag and the `error_code` tag.
type Fault = (fn() -> Script, &'static str, &'static str);

#[tokio::test]
async fn every_way_to_lose_an_answer_has_a_name_and_costs_one_iteration() {
    let closed = "connection closed before the response was complete";
    let faults: [Fault; 7] = [
        (misbehaving::hang_up_mid_body, closed, "1000"),
        (misbehaving::hang_up_mid_head, closed, "1000"),
        (misbehaving::hangs_up_at_once, closed, "1000"),
        (misbehaving::resets, "connection reset", "1220"),
        (misbehaving::garbage, "invalid http response", "1000"),
        (misbehaving::never_answers, "request timeout", "1050"),
        (|| misbehaving::dribbles(millis(100)), "request timeout", "1050"),
    ];
    for (script, kind, code) in faults {
        let (report, server) = meets(script(), millis(300)).await;
        let error = only_error(&report);
        assert_eq!((error.kind.as_str(), error.count), (kind, 1), "{error:?}");
        assert_eq!(error.place, place("the one that fails"), "{kind}");
        assert!(error.first.starts_with(&format!("GET {}/: {kind}", server.url())), "{}", error.first);

        assert_eq!((report.count(ITERATIONS), report.count(HTTP_REQS)), (3.0, 3.0), "{kind}");
        assert_eq!((report.rate(ITERATION_FAILED), report.rate(HTTP_REQ_FAILED)), (1.0 / 3.0, 1.0 / 3.0));
        assert_eq!(report.stats(CHECKS, &[]), Stats::Rate { rate: 1.0, trues: 2, total: 2 }, "{kind}");
        assert_eq!((report.count(HTTP_REQ_RETRIES), server.requests()), (0.0, 3), "{kind}");
        assert_eq!(report.exit_code(), 0, "{kind}");

        let series = only_failed_series(&report);
        // Also where a status line came before it went wrong.
        assert_eq!(tags(&series, ["status", "error", "error_code"]), ["0", kind, code], "{kind}");
        assert_eq!(series.tag("expected_response").unwrap_or(""), "", "{kind}");
        // A connection was there, so the time it took is one.
        assert_eq!(count(&report.stats(HTTP_REQ_DURATION.tag("error", kind), &[])), 1, "{kind}");
        assert_eq!(
            count(&report.stats(HTTP_REQ_DURATION.tag("expected_response", "true"), &[])),
            2,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_timeout_was_spent_waiting() {
    let _measuring = measuring().await;
    in_some_round(async || {
        let (report, _server) = meets(misbehaving::never_answers(), millis(300)).await;
        let told = only_error(&report).first;
        assert!(told.ends_with("/: request timeout: no answer within 300ms"), "{told}");
        let of = |metric: Trend<loadcore::metric::Time>| {
            report.value(metric.tag("error", "request timeout").max())
        };
        // Connecting was within the timeout as well, and took some of it.
        let (blocked, duration, waiting) =
            (of(HTTP_REQ_BLOCKED), of(HTTP_REQ_DURATION), of(HTTP_REQ_WAITING));
        assert!(blocked + duration >= 300.0 && duration >= waiting, "{blocked} {duration} {waiting}");
        assert_eq!(of(HTTP_REQ_RECEIVING), 0.0);
        if blocked + duration < 600.0 && waiting > 250.0 {
            return Ok(());
        }
        Err(format!("{blocked} ms blocked, {duration} ms in all of it, {waiting} ms waiting"))
    })
    .await;
}

#[tokio::test]
async fn a_refused_connection_has_no_duration() {
    let report = three_times(&refused_url(), secs(5)).run().await.unwrap();
    let error = only_error(&report);
    assert_eq!((error.kind.as_str(), error.count), ("connection refused", 3));
    assert_eq!(error.place, place("the one that fails"));
    assert_eq!((report.count(ITERATIONS), report.count(HTTP_REQS)), (3.0, 3.0));
    assert_eq!((report.rate(ITERATION_FAILED), report.rate(HTTP_REQ_FAILED)), (1.0, 1.0));
    let series = only_failed_series(&report);
    let expected = ["0", "connection refused", "1212"];
    assert_eq!(tags(&series, ["status", "error", "error_code"]), expected);
    assert_eq!(series.tag("expected_response").unwrap_or(""), "");
    for metric in [HTTP_REQ_DURATION, HTTP_REQ_SENDING, HTTP_REQ_WAITING, HTTP_REQ_RECEIVING] {
        assert!(report.stats(metric, &[]).is_empty(), "{metric:?}");
    }
    assert_eq!((report.count(DATA_SENT), report.count(DATA_RECEIVED)), (0.0, 0.0));
}

#[tokio::test]
async fn a_name_that_does_not_exist_and_a_url_that_is_none_are_told_apart() {
    // A machine that can ask nobody does not know that there is no such name.
    let no_host = [("no such host", "1101"), ("dns lookup failed", "1100")];
    for (url, kinds) in [
        ("http://no-such-host.invalid/", no_host.as_slice()),
        ("http://[::1", &[("invalid request", "1020")]),
    ] {
        let scenario = Scenario::new("lost", async move |vu: &Vu| {
            vu.get(url).send().await?; // lost
            Ok(())
        });
        let report = LoadTest::new().scenario(scenario).run().await.unwrap();
        let error = only_error(&report);
        let known = kinds.iter().find(|(kind, _)| *kind == error.kind);
        let (kind, code) = *known.unwrap_or_else(|| panic!("{url}: {error:?}"));
        assert_eq!(error.place, place("lost"), "{url}");
        let series = only_failed_series(&report);
        assert_eq!(tags(&series, ["status", "error", "error_code"]), ["0", kind, code], "{url}");
        assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (1.0, 1.0), "{url}");
        assert!(report.stats(HTTP_REQ_DURATION, &[]).is_empty(), "{url}");
    }
}

/// A server for this script, without TLS and with it, and what a client of each must know.
async fn both(script: fn() -> Script) -> [(Misbehaving, Http); 2] {
    let authority = Authority::new();
    let tls = Misbehaving::start_tls(&authority.server(&["localhost"]), [script()]).await.unwrap();
    let trusting = Http::new().tls(Tls::new().root_certificates(authority.pem()));
    [(Misbehaving::start([script()]).await.unwrap(), Http::new()), (tls, trusting)]
}

#[tokio::test]
async fn a_server_that_closes_after_each_response_costs_connections_only() {
    for script in [misbehaving::closes_after_each_response, misbehaving::stale_keep_alive] {
        for (server, http) in both(script).await {
            let scenario = Scenario::new("patient", async |vu: &Vu| {
                assert_eq!(vu.get("/").send().await?.status(), 200);
                // Longer than the server keeps an idle connection.
                vu.sleep(millis(100)).await;
                Ok(())
            });
            let test = LoadTest::new().base_url(server.url()).http(http);
            let report = test.scenario(scenario.executor(shared_iterations(5))).run().await.unwrap();
            assert_eq!(report.errors(), []);
            assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (5.0, 0.0));
            assert_eq!((server.connections(), server.requests()), (5, 5));
        }
    }
}

#[tokio::test]
async fn connections_closed_without_notice_fail_no_request_that_may_be_repeated() {
    for (server, http) in both(misbehaving::closes_unannounced).await {
        let scenario = Scenario::new("hasty", async |vu: &Vu| {
            assert_eq!(vu.get("/").send().await?.status(), 200);
            Ok(())
        });
        let test = LoadTest::new().base_url(server.url()).http(http);
        let executor = per_vu_iterations(200).vus(4);
        let report = test.scenario(scenario.executor(executor)).run().await.unwrap();
        assert_eq!(report.errors(), []);
        assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (800.0, 0.0));
        assert_eq!((server.connections(), server.requests()), (800, 800));
    }
}

/// Serves one request, then closes the connection over the second without an answer: what a client sees whose
/// request and whose server's idle timeout cross.
fn closes_over_the_second() -> Script {
    let answer = wire::response(200, "text/plain", b"ok").into();
    vec![Step::ReadRequest, Step::Send(answer), Step::ReadRequest, Step::Close]
}

/// Two requests of that method: the second one comes over a stale connection.
async fn two(method: &'static str, scripts: Vec<Script>) -> (Report, Misbehaving) {
    let server = Misbehaving::start(scripts).await.unwrap();
    let scenario = Scenario::new("two", async move |vu: &Vu| {
        vu.request(method.parse()?, "/").body("x").send().await?; // stale
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url());
    let report = test.scenario(scenario.executor(shared_iterations(2))).run().await.unwrap();
    (report, server)
}

#[tokio::test]
async fn a_stale_connection_is_replaced_once_and_counted_as_a_retry() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let (report, server) = two(method, vec![closes_over_the_second(), misbehaving::answers()]).await;
        assert_eq!(report.errors(), [], "{method}");
        assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (2.0, 0.0), "{method}");
        assert_eq!(report.count(HTTP_REQ_RETRIES), 1.0, "{method}");
        assert_eq!((server.connections(), server.requests()), (2, 3), "{method}");
        let received = server.received();
        assert_eq!((&received[1].target, &received[1].body), (&received[2].target, &received[2].body));
        // Sent twice is two spans of one trace.
        let [first, second] = [1, 2].map(|nth: usize| received[nth].header("traceparent").unwrap());
        assert!(first[..36] == second[..36] && first != second, "{first} {second}");
    }
}

#[tokio::test]
async fn a_retry_is_not_retried_and_what_may_have_been_done_is_not_done_again() {
    let scripts = vec![closes_over_the_second(), misbehaving::hangs_up_at_once(), misbehaving::answers()];
    for (method, scripts, requests, retries) in [
        ("GET", scripts, 3, 1.0),
        ("POST", vec![closes_over_the_second(), misbehaving::answers()], 2, 0.0),
        ("PATCH", vec![closes_over_the_second(), misbehaving::answers()], 2, 0.0),
    ] {
        let (report, server) = two(method, scripts).await;
        let error = only_error(&report);
        assert_eq!(error.kind, "connection closed before the response was complete", "{method}");
        assert_eq!((error.place, error.count), (place("stale"), 1), "{method}");
        assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (2.0, 0.5), "{method}");
        assert_eq!((server.requests(), report.count(HTTP_REQ_RETRIES)), (requests, retries), "{method}");
    }
}

#[tokio::test]
async fn an_upload_that_is_refused_half_way_does_not_hold_up_the_next_request() {
    let refuse = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n";
    let refuses = vec![
        Step::Wait(Duration::from_millis(50)),
        Step::Send(refuse.as_slice().into()),
        Step::Wait(Duration::from_secs(5)),
    ];
    let server = Misbehaving::start([refuses, misbehaving::answers()]).await.unwrap();
    let scenario = Scenario::new("upload", async |vu: &Vu| {
        assert_eq!(vu.post("/").body(vec![b'x'; 32 << 20]).send().await?.status(), 413);
        assert_eq!(vu.get("/").timeout(secs(1)).send().await?.status(), 200);
        Ok(())
    });
    let report = LoadTest::new().base_url(server.url()).scenario(scenario).run().await.unwrap();
    assert_eq!(report.errors(), []);
    assert_eq!(server.connections(), 2);
}
