//! Promise: what a tester asks of a response is one call away, and an error about it says which request, which status, and how
//! the body begins.

use crate::echo::Echo;
use crate::support::{once, only_error, sound};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::AppendHeaders;
use axum::routing::any;
use loadcore::http::{Http, HttpVersions};
use loadcore::prelude::*;

fn routes() -> Router {
    let items = r#"{"token":"t-1","items":[{"id":7,"price":1.5},{"id":8,"price":null}],"a/b":true}"#;
    Router::new()
        .route("/items", any(async move || ([(header::CONTENT_TYPE, "application/json")], items)))
        .route("/made", any(async || (StatusCode::CREATED, "made")))
        .route("/gone", any(async || (StatusCode::GONE, "<b>\u{1b}[2J gone\r\n</b>".repeat(20))))
        .route("/many", any(async || AppendHeaders([("vary", "accept"), ("x-one", "1"), ("vary", "origin")])))
        .route("/teapot", any(async || StatusCode::from_u16(299).unwrap()))
}

#[tokio::test]
async fn status_headers_and_protocol_are_there_in_words() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/items").send().await?;
        assert!(res.is_success() && res.status() == 200);
        assert_eq!((res.status_text(), res.protocol()), ("OK", "HTTP/1.1"));
        assert_eq!(res.content_type(), Some("application/json"));
        assert_eq!(res.header("Content-Length"), Some("79"));
        assert_eq!(vu.get("/gone").send().await?.status_text(), "Gone");
        assert!(!vu.get("/gone").send().await?.is_success());
        // A status that no standard knows has no words.
        assert_eq!(vu.get("/teapot").send().await?.status_text(), "");
        Ok(())
    })
    .await;
    sound(&report);
    let report = once(&server.url, Http::new().versions(HttpVersions::Http2), async |vu: &Vu| {
        assert_eq!(vu.get("/items").send().await?.protocol(), "HTTP/2.0");
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn a_header_that_comes_twice_has_both_values() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/many").send().await?;
        assert_eq!(res.headers_all("Vary").collect::<Vec<_>>(), ["accept", "origin"]);
        assert_eq!(res.headers_all("x-none").count(), 0);
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn a_value_of_a_json_body_is_found_by_its_pointer() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/items").send().await?;
        assert_eq!(res.json_at::<String>("/token")?, "t-1");
        assert_eq!(res.json_at::<u64>("/items/0/id")?, 7);
        assert_eq!(res.json_at::<Option<f64>>("/items/1/price")?, None);
        assert!(res.json_at::<bool>("/a~1b")?);
        assert_eq!(res.json_at::<serde_json::Value>("/items")?[1]["id"], 8);

        let message = |pointer: &str| res.json_at::<u64>(pointer).unwrap_err().to_string();
        assert!(
            message("/items/9/id").contains("has nothing at `/items/9/id`; it begins \"{"),
            "{}",
            message("/items/9/id")
        );
        assert!(message("/token").contains("at `/token`: invalid type: string"), "{}", message("/token"));
        assert!(message("token").contains("write `/token`"), "{}", message("token"));
        // As k6 writes it.
        assert!(message("items.0.id").contains("write `/items/0/id`"), "{}", message("items.0.id"));
        let page = vu.get("/made").send().await?;
        let message = page.json_at::<u64>("/id").unwrap_err().to_string();
        assert!(message.contains("/made (status 201) is not the expected JSON at `/id`"), "{message}");
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn text_is_utf_8_and_anything_else_is_told() {
    let latin =
        any(async || ([(header::CONTENT_TYPE, "text/html; charset=iso-8859-1")], b"caf\xe9 noir".to_vec()));
    let server = Echo::start(Router::new().route("/", latin)).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/").send().await?;
        let want = "(status 200) is not UTF-8 text: invalid utf-8 sequence of 1 bytes from index 3 (its content-type is \
                    `text/html; charset=iso-8859-1`), String::from_utf8_lossy(res.bytes()) reads it all the same; \
                    it begins \"caf\u{fffd} noir\"";
        let message = res.text().unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn the_expected_status_goes_on_with_the_response() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        assert_eq!(vu.post("/made").send().await?.expect(201)?.text()?, "made");
        let res = vu.get("/gone").send().await?.expect([404, 410])?;
        assert_eq!(res.status(), 410);
        vu.get("/items").send().await?.expect(200..=299)?;
        vu.get("/items").send().await?.expect(200..201)?;
        assert!(vu.get("/items").send().await?.expect(199..200).is_err());
        let error = vu.get("/gone").send().await?.expect(200).unwrap_err();
        assert_eq!(error.status(), 410);
        Ok(())
    })
    .await;
    sound(&report);
}

#[tokio::test]
async fn another_status_ends_the_iteration_with_all_that_one_must_know() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        vu.put("/gone").body("x").send().await?.expect([200, 204])?;
        unreachable!("it is gone");
    })
    .await;
    let error = only_error(&report);
    let want = format!("PUT {}/gone: status 410 Gone instead of 200, 204; the body begins \"<b>", server.url);
    assert!(error.first.contains(&want), "{}", error.first);
    assert_eq!(error.kind, "unexpected status");
    // One line, of which nothing steers a terminal.
    assert!(!error.first.contains(char::is_control), "{:?}", error.first);
    assert!(error.first.contains(r"\u{1b}[2J gone\r\n"), "{}", error.first);
    assert!(error.first.len() < 400, "{}", error.first);
    // It was answered: only the iteration has failed, and the request by its status.
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (1.0, 1.0));
}

#[tokio::test]
async fn a_discarded_body_is_not_missed_by_what_does_not_need_it() {
    let server = Echo::start(routes()).await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let res = vu.get("/items").discard_body(true).send().await?.expect(200)?;
        assert!(res.bytes().is_empty() && res.header("content-length") == Some("79"));
        let message = res.json_at::<String>("/token").unwrap_err().to_string();
        assert!(message.contains("was discarded"), "{message}");
        assert!(res.expect(404).unwrap_err().to_string().ends_with("status 200 OK instead of 404"));
        Ok(())
    })
    .await;
    sound(&report);
    // The other way round: a test that keeps no body, and a request that needs its own.
    let scenario = Scenario::new("once", async |vu: &Vu| {
        assert!(vu.get("/items").send().await?.bytes().is_empty());
        assert_eq!(vu.get("/items").discard_body(false).send().await?.json_at::<u64>("/items/1/id")?, 8);
        Ok(())
    });
    let test = LoadTest::new().base_url(&server.url).discard_response_bodies(true);
    sound(&test.scenario(scenario.executor(shared_iterations(1))).run().await.unwrap());
}
