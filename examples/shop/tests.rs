//! The shop as its customers see it: over real sockets, by a client that knows nothing of axum.

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Shop;

/// One request on a connection of its own; the status and the JSON body (null when it is not JSON).
async fn ask(shop: &Shop, method: &str, target: &str, token: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(shop.addr()).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\nauthorization: {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

async fn log_in(shop: &Shop) -> String {
    let user = json!({ "email": "ada@example.com", "password": "maple-1000" }).to_string();
    let (status, answer) = ask(shop, "POST", "/v1/auth/login", "", &user).await;
    assert_eq!(status, 200);
    format!("Bearer {}", answer["token"].as_str().unwrap())
}

fn open() -> impl Future<Output = io::Result<Shop>> {
    Shop::builder().no_latency().start()
}

#[tokio::test]
async fn a_customer_logs_in_browses_and_orders() {
    let shop = Shop::start().await.unwrap();
    let token = log_in(&shop).await;

    let (status, list) = ask(&shop, "GET", "/v2/products?category=electronics", &token, "").await;
    let products = list["products"].as_array().unwrap();
    assert_eq!((status, products.len()), (200, 5));
    assert!(products.iter().all(|product| product["category"] == "electronics"));
    let headphones = json!({
        "id": "abc-123", "name": "Wireless headphones", "price": 89.9, "category": "electronics", "stock": 1000,
    });
    assert_eq!(products[0], headphones);

    let order = json!({ "productId": "abc-123", "quantity": 3 }).to_string();
    let (status, answer) = ask(&shop, "POST", "/v1/orders", &token, &order).await;
    assert_eq!((status, answer), (201, json!({ "orderId": "ord-00000001", "total": 269.7 })));
}

#[tokio::test]
async fn who_has_no_token_is_refused() {
    let shop = open().await.unwrap();
    for token in ["", "Bearer nonsense"] {
        assert_eq!(ask(&shop, "GET", "/v2/products", token, "").await.0, 401);
        let (status, answer) =
            ask(&shop, "POST", "/v1/orders", token, r#"{"productId":"abc-123","quantity":1}"#).await;
        assert_eq!(status, 401);
        assert!(answer["error"].is_string());
    }
    let (status, answer) =
        ask(&shop, "POST", "/v1/auth/login", "", r#"{"email":"ada@example.com","password":"?"}"#).await;
    assert_eq!((status, answer), (401, json!({ "error": "wrong email or password" })));
}

#[tokio::test]
async fn wrong_requests_get_errors_that_say_what_is_wrong() {
    let shop = open().await.unwrap();
    let token = log_in(&shop).await;
    for (target, body, status) in [
        ("/v1/auth/login", "{", 400),
        ("/v1/auth/login", r#"{"email":"ada@example.com"}"#, 422),
        ("/v1/orders", "[", 400),
        ("/v1/orders", r#"{"productId":"abc-123","quantity":-1}"#, 422),
        ("/v1/orders", r#"{"productId":"abc-123","quantity":0}"#, 400),
        ("/v1/orders", r#"{"productId":"abc-123","quantity":1001}"#, 409),
        ("/v1/orders", r#"{"productId":"nothing","quantity":1}"#, 404),
        ("/v1/nothing", "{}", 404),
    ] {
        let (answered, answer) = ask(&shop, "POST", target, &token, body).await;
        assert_eq!(answered, status, "{target} {body}");
        assert!(answer["error"].as_str().is_some_and(|text| !text.is_empty()), "{target} {body}: {answer}");
    }
    let (status, everything) = ask(&shop, "GET", "/v2/products", &token, "").await;
    assert_eq!((status, everything["products"].as_array().unwrap().len()), (200, 12));
    let (status, nothing) = ask(&shop, "GET", "/v2/products?category=none", &token, "").await;
    assert_eq!((status, nothing), (200, json!({ "products": [] })));
}

#[tokio::test]
async fn trouble_spares_only_the_health_check() {
    let slow = Duration::from_millis(60);
    let shop = Shop::builder().failure_rate(1.0).slow(1.0, slow).no_latency().start().await.unwrap();
    let begun = Instant::now();
    assert_eq!(ask(&shop, "GET", "/health", "", "").await.0, 200);
    assert!(begun.elapsed() < slow);
    let user = r#"{"email":"ada@example.com","password":"maple-1000"}"#;
    assert_eq!(ask(&shop, "POST", "/v1/auth/login", "", user).await.0, 503);
    assert!(begun.elapsed() >= slow);
}

#[tokio::test]
async fn dropping_the_shop_closes_its_port_and_idle_connections() {
    let shop = open().await.unwrap();
    let addr = shop.addr();
    let mut idle = TcpStream::connect(addr).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    drop(shop);
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0);
    assert!(TcpStream::connect(addr).await.is_err());
}

#[test]
fn a_thread_of_its_own_needs_no_runtime() {
    let shop = Shop::builder().no_latency().start_in_thread().unwrap();
    let addr = shop.addr();
    let status = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { ask(&shop, "GET", "/health", "", "").await.0 });
    assert_eq!(status, 200);
    let half_a_request = std::net::TcpStream::connect(addr).unwrap();
    drop(shop);
    assert!(std::net::TcpStream::connect(addr).is_err());
    drop(half_a_request);
}
