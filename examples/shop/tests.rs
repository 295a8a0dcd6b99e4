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

/// One request of a browser; the whole answer.
async fn browse(shop: &Shop, line: &str, cookie: &str, kind: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(shop.addr()).await.unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncookie: {cookie}\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

const FORM: &str = "application/x-www-form-urlencoded";

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
async fn a_browser_is_led_to_its_account_by_a_cookie() {
    let shop = open().await.unwrap();
    let stranger = browse(&shop, "GET /account", "theme=dark", "", "").await;
    assert!(stranger.starts_with("HTTP/1.1 303 ") && stranger.contains("location: /login\r\n"), "{stranger}");
    let login = browse(&shop, "POST /login", "", FORM, "email=ada%40example.com&password=maple-1000").await;
    assert!(login.starts_with("HTTP/1.1 303 ") && login.contains("location: /account\r\n"), "{login}");
    let cookie = login.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
    let account = browse(&shop, "GET /account", &format!("theme=dark; {cookie}"), "", "").await;
    assert!(account.starts_with("HTTP/1.1 200 ") && account.contains("ada@example.com"), "{account}");
    let wrong = browse(&shop, "POST /login", "", FORM, "email=ada%40example.com&password=no").await;
    assert!(wrong.starts_with("HTTP/1.1 401 "), "{wrong}");

    let export = browse(&shop, "GET /export", cookie, "", "").await;
    assert!(export.contains("transfer-encoding: chunked") && export.contains("ord-00031999,bok-203,1\n"));
    assert!(browse(&shop, "GET /export", "sid=0.0", "", "").await.starts_with("HTTP/1.1 401 "));
    let picture = browse(&shop, "GET /pictures/abc-123", "", "", "").await;
    assert!(picture.contains("content-type: image/png"), "{picture}");
    assert!(browse(&shop, "GET /pictures/abc", "", "", "").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_review_needs_a_product_and_a_picture() {
    let shop = open().await.unwrap();
    let cookie = log_in(&shop).await.replace("Bearer ", "sid=");
    let part = |name: &str, content: &str| {
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    };
    let (product, picture) = (part("product", "abc-123"), part("picture", "12345"));
    for (parts, status) in [
        ([&*product, &*picture], "201"),
        ([&*product, ""], "400"),
        (["", &*picture], "400"),
        ([&*part("product", "none"), &*picture], "400"),
    ] {
        let kind = "multipart/form-data; boundary=b";
        let answer =
            browse(&shop, "POST /reviews", &cookie, kind, &format!("{}--b--\r\n", parts.concat())).await;
        assert_eq!(&answer[9..12], status, "{parts:?} {answer}");
        assert_eq!(status == "201", answer.contains(r#"{"pictureBytes":5,"product":"abc-123"}"#), "{answer}");
    }
    let stranger = browse(&shop, "POST /reviews", "", "multipart/form-data; boundary=b", "--b--").await;
    assert!(stranger.starts_with("HTTP/1.1 401 "), "{stranger}");
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
