//! DESIGN's third program, the rest of the vocabulary, compiles and runs word for word, given its types and a target.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response as Answer;
use axum::routing::{any, delete, get, post};
use loadcore::http::Response;
use loadcore::prelude::*;
use serde::Deserialize;
use serde_json::json;

// The program's `main` is not this binary's.
const _: fn() -> std::process::ExitCode = main;

#[derive(Deserialize)]
struct Catalog {
    id: u64,
    products: Vec<Product>,
}

#[derive(Deserialize)]
struct Product {
    id: u64,
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

/// Any other client, which passes the trace on.
async fn query(traceparent: String) -> Result<usize, std::num::ParseIntError> {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    usize::from_str_radix(&traceparent[..2], 16)
}

// ---- The third program ----

// The rest of the vocabulary (given a `Catalog`, a `Login`, and a future `query` of any other client).
#[metric]
static ORDER_VALUE: Trend = Trend::new("order_value"); // plain numbers; Trend<Time> and Trend<Bytes> have units
#[metric]
static SOLD_OUT: Counter = Counter::new("sold_out");
#[metric]
static STOCK: Gauge = Gauge::new("stock");
#[metric]
static CACHE_HIT: Rate = Rate::new("cache_hit");

#[setup] // once per test, also when the test runs on many machines
async fn catalog(vu: &Vu) -> Result<Catalog> {
    Ok(vu.get("/v2/products").send().await?.json()?)
}

#[teardown]
async fn forget(vu: &Vu, catalog: &Catalog) -> Result {
    vu.delete(path!("/v2/products/{}", catalog.id)).send().await?;
    Ok(())
}

struct Session {
    token: String,
    items: u32,
}

#[vu_setup] // once per VU; without it `&mut T` needs T: Default
async fn open_session(vu: &Vu) -> Result<Session> {
    let login = vu.post("/v1/auth/login").json(&serde_json::json!({ "vu": vu.id() })).send().await?;
    Ok(Session { token: login.json::<Login>()?.token, items: 0 })
}

#[scenario(
    executor = constant_arrival_rate(per_sec(1000), 10m).max_vus(500).graceful_stop(10s),
    tags = [("team", "shop")],
    thresholds = [CHECKS.group(DETAILS_GROUP).rate() >= 0.99],
)]
async fn profile(vu: &Vu, catalog: &Catalog, session: &mut Session) -> Result {
    let id = catalog.products[vu.pick(catalog.products.len())].id; // seeded randomness
    let res = vu
        .get(path!("/users/{id}/profile")) // tagged name="/users/{id}/profile"
        .header("x-shop", "1")
        .query(&[("v", "2")])
        .bearer_auth(&session.token)
        .tag("kind", "profile")
        .timeout(secs(5))
        .send()
        .await?;
    session.items += 1;
    ORDER_VALUE.add(vu, 12.5);
    SOLD_OUT.add(vu, 1);
    STOCK.set(vu, 7.0);
    CACHE_HIT.add(vu, res.header("x-cache") == Some("hit"));
    details(vu, &res).await?;
    let (a, b) = tokio::join!(vu.get("/a").send(), vu.get("/b").send());
    let _both = (a?, b?);
    vu.group("Inline", async |vu: &Vu| Ok(vu.get("/c").send().await?)).await?;
    vu.measure("db.query", async |vu: &Vu| Ok(query(vu.trace().traceparent()).await?)).await?; // any client, measured and traced
    Ok(())
}

#[group] // named after the function
async fn details(vu: &Vu, res: &Response) -> Result<bool> {
    Ok(check!(vu, { "has an item" => res.text()?.contains("item") }))
}

fn main() -> std::process::ExitCode {
    // what main!() writes, when a test wants options of its own
    LoadTest::discovered().header("x-run", "1").discard_response_bodies(false).tag("testid", "nightly").main()
}

// ---- What it needs, and what it comes to ----

/// What the target was asked, in order.
type Log = Arc<Mutex<Vec<String>>>;

async fn note(State(log): State<Log>, request: Request, next: Next) -> Answer {
    let headers = request.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
    let entry =
        format!("{} {} {} {}", request.method(), request.uri(), text("authorization"), text("x-shop"));
    log.lock().unwrap().push(entry);
    next.run(request).await
}

/// A target in the runtime of the test.
async fn target() -> std::io::Result<(SocketAddr, Log)> {
    let log = Log::default();
    let hit = || HeaderMap::from_iter([(header::HeaderName::from_static("x-cache"), "hit".parse().unwrap())]);
    let routes = axum::Router::new()
        .route(
            "/v2/products",
            get(async || Json(json!({ "id": 9, "products": [{ "id": 1 }, { "id": 2 }, { "id": 3 }] }))),
        )
        .route("/v2/products/9", delete(async || ()))
        .route(
            "/v1/auth/login",
            post(async |Json(login): Json<serde_json::Value>| {
                Json(json!({ "token": login["vu"].to_string() }))
            }),
        )
        .route("/users/{id}/profile", get(async move || (hit(), Body::from("an item"))))
        .fallback(any(async || ()))
        .layer(from_fn_with_state(Log::clone(&log), note))
        .with_state(());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok((address, log))
}

#[tokio::test]
async fn the_third_program_does_what_it_says() {
    let _quiet = crate::support::quiet().await;
    let (address, log) = target().await.unwrap();
    // Each arrival is served, also where the machine is slow.
    let executor = constant_arrival_rate(per_sec(100), secs(1)).max_vus(20).queue().graceful_stop(secs(10));
    let report = LoadTest::new()
        .base_url(format!("http://{address}"))
        .scenario(PROFILE_SCENARIO.executor(executor))
        .run()
        .await
        .unwrap();

    report.assert_thresholds();
    assert_eq!(report.run().teardown_errors, []);
    assert_eq!((report.count(ITERATIONS), report.rate(HTTP_REQ_FAILED)), (100.0, 0.0));
    assert_eq!((report.count(SOLD_OUT), report.rate(CACHE_HIT)), (100.0, 1.0));
    assert_eq!((report.value(ORDER_VALUE.max()), report.value(STOCK.value())), (12.5, 7.0));
    assert_eq!(report.count(HTTP_REQS.named("/users/{id}/profile").tag("kind", "profile")), 100.0);
    assert_eq!(report.count(HTTP_REQS.group("Inline").tag("team", "shop")), 100.0);
    assert_eq!(report.count(HTTP_REQS.group("setup")) + report.count(HTTP_REQS.group("teardown")), 2.0);
    assert_eq!(report.rate(MEASURE_FAILED.named("db.query")), 0.0);

    let log = log.lock().unwrap();
    let count = |start: &str| log.iter().filter(|entry| entry.starts_with(start)).count();
    assert_eq!(
        (log[0].as_str(), log.last().unwrap().as_str()),
        ("GET /v2/products - -", "DELETE /v2/products/9 - -")
    );
    let logins = count("POST /v1/auth/login");
    assert!((1..=20).contains(&logins), "one for each VU that was needed: {logins}");
    assert_eq!(report.count(HTTP_REQS.group("vu_setup")), logins as f64);
    let picked = [1, 2, 3].map(|id| count(&format!("GET /users/{id}/profile?v=2 Bearer ")));
    assert!(picked.iter().all(|count| *count > 10), "each product is picked: {picked:?}");
    assert_eq!(picked.iter().sum::<usize>(), 100);
    assert_eq!(log.iter().filter(|entry| entry.ends_with(" 1")).count(), 100, "the header of each profile");
    assert_eq!([count("GET /a "), count("GET /b "), count("GET /c ")], [100; 3]);
}
