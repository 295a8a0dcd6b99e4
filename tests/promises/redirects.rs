//! Promise: redirects are followed as browsers do, each hop is a request in all metrics, and no origin learns what was meant
//! for another.

use crate::echo::{Echo, Seen};
use crate::support::{once, only_error, sound};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::any;
use loadcore::http::{ErrorKind, Http, Method};
use loadcore::metric::SeriesView;
use loadcore::prelude::*;

fn redirect(status: u16, location: &str) -> impl IntoResponse + use<> {
    (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, location.to_owned())], "moved")
}

/// `/to/307` redirects to `/end`, `/loop` to itself, `/down/9` nine times.
fn routes() -> Router {
    Router::new()
        .route("/end", any(async || "here"))
        .route("/to/{status}", any(async |Path(status): Path<u16>| redirect(status, "/end?q=1#part")))
        .route("/loop", any(async || redirect(302, "/loop")))
        .route(
            "/down/{n}",
            any(async |Path(n): Path<u32>| match n {
                0 => "down".into_response(),
                n => redirect(301, &format!("../down/{}", n - 1)).into_response(),
            }),
        )
        .route("/nowhere", any(async || StatusCode::FOUND))
        .route("/elsewhere", any(async || redirect(302, "ftp://127.0.0.1/x")))
        .route(
            "/users/{id}",
            any(async |Path(id): Path<u32>| redirect(308, &format!("/users/{id}/")).into_response()),
        )
        .route("/users/{id}/", any(async || "user"))
}

fn count_of(report: &Report, tag: &str, value: &str) -> usize {
    let series: Vec<SeriesView<'_>> = report.metrics().series("http_reqs");
    series.iter().filter(|series| series.tag(tag) == Some(value)).count()
}

#[tokio::test]
async fn each_hop_is_a_request_of_its_own_under_its_own_name() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/down/3").send().await?;
        assert_eq!((res.status().as_u16(), res.text()?, res.redirects()), (200, "down", 3));
        assert!(res.url().ends_with("/down/0"), "{}", res.url());
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(server.lines(), ["GET /down/3", "GET /down/2", "GET /down/1", "GET /down/0"]);
    assert_eq!(report.count(HTTP_REQS), 4.0);
    assert_eq!(report.rate(HTTP_REQ_FAILED), 0.0);
    for name in ["/down/3", "/down/2", "/down/1", "/down/0"] {
        assert_eq!(count_of(&report, "name", name), 1, "{name}");
    }
    assert_eq!((count_of(&report, "status", "301"), count_of(&report, "status", "200")), (3, 1));
    // One connection, and a span for each hop.
    let spans: Vec<_> =
        server.seen().iter().map(|s| s.header("traceparent").unwrap()[36..52].to_owned()).collect();
    assert!((1..4).all(|i| !spans[..i].contains(&spans[i])), "{spans:?}");
}

#[tokio::test]
async fn a_template_or_a_name_stays_the_name_of_all_hops() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        for id in 0..3 {
            vu.get(path!("/users/{id}")).send().await?;
        }
        vu.get("/to/301").name("mine").send().await?;
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(report.count(HTTP_REQS), 8.0);
    let names: Vec<_> =
        report.metrics().series("http_reqs").iter().map(|s| s.tag("name").unwrap().to_owned()).collect();
    assert!(names.iter().all(|name| name == "/users/{id}" || name == "mine"), "{names:?}");
}

#[tokio::test]
async fn methods_and_bodies_change_as_in_browsers() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        for status in [301, 302, 303, 307, 308] {
            for method in [Method::POST, Method::PUT] {
                let url = format!("/to/{status}");
                let res = vu.request(method, url).json(&["body"]).send().await?;
                assert_eq!((res.status().as_u16(), res.text()?), (200, "here"));
            }
        }
        Ok(())
    })
    .await;
    sound(&report);
    let ends: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.path == "/end?q=1").collect();
    let methods: Vec<_> = ends.iter().map(|end| end.method.as_str()).collect();
    assert_eq!(methods, ["GET", "PUT", "GET", "PUT", "GET", "GET", "POST", "PUT", "POST", "PUT"]);
    for end in ends {
        let keeps = end.method != "GET";
        assert_eq!(end.body.is_empty(), !keeps, "{end:?}");
        assert_eq!(end.header("content-type"), keeps.then_some("application/json"), "{end:?}");
        assert_eq!(end.header("content-length").is_some_and(|length| length != "0"), keeps, "{end:?}");
        assert!(end.header("referer").unwrap().contains("/to/30"), "{end:?}");
    }
}

#[tokio::test]
async fn at_the_limit_the_redirect_itself_is_the_response() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/loop").send().await?;
        assert_eq!((res.status().as_u16(), res.redirects(), res.text()?), (302, 10, "moved"));
        let res = vu.get("/down/5").redirects(0).send().await?;
        assert_eq!((res.status().as_u16(), res.redirects()), (301, 0));
        let res = vu.get("/down/5").redirects(2).send().await?;
        assert!(res.status() == 301 && res.url().ends_with("/down/3"), "{}", res.url());
        let res = vu.get("/down/20").redirects(20).send().await?;
        assert_eq!(res.text()?, "down");
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(report.count(HTTP_REQS), f64::from(11 + 1 + 3 + 21));
    let report = once(&server.url, Http::new().max_redirects(1), async |vu: &Vu| {
        assert_eq!(vu.get("/down/5").send().await?.redirects(), 1);
        Ok(())
    })
    .await;
    sound(&report);
}

/// What a run says of a journey that comes to the limit twice.
async fn told_of_the_limit(http: Http, own: Option<u32>) -> Vec<String> {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, http, async move |vu: &Vu| {
        for path in ["/down/11", "/loop"] {
            let request = if let Some(most) = own { vu.get(path).redirects(most) } else { vu.get(path) };
            assert_eq!(request.send().await?.redirects(), 10);
        }
        let streamed = vu.get("/down/20").name("mine");
        let streamed = if let Some(most) = own { streamed.redirects(most) } else { streamed };
        assert_eq!(streamed.send_streaming().await?.redirects(), 10);
        // These end where they should.
        assert_eq!(vu.get("/down/10").send().await?.text()?, "down");
        assert_eq!(vu.get("/down/5").redirects(0).send().await?.status(), 301);
        Ok(())
    })
    .await;
    sound(&report);
    let warnings = report.run().warnings.clone();
    assert!(warnings.iter().all(|warning| report.to_string().contains(warning)), "{report}");
    warnings
}

#[tokio::test]
async fn a_limit_that_nobody_has_set_is_told_with_the_results() {
    let told = told_of_the_limit(Http::new(), None).await;
    let expected = "not followed: 3 redirects beyond the 10th of a request (first: /down/1); raise max_redirects, or \
                    set it to 10 if that is meant";
    assert_eq!(told, [expected]);
    assert_eq!(told_of_the_limit(Http::new().max_redirects(10), None).await, [""; 0]);
    assert_eq!(told_of_the_limit(Http::new(), Some(10)).await, [""; 0]);
}

#[tokio::test]
async fn a_redirect_leads_no_further_than_the_test_allows() {
    let server = Echo::start(leading()).await;
    let to = server.url["http://".len()..].to_owned();
    let http = Http::new().host("*.test", &to).block_host("ads.test").block_addresses("192.0.2.0/24");
    let report = once("http://shop.test", http, async |vu: &Vu| {
        for (location, kind) in [
            ("http://ads.test/pixel", ErrorKind::BlockedHost),
            ("http://192.0.2.7/", ErrorKind::BlockedAddress),
            ("unix:/run/app.sock", ErrorKind::InvalidRequest),
            ("file:///etc/hosts", ErrorKind::InvalidRequest),
            ("http://[::1", ErrorKind::InvalidRequest),
        ] {
            let error = vu.get("/a/from").header("x-to", location).send().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(server.lines(), ["GET /a/from"; 5]);
}

#[tokio::test]
async fn who_has_been_abroad_comes_home_without_secrets() {
    let home = Echo::start(leading()).await;
    let back = format!("{}/end", home.url);
    let foreign = Echo::start(Router::new().route("/away", any(async move || redirect(302, &back)))).await;
    let away = format!("{}/away", foreign.url);
    let report = once(&home.url, Http::new(), async move |vu: &Vu| {
        vu.cookies().set("/", "jar=1; Path=/")?;
        let request = vu.get("/a/from").header("x-to", &away).bearer_auth("secret").cookie("own", "1");
        assert_eq!(request.header("proxy-authorization", "Basic c2VjcmV0").send().await?.redirects(), 2);
        Ok(())
    })
    .await;
    sound(&report);
    let ([from, end], [away]) = (&home.seen()[..], &foreign.seen()[..]) else { panic!("{:?}", home.lines()) };
    assert_eq!(from.header("cookie"), Some("own=1; jar=1"));
    assert_eq!(from.header("proxy-authorization"), Some("Basic c2VjcmV0"));
    for seen in [away, end] {
        assert_eq!((seen.header("authorization"), seen.header("proxy-authorization")), (None, None));
        // The jar knows itself what is for whom: hosts, and not their ports.
        assert_eq!(seen.header("cookie"), Some("jar=1"), "{seen:?}");
    }
}

#[tokio::test]
async fn what_leads_nowhere_is_handed_out_or_named() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        assert_eq!(vu.get("/nowhere").send().await?.status(), 302);
        vu.get("/elsewhere").send().await?;
        unreachable!("it is no HTTP");
    })
    .await;
    let error = only_error(&report);
    assert!(error.first.contains("redirected to `ftp://127.0.0.1/x`: neither http nor https"), "{error:?}");
    // The hops were answered; the third request is the one that could not be made.
    assert_eq!(report.count(HTTP_REQS), 3.0);
    assert_eq!(count_of(&report, "error_code", "1020"), 1);
}

#[tokio::test]
async fn another_origin_learns_no_secret() {
    let foreign = Echo::start(routes()).await;
    let (to, back) = (format!("{}/end", foreign.url), foreign.url.clone());
    let home = Echo::start(
        Router::new()
            .route("/away", any(async move || redirect(307, &to)))
            .route("/inside", any(async || redirect(307, "/end")))
            .route("/end", any(async || "home")),
    )
    .await;
    let scenario = Scenario::new("once", async |vu: &Vu| {
        for path in ["/away", "/inside"] {
            let request = vu.post(path).bearer_auth("secret").header("cookie", "own=1").cookie("sid", "2");
            assert_eq!(request.header("x-kept", "yes").body("data").send().await?.status(), 200);
        }
        vu.get("/away").send().await?;
        Ok(())
    });
    let test =
        LoadTest::new().base_url(&home.url).header("authorization", "Basic dGVzdA==").header("x-test", "1");
    let report = test.scenario(scenario.executor(shared_iterations(1))).run().await.unwrap();
    sound(&report);
    assert_eq!(foreign.lines(), ["POST /end", "GET /end"]);
    for seen in foreign.seen() {
        assert_eq!((seen.header("authorization"), seen.header("cookie")), (None, None), "{seen:?}");
        assert_eq!(seen.header("host"), Some(&back["http://".len()..]), "{seen:?}");
        assert_eq!(seen.header("x-test"), Some("1"));
    }
    assert_eq!(foreign.seen()[0].header("x-kept"), Some("yes"));
    assert_eq!(foreign.seen()[0].body, "data");
    let inside = home.seen().into_iter().find(|seen| seen.path == "/end").unwrap();
    assert_eq!(inside.header("authorization"), Some("Bearer secret"));
    assert_eq!(inside.header("cookie"), Some("own=1; sid=2"));
}

#[tokio::test]
async fn the_url_of_a_response_is_the_one_that_was_asked_for_in_the_end() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/end?a=1").query(&[("b", "2 3")]).send().await?;
        assert!(res.url().ends_with("/end?a=1&b=2+3"), "{}", res.url());
        let res = vu.get("/to/302").query(&[("b", "2")]).send().await?;
        assert!(res.url().ends_with("/end?q=1"), "{}", res.url());
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!(server.lines(), ["GET /end?a=1&b=2+3", "GET /to/302?b=2", "GET /end?q=1"]);
    assert_eq!((count_of(&report, "name", "/end"), count_of(&report, "name", "/to/302")), (1, 1));
}

#[tokio::test]
async fn one_timeout_is_for_all_hops_together() {
    let slow = Router::new().route(
        "/slow/{n}",
        any(async |Path(n): Path<u32>| {
            tokio::time::sleep(millis(100)).await;
            redirect(302, &format!("/slow/{}", n + 1))
        }),
    );
    let server = Echo::start(slow).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        vu.get("/slow/0").timeout(millis(350)).send().await?;
        Ok(())
    })
    .await;
    let error = only_error(&report);
    assert!(error.first.contains("request timeout"), "{error:?}");
    assert!((3..=4).contains(&server.lines().len()), "{:?}", server.lines());
}

/// Redirects to what the request's `x-to` header says; everything else is the end.
fn leading() -> Router {
    let lead = async |headers: HeaderMap| {
        (StatusCode::FOUND, [(header::LOCATION, headers["x-to"].clone())], "moved").into_response()
    };
    Router::new().route("/a/from", any(lead)).route("/api/from", any(lead)).fallback(any(async || "end"))
}

#[tokio::test]
async fn a_location_may_be_written_in_any_way() {
    let server = Echo::start(leading()).await;
    let long = format!("/{}", "x".repeat(5000));
    let other = server.url["http:".len()..].to_owned() + "/b";
    let ways: [(&[u8], &str); 8] = [
        (b"end", "/a/end"),
        (b"./../end#part", "/end"),
        (b"?q=2", "/a/from?q=2"),
        (b"", "/a/from?q=1&r=2"),
        (other.as_bytes(), "/b"),
        ("/caf\u{e9}".as_bytes(), "/caf%C3%A9"),
        (b"/caf\xe9", "/caf%E9"),
        (long.as_bytes(), &long),
    ];
    let locations = ways.map(|(location, _)| HeaderValue::from_bytes(location).unwrap());
    let report = once(&server.url, Http::new().max_redirects(1), async move |vu: &Vu| {
        for location in locations.clone() {
            vu.get("/a/from?q=1").query(&[("r", 2)]).header("x-to", location).send().await?;
        }
        let far = vu.get("/a/from").header("x-to", format!("/{}", "x".repeat(70_000))).send().await;
        let error = far.unwrap_err().to_string();
        assert!(error.contains("redirected to `/xxx") && error.len() < 400, "{error}");
        let secret = vu.get("/a/from").header("x-to", "ftp://ann:secret@h/?token=1").send().await;
        let error = secret.unwrap_err().to_string();
        assert!(error.contains("redirected to `ftp://****@h/`: neither http nor https"), "{error}");
        Ok(())
    })
    .await;
    sound(&report);
    let seen = server.seen();
    let followed: Vec<&str> = seen[..16].iter().skip(1).step_by(2).map(|seen| seen.path.as_str()).collect();
    assert_eq!(followed, ways.map(|(_, path)| path));
    assert!(seen[..16].iter().step_by(2).all(|seen| seen.path == "/a/from?q=1&r=2"));
}

#[tokio::test]
async fn the_urls_own_credentials_query_and_path_stay_at_home() {
    let foreign = Echo::start(leading()).await;
    let home = Echo::start(leading()).await;
    let abroad = format!("{}/end", foreign.url);
    let base = home.url.replace("http://", "http://ann:secret@");
    let scenario = Scenario::new("once", async move |vu: &Vu| {
        for location in ["/end", &abroad] {
            vu.get("/a/from").query(&[("token", "7")]).header("x-to", location).send().await?;
        }
        Ok(())
    });
    let test = LoadTest::new().base_url(&base).header("host", "shop.test");
    let report = test.scenario(scenario.executor(shared_iterations(1))).run().await.unwrap();
    sound(&report);
    assert_eq!(home.lines(), ["GET /a/from?token=7", "GET /end", "GET /a/from?token=7"]);
    for seen in home.seen() {
        assert_eq!(seen.header("authorization"), Some("Basic YW5uOnNlY3JldA=="), "{seen:?}");
        assert_eq!(seen.header("host"), Some("shop.test"));
    }
    let [end] = &foreign.seen()[..] else { panic!("{:?}", foreign.lines()) };
    assert_eq!((end.path.as_str(), end.header("authorization")), ("/end", None));
    assert_eq!(end.header("host"), Some(&foreign.url["http://".len()..]));
    assert_eq!(end.header("referer"), Some(&*format!("{}/", home.url)));
    let inside = home.seen().into_iter().find(|seen| seen.path == "/end").unwrap();
    assert_eq!(inside.header("referer"), Some(&*format!("{}/a/from?token=7", home.url)));
}

#[tokio::test]
async fn a_hop_is_named_as_the_user_would_have_written_it() {
    let server = Echo::start(leading()).await;
    let report = once(&format!("{}/api", server.url), Http::new(), async |vu: &Vu| {
        for location in ["/api/cart?x=1", "/other", "/apis"] {
            vu.get("/from").header("x-to", location).send().await?;
        }
        Ok(())
    })
    .await;
    sound(&report);
    let url = |path: &str| format!("{}{path}", server.url);
    for name in ["/from".to_owned(), "/cart".to_owned(), url("/other"), url("/apis")] {
        assert_eq!(count_of(&report, "name", &name), 1, "{name}");
    }
}
