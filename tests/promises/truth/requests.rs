//! What a journey says of a request is what the server gets, and what the report files it under.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use loadcore::http::Method;
use loadcore::prelude::*;
use serde::Deserialize;

use crate::support::truth_server;

/// A request as `/echo` got it.
#[derive(Debug, Deserialize)]
struct Echo {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Echo {
    /// All headers that are no part of HTTP or loadcore itself; none may come twice.
    fn own_headers(&self) -> BTreeMap<&str, &str> {
        let mut own = BTreeMap::new();
        for (name, value) in &self.headers {
            assert_eq!(own.insert(name.as_str(), value.as_str()), None, "{name} came twice: {self:?}");
        }
        assert!(own.remove("host").is_some_and(|host| host.starts_with("127.0.0.1:")), "{self:?}");
        assert!(own.remove("user-agent").is_some_and(|agent| agent.starts_with("loadcore/")), "{self:?}");
        assert!(own.remove("traceparent").is_some(), "{self:?}");
        let length = own.remove("content-length").map_or(0, |length| length.parse().unwrap());
        assert_eq!(length, self.body.len(), "{self:?}");
        own
    }
}

/// Where a journey puts what came back.
#[derive(Clone)]
struct Received(Sender<Echo>);

impl Received {
    fn new() -> (Received, Receiver<Echo>) {
        let (sender, receiver) = channel();
        (Received(sender), receiver)
    }

    async fn send(&self, request: loadcore::http::RequestBuilder) -> Result {
        self.0.send(request.send().await?.json()?)?;
        Ok(())
    }
}

/// Method, target, own headers and body that the server must have seen.
type Expected<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

#[track_caller]
fn assert_received(received: &Receiver<Echo>, expected: &[Expected<'_>]) {
    let received: Vec<Echo> = received.try_iter().collect();
    assert_eq!(received.len(), expected.len(), "{received:#?}");
    for (echo, (method, target, headers, body)) in received.iter().zip(expected) {
        assert_eq!((echo.method.as_str(), echo.target.as_str()), (*method, *target));
        assert_eq!(echo.own_headers(), BTreeMap::from_iter(headers.iter().copied()), "{method} {target}");
        assert_eq!(echo.body, *body, "{method} {target}");
    }
}

#[tokio::test]
async fn methods_headers_queries_bodies_and_credentials_arrive_as_written() {
    let server = truth_server();
    let (sender, received) = Received::new();
    let everything = Scenario::new("everything", async move |vu: &Vu| {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        {
            sender.send(vu.request(method, "/echo")).await?;
        }
        sender.send(vu.request(Method::from_bytes(b"PURGE")?, "/echo")).await?;
        assert_eq!(vu.head("/echo").send().await?.bytes().len(), 0);

        sender.send(vu.get("/echo").header("x-one", "1").header("X-Two", "two words")).await?;
        let pairs = [("q", "a b&c"), ("ü", "1/2")];
        sender.send(vu.get("/echo?first=1").query(&pairs).query(&[("last", 7)])).await?;
        sender.send(vu.get("/echo").query(&BTreeMap::from([("only", true)]))).await?;
        sender.send(vu.post("/echo").json(&serde_json::json!({ "n": [1, 2.5, "ü"] }))).await?;
        sender.send(vu.post("/echo").form(&[("user", "a b"), ("password", "&=ü")])).await?;
        sender.send(vu.put("/echo").body("as it is").header("content-type", "text/plain")).await?;
        let own_type = vu.patch("/echo").header("content-type", "application/merge-patch+json").json(&7);
        sender.send(own_type).await?;
        sender.send(vu.patch("/echo").json(&8).header("content-type", "application/vnd.api+json")).await?;
        sender.send(vu.get("/echo").bearer_auth("tok-1")).await?;
        sender.send(vu.get("/echo").basic_auth("Aladdin", Some("open sesame"))).await?;
        sender.send(vu.get("/echo").basic_auth("nobody", None)).await?;
        Ok(())
    });
    let report = LoadTest::new().base_url(server.url()).scenario(everything).run().await.unwrap();
    assert_eq!(report.errors(), [], "{report}");

    let json = ("content-type", "application/json");
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_received(
        &received,
        &[
            ("GET", "/echo", &[], ""),
            ("POST", "/echo", &[], ""),
            ("PUT", "/echo", &[], ""),
            ("PATCH", "/echo", &[], ""),
            ("DELETE", "/echo", &[], ""),
            ("OPTIONS", "/echo", &[], ""),
            ("PURGE", "/echo", &[], ""),
            ("GET", "/echo", &[("x-one", "1"), ("x-two", "two words")], ""),
            ("GET", "/echo?first=1&q=a+b%26c&%C3%BC=1%2F2&last=7", &[], ""),
            ("GET", "/echo?only=true", &[], ""),
            ("POST", "/echo", &[json], r#"{"n":[1,2.5,"ü"]}"#),
            ("POST", "/echo", &[form], "user=a+b&password=%26%3D%C3%BC"),
            ("PUT", "/echo", &[("content-type", "text/plain")], "as it is"),
            ("PATCH", "/echo", &[("content-type", "application/merge-patch+json")], "7"),
            ("PATCH", "/echo", &[("content-type", "application/vnd.api+json")], "8"),
            ("GET", "/echo", &[("authorization", "Bearer tok-1")], ""),
            ("GET", "/echo", &[("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")], ""),
            ("GET", "/echo", &[("authorization", "Basic bm9ib2R5Og==")], ""),
        ],
    );
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PURGE"] {
        assert!(report.count(HTTP_REQS.tag("method", method)) > 0.0, "{method}");
    }
    assert_eq!(report.count(HTTP_REQS.named("/echo")), 19.0);
}

#[tokio::test]
async fn a_tests_headers_and_credentials_go_with_every_request_that_has_none_of_its_own() {
    let server = truth_server();
    let (sender, received) = Received::new();
    let scenario = Scenario::new("defaults", async move |vu: &Vu| {
        sender.send(vu.get("/echo")).await?;
        sender.send(vu.get("/echo").header("x-run", "2").bearer_auth("tok-1")).await?;
        Ok(())
    });
    let base = server.url().replace("http://", "http://ann:s%40fe@");
    let test = LoadTest::new().base_url(base).header("X-Run", "1").header("x-team", "shop");
    let report = test.scenario(scenario).run().await.unwrap();
    assert_eq!(report.errors(), [], "{report}");
    assert_received(
        &received,
        &[
            (
                "GET",
                "/echo",
                &[("authorization", "Basic YW5uOnNAZmU="), ("x-run", "1"), ("x-team", "shop")],
                "",
            ),
            ("GET", "/echo", &[("authorization", "Bearer tok-1"), ("x-run", "2"), ("x-team", "shop")], ""),
        ],
    );
}

#[tokio::test]
async fn names_and_tags_say_what_a_request_is_counted_under() {
    let server = truth_server();
    let scenario = Scenario::new("tagged", async |vu: &Vu| {
        let id = vu.iteration();
        vu.get(path!("/bytes/{id}")).tag("kind", "small").send().await?;
        vu.get(format!("/bytes/{id}")).name("bytes").send().await?;
        vu.get("/status/500?because=x").send().await?;
        vu.group("Outer", async |vu: &Vu| {
            vu.group("Inner", async |vu: &Vu| Ok(vu.get("/").tag("kind", "nested").send().await?)).await
        })
        .await?;
        Ok(())
    })
    .executor(shared_iterations(5).vus(2))
    .tag("team", "shop");
    let report =
        LoadTest::new().base_url(server.url()).tag("testid", "t-1").scenario(scenario).run().await.unwrap();

    assert_eq!(report.count(HTTP_REQS.tag("team", "shop").tag("testid", "t-1").scenario("tagged")), 20.0);
    assert_eq!(report.count(HTTP_REQS.named("/bytes/{id}").tag("kind", "small")), 5.0);
    assert_eq!(report.count(HTTP_REQS.named("bytes").tag("kind", "")), 5.0);
    assert_eq!(report.count(HTTP_REQS.tag("url", "bytes")), 5.0);
    assert_eq!(report.count(HTTP_REQS.tag("kind", "nested").group("::Outer::Inner")), 5.0);
    assert_eq!(report.count(HTTP_REQS.tag("proto", "HTTP/1.1")), 20.0);
    let failed = HTTP_REQS.named("/status/500").tag("status", "500").tag("error_code", "1500");
    assert_eq!(report.count(failed.tag("expected_response", "false")), 5.0);
    assert_eq!(report.count(HTTP_REQS.tag("expected_response", "true")), 15.0);
    assert_eq!(report.rate(HTTP_REQ_FAILED), 0.25);
}

#[tokio::test]
async fn a_base_urls_path_goes_in_front_and_whole_urls_stand_for_themselves() {
    let (server, other) = (truth_server(), truth_server());
    let whole = format!("{}/status/201", other.url());
    let scenario = Scenario::new("urls", async move |vu: &Vu| {
        assert_eq!(vu.get("/203").send().await?.status(), 203);
        let res = vu.get(&whole).send().await?;
        assert_eq!((res.status().as_u16(), res.url()), (201, whole.clone()));
        Ok(())
    });
    let base = format!("{}/status/", server.url());
    let report = LoadTest::new().base_url(base).scenario(scenario).run().await.unwrap();
    assert_eq!(report.errors(), [], "{report}");
    assert_eq!(server.stats().await.unwrap().requests, 1);
    assert_eq!(other.stats().await.unwrap().requests, 1);
}
