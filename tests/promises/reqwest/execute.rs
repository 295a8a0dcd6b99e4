//! Requests that the user's own reqwest client has built.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::any;
use bytes::Bytes;
use http_body::{Body, Frame};
use loadcore::http::{ErrorKind, Http};
use loadcore::metric::Stats;
use loadcore::prelude::*;
use loadcore::reqwest::header::HeaderMap;
use loadcore::reqwest::redirect::Policy;
use loadcore::reqwest::{self, Client, Request};
use testbed::misbehaving::{self, Step};
use testbed::{Misbehaving, refused_url};

use super::{of_user, run, sound};
use crate::echo::Echo;
use crate::support::only_failed_series;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn routes() -> Router {
    Router::new()
        .route("/", any(async || "home"))
        .route("/moved", any(async || (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/end")], "")))
        .route("/seen", any(async || (StatusCode::SEE_OTHER, [(header::LOCATION, "/moved")], "")))
        .route("/end", any(async || ([(header::SET_COOKIE, "sid=7")], "end")))
        .fallback(async || "other")
}

/// How many requests have which name.
fn names(report: &Report) -> Vec<(String, f64)> {
    let mut names = BTreeMap::<_, f64>::new();
    for series in report.metrics().series("http_reqs") {
        let Stats::Counter { count, .. } = series.stats(&[]) else { panic!("no counter") };
        *names.entry(series.tag("name").unwrap().to_owned()).or_default() += count;
    }
    names.into_iter().collect()
}

#[tokio::test]
async fn a_request_of_ones_own_client_shows_up_in_the_same_metrics_and_traces_as_the_server_saw() {
    let (server, other) = (Echo::start(routes()).await, Echo::start(routes()).await);
    let mut defaults = HeaderMap::new();
    defaults.insert("x-client", "own".parse().unwrap());
    let client = of_user(|builder| builder.user_agent("shop/2").default_headers(defaults));
    let (at, elsewhere) = (server.url.clone(), other.url.clone());
    let report = run(&server.url, Http::new(), shared_iterations(3), async move |vu: &Vu| {
        vu.group("own", async |vu: &Vu| {
            let request = client
                .post(format!("{at}/v2/orders?id=1"))
                .body("order")
                .header("x-trace", vu.trace().trace_id.to_string());
            let res = vu.execute(request).tag("kind", "order").await?;
            assert_eq!((res.status().as_u16(), res.text()?), (200, "other"));
            Ok(())
        })
        .await?;
        vu.execute(client.get(format!("{at}/users/{}", vu.iteration()))).name("/users/{id}").await?;
        vu.execute(client.get(format!("{elsewhere}/x?y=1"))).await?;
        vu.get("/").send().await?;
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((server.seen().len(), other.seen().len()), (9, 3));
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (12.0, 0.0));
    let want =
        ["/", "/users/{id}", "/v2/orders", &format!("{}/x", other.url)].map(|name| (name.to_owned(), 3.0));
    assert_eq!(names(&report), want);

    let series = report.metrics().series("http_reqs");
    let order = series.iter().find(|series| series.tag("name") == Some("/v2/orders")).unwrap();
    let tags = ["method", "status", "proto", "group", "scenario", "kind", "expected_response"];
    let told = tags.map(|key| order.tag(key).unwrap_or("(none)"));
    assert_eq!(told, ["POST", "200", "HTTP/1.1", "::own", "once", "order", "true"]);

    let orders: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "POST").collect();
    for seen in orders {
        assert_eq!((seen.line(), &*seen.body), ("POST /v2/orders?id=1".to_owned(), &b"order"[..]));
        assert_eq!(seen.header("traceparent").unwrap()[3..35], *seen.header("x-trace").unwrap());
        // The client's own word, and the test's where it has none.
        let said = ["user-agent", "x-client", "x-test"].map(|name| seen.header(name));
        assert_eq!(said, [Some("shop/2"), Some("own"), Some("1")]);
    }
    // Only some of the requests are not seen in full.
    assert!(report.summary(false).contains("not seen by reqwest (9 of 12 requests)"), "{report}");
    assert_eq!(super::samples(&report, "http_req_blocked"), 3);
    assert!(report.count(DATA_SENT) > 0.0);
}

#[tokio::test]
async fn what_vus_of_two_cores_share_goes_on_until_all_have_ended() {
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let (client, at) = (of_user(|builder| builder), server.url());
    let scenario = Scenario::new("shared", async move |vu: &Vu| {
        // The second one takes the connection of the first, whose core has nothing more to do.
        vu.sleep(millis(300) * (vu.id() as u32 - 1)).await;
        assert_eq!(vu.execute(client.get(&at)).await?.status(), 200);
        Ok(())
    });
    let test = LoadTest::new().cores(2).scenario(scenario.executor(per_vu_iterations(1).vus(2)));
    sound(&test.run().await.unwrap());
    assert_eq!((server.requests(), server.connections()), (2, 1));
}

#[tokio::test]
async fn a_bare_request_goes_through_the_tests_client_or_one_of_loadcores_own() {
    let server = Echo::start(routes()).await;
    let theirs = of_user(|builder| builder.user_agent("shop/2"));
    for (http, agent) in [(Http::new(), "loadcore/0.1.0"), (Http::new().reqwest(theirs), "shop/2")] {
        let before = server.seen().len();
        let at = server.url.clone();
        let report = run(&server.url, http, per_vu_iterations(2).vus(2), async move |vu: &Vu| {
            let request = Request::new(reqwest::Method::PUT, format!("{at}/x").parse()?);
            assert_eq!(vu.execute(request).await?.text()?, "other");
            Ok(())
        })
        .await;
        sound(&report);
        let seen = server.seen().split_off(before);
        assert!(
            seen.len() == 4 && seen.iter().all(|seen| seen.header("user-agent") == Some(agent)),
            "{seen:?}"
        );
        assert_eq!(names(&report), [("/x".to_owned(), 4.0)]);
    }
}

#[tokio::test]
async fn redirects_are_hops_unless_the_client_follows_them_itself() {
    let server = Echo::start(routes()).await;
    let hops = of_user(|builder| builder.redirect(Policy::none()));
    let follows = of_user(|builder| builder);
    let at = Arc::new(server.url.clone());
    let url = Arc::clone(&at);
    let report = run(&at, Http::new(), shared_iterations(1), async move |vu: &Vu| {
        let ask = async |client: &Client| {
            let res = vu.execute(client.post(format!("{url}/moved")).body("data")).await?;
            assert_eq!((res.text()?, res.url()), ("end", format!("{url}/end")));
            // Kept for where it came from.
            assert_eq!(vu.cookies().get("/end", "sid")?.as_deref(), Some("7"));
            vu.cookies().clear();
            Result::<u32>::Ok(res.redirects())
        };
        assert_eq!((ask(&hops).await?, ask(&follows).await?), (1, 0));
        let res = vu.execute(hops.get(format!("{url}/moved"))).redirects(0).await?;
        assert_eq!((res.status().as_u16(), res.redirects()), (307, 0));
        Ok(())
    })
    .await;
    sound(&report);
    let hops = ["POST /moved", "POST /end", "POST /moved", "POST /end", "GET /moved"];
    assert_eq!(server.lines(), hops);
    assert!(server.seen()[..4].iter().all(|seen| seen.body == "data"));
    // What the client followed is one request.
    assert_eq!(names(&report), [("/end".to_owned(), 1.0), ("/moved".to_owned(), 3.0)]);
}

/// A body that comes in pieces, and cannot be read twice.
struct Pieces(Vec<&'static str>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}

#[tokio::test]
async fn a_streamed_body_is_sent_once() {
    let server = Echo::start(routes()).await;
    let client = of_user(|builder| builder.redirect(Policy::none()));
    let at = server.url.clone();
    let report = run(&server.url, Http::new(), shared_iterations(1), async move |vu: &Vu| {
        let post = |path: &str| {
            let body = reqwest::Body::wrap(Pieces(vec!["c", "b", "a"]));
            vu.execute(client.post(format!("{at}{path}")).body(body))
        };
        assert_eq!(post("/x").await?.text()?, "other");
        // The next hop has no body, and may be led on.
        assert_eq!(post("/seen").await?.text()?, "end");
        // One that asks for the body again is handed out.
        let res = post("/moved").await?;
        assert_eq!((res.status().as_u16(), res.redirects()), (307, 0));
        assert_eq!(post("/x").header("content-length", "3").await?.text()?, "other");
        assert_eq!(post("/x").body("whole").await?.text()?, "other");
        Ok(())
    })
    .await;
    sound(&report);
    let seen = server.seen();
    let lines = ["POST /x", "POST /seen", "GET /moved", "GET /end", "POST /moved", "POST /x", "POST /x"];
    assert_eq!(server.lines(), lines);
    let bodies: Vec<_> = seen.iter().map(|seen| &*seen.body).collect();
    assert_eq!(bodies, [&b"abc"[..], b"abc", b"", b"", b"abc", b"abc", b"whole"]);
}

#[tokio::test]
async fn the_requests_own_timeout_holds() {
    let server = Misbehaving::start([misbehaving::never_answers()]).await.unwrap();
    let client = of_user(|builder| builder);
    let patient = of_user(|builder| builder.timeout(millis(150)));
    let at = server.url();
    let report = run(&server.url(), Http::new(), shared_iterations(1), async move |vu: &Vu| {
        let error = vu.execute(client.get(&at).timeout(millis(150))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let error = vu.execute(patient.get(&at)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let error = vu.execute(client.get(&at)).timeout(millis(150)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        Ok(())
    })
    .await;
    let Stats::Trend { count: 3, min, max, .. } = report.stats(HTTP_REQ_WAITING, &[]) else {
        panic!("{report}")
    };
    assert!(min >= 150.0 && max < 5000.0, "{min} {max}");
    assert_eq!(only_failed_series(&report).tag("error_code"), Some("1050"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_named() {
    let client = of_user(|builder| builder);
    let refused = refused_url();
    let report = run(&refused_url(), Http::new(), shared_iterations(1), async move |vu: &Vu| {
        let fails = async |request: reqwest::RequestBuilder, kind, says: &str| {
            let error = vu.execute(request).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(says), "{error}");
        };
        fails(client.get("no url"), ErrorKind::InvalidRequest, "relative URL without a base").await;
        fails(client.get("ftp://h/"), ErrorKind::InvalidRequest, "http://").await;
        fails(client.get(&refused).header("a b", "c"), ErrorKind::InvalidRequest, "header name").await;
        fails(client.get(&refused), ErrorKind::ConnectionRefused, &refused).await;
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (4.0, 1.0));
    assert_eq!(super::samples(&report, "http_req_duration"), 0);
}

#[tokio::test]
async fn an_option_that_reqwest_cannot_keep_is_not_passed_over() {
    let server = Echo::start(routes()).await;
    let at = server.url.clone();
    let client = of_user(|builder| builder);
    for http in [Http::new().local_addresses("127.0.0.1"), Http::new().block_addresses("127.0.0.0/8")] {
        let (at, client) = (at.clone(), client.clone());
        let blocks = format!("{http:?}").contains("127.0.0.0/8");
        let report = run(&server.url, http, shared_iterations(1), async move |vu: &Vu| {
            let option = if blocks { "block_addresses" } else { "local_addresses" };
            let error = vu.execute(Request::new(reqwest::Method::GET, at.parse()?)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(
                error.to_string().contains(&format!("cannot keep the test's option {option}")),
                "{error}"
            );
            // A client of one's own has options of its own, but leads around no guard.
            let own = vu.execute(client.get(&at)).await;
            assert_eq!(
                own.map(|res| res.status().as_u16()).map_err(|error| error.kind()),
                match blocks {
                    true => Err(ErrorKind::InvalidRequest),
                    false => Ok(200),
                }
            );
            Ok(())
        })
        .await;
        sound(&report);
    }
    assert_eq!(server.lines(), ["GET /"]);
}

#[tokio::test]
async fn what_a_request_says_of_its_time_goes_before_what_its_client_says() {
    let late = vec![Step::ReadRequest, Step::Wait(millis(300)), Step::Send(OK.into()), Step::Again];
    let server = Misbehaving::start([late]).await.unwrap();
    let hasty = of_user(|builder| builder.timeout(millis(100)));
    let (at, client) = (server.url(), hasty.clone());
    let report =
        run(&server.url(), Http::new().reqwest(hasty), shared_iterations(1), async move |vu: &Vu| {
            let kind = vu.get("/").send().await.unwrap_err().kind();
            assert_eq!(kind, ErrorKind::Timeout);
            assert_eq!(vu.get("/").timeout(secs(20)).send().await?.status(), 200);
            assert_eq!(vu.execute(client.get(&at).timeout(secs(20))).await?.status(), 200);
            assert_eq!(vu.execute(client.get(&at)).timeout(secs(20)).await?.status(), 200);
            Ok(())
        })
        .await;
    sound(&report);
    assert_eq!(report.count(HTTP_REQS), 4.0);
}

#[tokio::test]
async fn names_below_the_base_url_leave_its_path_out() {
    let server = Echo::start(routes()).await;
    let (base, client) = (format!("{}/api", server.url), of_user(|builder| builder));
    let report = run(&base.clone(), Http::new(), shared_iterations(2), async move |vu: &Vu| {
        vu.get("/x?y=1").send().await?;
        vu.execute(client.get(format!("{base}/x?y=2"))).await?;
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(names(&report), [("/x".to_owned(), 4.0)]);
}

#[tokio::test]
async fn the_cap_on_requests_holds_for_them_as_well() {
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let (client, at) = (of_user(|builder| builder), server.url());
    let scenario = Scenario::new("capped", async move |vu: &Vu| {
        vu.execute(client.get(&at)).await?;
        Ok(())
    });
    let test =
        LoadTest::new().max_requests_per_second(20).scenario(scenario.executor(shared_iterations(12).vus(4)));
    let begun = std::time::Instant::now();
    let report = test.run().await.unwrap();
    sound(&report);
    assert_eq!(server.requests(), 12);
    assert!(begun.elapsed() >= millis(550), "{:?}", begun.elapsed());
    // The wait is no time of a request.
    assert!(report.value(HTTP_REQ_DURATION.med()) < 50.0, "{report}");
}
