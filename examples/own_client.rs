//! Requests of a client that exists already: a library of the shop's, built on reqwest. They show up in the same metrics,
//! thresholds and traces as all others.
//!
//! `cargo run --release --example own_client --features reqwest`

use loadcore::http::reqwest_builder;
use loadcore::prelude::*;
use loadcore::reqwest::{Client, RequestBuilder};
use shop::Shop;

/// Stands for a library that knows nothing of load tests.
struct ShopClient {
    client: Client,
    url: String,
}

impl ShopClient {
    fn log_in(&self, email: &str, password: &str) -> RequestBuilder {
        let body = serde_json::json!({ "email": email, "password": password }).to_string();
        self.client
            .post(format!("{}/v1/auth/login", self.url))
            .header("content-type", "application/json")
            .body(body)
    }

    fn products(&self, token: &str) -> RequestBuilder {
        self.client.get(format!("{}/v2/products", self.url)).bearer_auth(token)
    }
}

/// One for each user, who has connections of its own.
#[vu_setup]
async fn client(vu: &Vu) -> Result<ShopClient> {
    let client = reqwest_builder().user_agent("shop-client/2").build()?;
    Ok(ShopClient { client, url: vu.env("SHOP").ok_or("SHOP is not set")?.to_owned() })
}

#[derive(serde::Deserialize)]
struct Login {
    token: String,
}

#[scenario(
    executor = constant_vus(5, 5s),
    thresholds = [HTTP_REQ_DURATION.p(95) < 500ms, HTTP_REQ_FAILED.rate() < 0.01],
)]
async fn browse(vu: &Vu, shop: &mut ShopClient) -> Result {
    let login: Login = vu.execute(shop.log_in("ada@example.com", "maple-1000")).await?.json()?;
    let res = vu.execute(shop.products(&login.token)).tag("client", "2").await?;
    check!(vu, { "there are products" => res.text()?.contains("products") });
    vu.sleep(millis(500)).await;
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
    LoadTest::discovered().base_url(shop.url()).env("SHOP", shop.url()).main()
}
