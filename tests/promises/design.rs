//! DESIGN's programs compile and run word for word: the first two here, given a shop, the third one beside.

mod vocabulary;

use crate::support::{Measuring, in_some_round, measuring};

// The first program's `main` is not this binary's.
const _: fn() -> std::process::ExitCode = main;

// ---- The first program ----

use loadcore::prelude::*;
use serde::{Deserialize, Serialize};

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
    executor = ramping_vus([(1m, 100), (3m, 100), (1m, 0)]),
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
    vu.sleep(secs(2)).await;
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
    vu.sleep(secs(1.5)).await;
    Ok(())
}

#[group("Place Order")]
async fn place_order(vu: &Vu, token: &str) -> Result {
    let order = serde_json::json!({ "productId": "abc-123", "quantity": 1 });
    let res = vu.post("/v1/orders").bearer_auth(token).json(&order).send().await?;
    check!(vu, { "order placement successful (status 201)" => res.status() == 201 });
    Ok(())
}

loadcore::main!(); // cargo run --release -- run --base-url http://127.0.0.1:8080

// ---- The second program, in which only the server is ours ----

#[ignore = "the test below runs it, again if other programs have spoilt it"]
// The same journey inside an integration test: no argv, no globals, no process exit.
#[tokio::test]
async fn checkout_holds_its_slo() -> loadcore::Result {
    let shop = Shop::start().await?; // any server; here the examples' shop
    let report = LoadTest::new()
        .base_url(shop.url())
        .seed(42)
        .scenario(CHECKOUT_SCENARIO.executor(constant_arrival_rate(per_sec(200), secs(5))))
        .scenario(
            Scenario::new("health", async |vu: &Vu| {
                vu.get("/health").send().await?;
                Ok(())
            })
            .executor(constant_vus(1, secs(5))),
        )
        .threshold(HTTP_REQ_DURATION.p(99).below(millis(50)))
        .run()
        .await?;
    report.assert_thresholds(); // panics with the readable summary
    assert!(report.rate(HTTP_REQ_FAILED) <= 0.0); // a rate of nothing is NaN and fails here
    assert!(report.generator().is_sound());
    Ok(())
}

#[tokio::test]
async fn the_second_program_passes() {
    in_some_round(async || {
        // In a thread of its own, as any test: it has a runtime of its own.
        match tokio::task::spawn_blocking(checkout_holds_its_slo).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(panicked) => Err(panicked.to_string()),
        }
    })
    .await;
}

// ---- What they need, and what the first one comes to ----

/// The examples' shop, in the runtime of the test that starts it, while no other test loads the machine.
struct Shop {
    shop: shop::Shop,
    _measuring: Measuring,
}

impl Shop {
    async fn start() -> std::io::Result<Shop> {
        let _measuring = measuring().await;
        Ok(Shop { shop: shop::Shop::start().await?, _measuring })
    }

    fn url(&self) -> String {
        self.shop.url()
    }
}

#[tokio::test]
async fn the_first_programs_journey_is_counted_by_group_check_and_name() {
    let shop = Shop::start().await.unwrap();
    let checkout = CHECKOUT_SCENARIO.executor(per_vu_iterations(2).vus(3));
    assert_eq!(checkout.name(), "checkout");
    let report = LoadTest::new().base_url(shop.url()).scenario(checkout).run().await.unwrap();

    report.assert_thresholds();
    let thresholds: Vec<String> =
        report.thresholds().iter().map(|result| result.threshold.to_string()).collect();
    assert_eq!(
        thresholds,
        [
            "http_req_duration{scenario:checkout}: p(95)<500",
            "http_req_failed{scenario:checkout}: rate<0.01",
            "checks{group:::User Login,scenario:checkout}: rate>0.999",
        ]
    );
    assert_eq!((report.count(ITERATIONS), report.count(HTTP_REQS)), (6.0, 18.0));
    for (name, group, constant) in [
        ("/v1/auth/login", "User Login", LOG_IN_GROUP),
        ("/v2/products", "Browse Products", BROWSE_PRODUCTS_GROUP),
        ("/v1/orders", "Place Order", PLACE_ORDER_GROUP),
    ] {
        assert_eq!(report.count(HTTP_REQS.named(name).group(group)), 6.0, "{name}");
        assert_eq!(report.rate(CHECKS.group(constant)), 1.0, "{group}");
        assert!(report.value(GROUP_DURATION.group(constant).min()) > 0.0, "{group}");
    }
    // The group's own wait belongs to it, the journey's does not.
    assert!(report.value(GROUP_DURATION.group(BROWSE_PRODUCTS_GROUP).min()) >= 1_500.0);
    assert!(report.value(GROUP_DURATION.group(BROWSE_PRODUCTS_GROUP).max()) < 3_500.0);
    assert!(report.value(ITERATION_DURATION.min()) >= 3_500.0);
}
