//! The shop as a program: `cargo run --release --bin shop`, then point a load test at it.

use std::io;
use std::time::Duration;

use clap::Parser;
use shop::Shop;

/// What it answers, and to whom: the end of `--help`, and of what it says when it opens. At most 80 columns wide.
const ROUTES: &str = r#"Routes:
  GET  /health                             "ok", at once and always
  POST /v1/auth/login                      {"token": ".."}
  GET  /v2/products?category=electronics   {"products": [{"id": "abc-123", ..}]}
  POST /v1/orders                          201 {"orderId": "..", "total": 89.9}

The website, for browsers:
  POST /login (form: email, password)      303 to /account, cookie `sid`
  GET  /account                            who it is, or 303 to /login
  GET  /pictures/abc-123                   a picture
  GET  /export                             all orders, in pieces
  POST /reviews (multipart)                201; wants `product` and `picture`

A login is {"email": "ada@example.com", "password": "maple-1000"}, or one of
examples/data/users.json. An order is {"productId": "abc-123", "quantity": 1}.
Products and orders want the header `authorization: Bearer TOKEN`, export and
reviews the cookie."#;

/// A small web shop on 127.0.0.1 to put under load
#[derive(Debug, Parser)]
#[command(name = "shop", version, after_help = ROUTES)]
struct Args {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Share of requests that fail with a 503, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    failure_rate: f64,
    /// Share of requests that take --slow-ms longer, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    slow_rate: f64,
    /// How much longer slow requests take, in milliseconds
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    slow_ms: u64,
    /// Answer as fast as the machine can
    #[arg(long)]
    no_latency: bool,
    /// Make latencies, failures and slow requests repeatable
    #[arg(long)]
    seed: Option<u64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share is between 0 and 1".to_owned()) }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let mut options = Shop::builder()
        .port(args.port)
        .failure_rate(args.failure_rate)
        .slow(args.slow_rate, Duration::from_millis(args.slow_ms));
    if args.no_latency {
        options = options.no_latency();
    }
    if let Some(seed) = args.seed {
        options = options.seed(seed);
    }
    let shop = options.start().await?;
    println!("the shop is open at {}; Ctrl-C closes it\n\n{ROUTES}", shop.url());
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    /// The status and body of a request on a connection of its own.
    fn ask(shop: &Shop, method: &str, path: &str, token: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(shop.addr()).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n");
        let kind = "content-type: application/json\r\n";
        write!(
            stream,
            "{head}{kind}authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].to_owned(), body.to_owned())
    }

    /// The JSON object in the text that begins with this key.
    fn object(key: &str) -> &'static str {
        let rest = &ROUTES[ROUTES.find(&format!("{{\"{key}\"")).unwrap()..];
        &rest[..=rest.find('}').unwrap()]
    }

    #[test]
    fn a_newcomer_gets_everywhere_with_what_the_help_says() {
        let shop = Shop::builder().no_latency().start_in_thread().unwrap();
        let (status, login) = ask(&shop, "POST", "/v1/auth/login", "", object("email"));
        assert_eq!(status, "200", "{login}");
        let login: serde_json::Value = serde_json::from_str(&login).unwrap();
        let token = login["token"].as_str().unwrap();
        let routes = ROUTES.lines().skip(1).take_while(|line| !line.is_empty());
        let statuses = routes.map(|line| {
            let mut words = line.split_whitespace();
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            let body = if path.ends_with("login") { object("email") } else { object("productId") };
            (path, ask(&shop, method, path, token, body).0)
        });
        let expected = [
            ("/health", "200"),
            ("/v1/auth/login", "200"),
            ("/v2/products?category=electronics", "200"),
            ("/v1/orders", "201"),
        ];
        assert!(statuses.eq(expected.map(|(path, status)| (path, status.to_owned()))));
        assert!(ROUTES.lines().all(|line| line.len() <= 80));
    }
}
