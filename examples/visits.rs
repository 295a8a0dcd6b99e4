//! Visitors as they come: at random, at a rate that does not care how slow the shop is, each with rows of their own and
//! with time to think. Two scenarios wait for a warm-up, and a shop that is closed ends the test.
//!
//! `cargo run --release --example visits`; `-- --base-url http://127.0.0.1:9` behind it shows what a closed shop does.

use loadcore::prelude::*;
use serde::{Deserialize, Serialize};
use shop::Shop;

#[derive(Deserialize, Serialize)]
struct User {
    email: String,
    password: String,
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

/// A visit of a day gone by: what somebody looked for, and what they would have ordered.
#[derive(Deserialize)]
struct Visit {
    category: String,
    product: String,
    quantity: u32,
}

#[data]
static USERS: SharedArray<User> = SharedArray::json("data/users.json");
/// One user after the other, and the first one again after the last.
static ANYBODY: Feeder<User> = USERS.circular();
/// Each user once in the whole test; the scenario that asks in vain ends.
static NEWCOMERS: Feeder<User> = USERS.unique().on_end(OnEnd::Stop);

#[data] // read while the test runs: the file may be larger than the memory
static VISITS: StreamedRows<Visit> = StreamedRows::csv("data/visits.csv").on_end(OnEnd::Recycle);

/// A closed model: five users who ask as soon as they may, so that the shop is warm before anybody counts.
#[scenario(executor = constant_vus(5, 2s))]
async fn warmup(vu: &Vu) -> Result {
    let token = log_in(vu, ANYBODY.next(vu)?).await?;
    vu.get("/v2/products").bearer_auth(token).send().await?;
    vu.pace(millis(100)).await; // ten times a second each, however fast the shop is
    Ok(())
}

/// An open model: 40 visits a second on average, as of people who know nothing of each other.
#[scenario(
    executor = constant_arrival_rate(per_sec(40), 10s).poisson().max_vus(500).after("warmup").graceful_stop(5s),
    thresholds = [
        HTTP_REQ_DURATION.p(95) < 200ms,
        ITERATION_FAILED.rate() < 0.01,
        DROPPED_ITERATIONS.count() <= 0, // 500 VUs were enough
    ],
)]
async fn visit(vu: &Vu) -> Result {
    let token = log_in(vu, ANYBODY.next(vu)?).await?;
    let visit = VISITS.next(vu).await?;
    let products = vu.get("/v2/products").query(&[("category", &visit.category)]).bearer_auth(&token);
    check!(vu, { "there is something to see" => products.send().await?.status() == 200 });
    vu.think(lognormal(millis(500), 0.6).at_most(secs(3))).await; // half of them less than 500 ms, some much longer

    match *vu.choose_weighted(&[(7, "leave"), (2, "order"), (1, "order twice")]) {
        "leave" => {}
        "order" => order(vu, &token, &visit).await?,
        _ => {
            order(vu, &token, &visit).await?;
            vu.think(uniform(millis(200), secs(1))).await;
            order(vu, &token, &visit).await?;
        }
    }
    Ok(())
}

/// Each user's first order, five a second for as long as there are users left: 4 seconds, and not a minute.
#[scenario(
    executor = constant_arrival_rate(per_sec(5), 1m).max_vus(20).after("warmup"),
    thresholds = [CHECKS.rate() >= 1],
)]
async fn first_order(vu: &Vu) -> Result {
    let token = log_in(vu, NEWCOMERS.next(vu)?).await?;
    order(vu, &token, &Visit { category: "toys".into(), product: "toy-401".into(), quantity: 1 }).await
}

#[group("Log in")]
async fn log_in(vu: &Vu, user: &User) -> Result<String> {
    let answer = vu.post("/v1/auth/login").json(user).send().await;
    // Nothing to measure here: the whole test ends at once, with exit code 108.
    let res = answer.map_err(|error| vu.abort_test(format!("the shop is closed: {error}")))?;
    Ok(res.json::<Login>()?.token)
}

#[group("Order")]
async fn order(vu: &Vu, token: &str, visit: &Visit) -> Result {
    let order = serde_json::json!({ "productId": visit.product, "quantity": visit.quantity });
    let res = vu.post("/v1/orders").bearer_auth(token).json(&order).send().await?;
    if check!(vu, { "ordered" => res.status() == 201 })
        && res.json::<serde_json::Value>()?["total"].as_f64().is_none_or(|total| total <= 0.0)
    {
        // One is too many, whatever the percentage: the test goes on, and ends with exit code 110.
        vu.fail_test("an order without a price");
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    let shop = match Shop::start_in_thread() {
        Ok(shop) => shop,
        Err(error) => {
            eprintln!("error: the example shop cannot start: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    LoadTest::discovered().base_url(shop.url()).main()
}
