//! A setup that reads the catalog once for all users, and a session that each user keeps: logged in once and not in each
//! iteration, logged out at the end.
//!
//! `cargo run --release --example sessions`

use loadcore::prelude::*;
use serde::Deserialize;
use shop::Shop;

#[derive(Deserialize)]
struct User {
    email: String,
    password: String,
}

#[data]
static USERS: SharedArray<User> = SharedArray::json("data/users.json");

#[derive(Deserialize)]
struct Catalog {
    products: Vec<Product>,
}

#[derive(Deserialize)]
struct Product {
    id: String,
}

/// What a user carries from iteration to iteration.
struct Session {
    token: String,
    orders: u32,
}

#[metric]
static ORDERS_PER_SESSION: Trend = Trend::new("orders_per_session");

/// Runs once, before the load; scenarios take its value as `&Catalog`.
#[setup]
async fn catalog(vu: &Vu) -> Result<Catalog> {
    let token = log_in(vu, &USERS[0]).await?;
    Ok(vu.get("/v2/products").bearer_auth(token).send().await?.json()?)
}

/// Runs once, after the load, also when the test was stopped.
#[teardown]
async fn say_goodbye(vu: &Vu, catalog: &Catalog) -> Result {
    check!(vu, { "the shop still has its catalog" => !catalog.products.is_empty() });
    Ok(())
}

/// Runs once per user, before the first iteration; the scenario takes the state as `&mut Session`.
#[vu_setup]
async fn open_session(vu: &Vu) -> Result<Session> {
    Ok(Session { token: log_in(vu, USERS.for_vu(vu)).await?, orders: 0 })
}

/// Runs once per user, after the last iteration.
#[vu_teardown]
async fn close_session(vu: &Vu, session: &mut Session) -> Result {
    ORDERS_PER_SESSION.add(vu, session.orders);
    Ok(())
}

#[scenario(
    executor = constant_vus(20, 5s),
    thresholds = [HTTP_REQ_FAILED.rate() < 0.01, ORDERS_PER_SESSION.min() >= 5],
)]
async fn reorder(vu: &Vu, catalog: &Catalog, session: &mut Session) -> Result {
    let product = &catalog.products[vu.pick(catalog.products.len())];
    let order = serde_json::json!({ "productId": product.id, "quantity": 1 });
    let res = vu.post("/v1/orders").bearer_auth(&session.token).json(&order).send().await?;
    if check!(vu, { "ordered" => res.status() == 201 }) {
        session.orders += 1;
    }
    vu.sleep(millis(200)).await;
    Ok(())
}

async fn log_in(vu: &Vu, user: &User) -> Result<String> {
    let credentials = serde_json::json!({ "email": user.email, "password": user.password });
    let login: serde_json::Value = vu.post("/v1/auth/login").json(&credentials).send().await?.json()?;
    Ok(login["token"].as_str().ok_or("the answer to a login has no token")?.to_owned())
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
