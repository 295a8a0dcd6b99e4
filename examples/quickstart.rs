//! A first load test: starts the example shop and runs a checkout journey against it for about 20 seconds.
//!
//! `cargo run --release --example quickstart`

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

#[data] // loaded once, before the test starts; a bad file stops the run with its path and line
static USERS: SharedArray<User> = SharedArray::json("data/users.json");

#[scenario(
    executor = ramping_vus([(5s, 20), (10s, 20), (5s, 0)]),
    thresholds = [
        HTTP_REQ_DURATION.p(95) < 500ms,
        HTTP_REQ_FAILED.rate() < 0.01,
        CHECKS.group("User Login").rate() > 0.999,
    ],
)]
async fn checkout(vu: &Vu) -> Result {
    let user = USERS.for_vu(vu);
    let token = log_in(vu, user).await?;
    browse_products(vu, &token).await?;
    place_order(vu, &token).await?;
    vu.sleep(millis(500)).await;
    Ok(())
}

#[group("User Login")]
async fn log_in(vu: &Vu, user: &User) -> Result<String> {
    let res = vu.post("/v1/auth/login").json(user).send().await?;
    check!(vu, {
        "login successful (status 200)" => res.status() == 200,
        "auth token received" => res.json::<Login>().is_ok(),
    });
    Ok(res.json::<Login>()?.token)
}

#[group("Browse Products")]
async fn browse_products(vu: &Vu, token: &str) -> Result {
    let res = vu.get("/v2/products?category=electronics").bearer_auth(token).send().await?;
    check!(vu, { "get products successful (status 200)" => res.status() == 200 });
    vu.sleep(millis(300)).await;
    Ok(())
}

#[group("Place Order")]
async fn place_order(vu: &Vu, token: &str) -> Result {
    let order = serde_json::json!({ "productId": "abc-123", "quantity": 1 });
    let res = vu.post("/v1/orders").bearer_auth(token).json(&order).send().await?;
    check!(vu, { "order placement successful (status 201)" => res.status() == 201 });
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
    // A test crate of yours has `loadcore::main!();` here, and gets its target from --base-url.
    LoadTest::discovered().base_url(shop.url()).main()
}
