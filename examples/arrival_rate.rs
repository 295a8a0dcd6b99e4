//! An open model, as real users are: shoppers arrive at a rate that does not care how slow the shop is. With metrics of its
//! own, rows of a CSV file, and a measured part that is no request.
//!
//! `cargo run --release --example arrival_rate`

use loadcore::prelude::*;
use serde::Deserialize;
use shop::Shop;

#[derive(Deserialize)]
struct Basket {
    product: String,
    quantity: u32,
}

#[data]
static BASKETS: SharedArray<Basket> = SharedArray::csv("data/baskets.csv");

#[metric]
static ORDER_TOTAL: Trend = Trend::new("order_total");
#[metric]
static ITEMS: Counter = Counter::new("items");

#[scenario(
    executor = ramping_arrival_rate([(3s, per_sec(50)), (5s, per_sec(50))]).max_vus(100),
    tags = [("team", "shop")],
    thresholds = [
        // From the instant a shopper wanted to be served, and not from when a VU had time for it.
        ITERATION_RESPONSE_TIME.p(95) < 200ms,
        DROPPED_ITERATIONS.count() <= 0,
        ORDER_TOTAL.min() > 0,
    ],
)]
async fn buy(vu: &Vu) -> Result {
    let basket = BASKETS.for_iteration(vu);
    let credentials = serde_json::json!({ "email": "ada@example.com", "password": "maple-1000" });
    let login: serde_json::Value = vu.post("/v1/auth/login").json(&credentials).send().await?.json()?;
    let token = login["token"].as_str().ok_or("the answer to a login has no token")?;

    let order = serde_json::json!({ "productId": basket.product, "quantity": basket.quantity });
    let res = vu.post("/v1/orders").bearer_auth(token).json(&order).send().await?;
    check!(vu, { "ordered" => res.status() == 201 });
    let receipt: serde_json::Value = res.json()?;
    ORDER_TOTAL.add(vu, receipt["total"].as_f64().ok_or("the receipt has no total")?);
    ITEMS.add(vu, basket.quantity);

    // Any other client fits in here; it is timed, and can pass on the trace.
    vu.measure("pack", async |vu: &Vu| {
        vu.sleep(millis(5)).await;
        Ok(())
    })
    .await
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
