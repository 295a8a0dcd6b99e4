//! The shop as a program: `cargo run --release --bin shop`, then point a load test at it.

use std::io;
use std::time::Duration;

use clap::Parser;
use shop::Shop;

/// A small web shop on 127.0.0.1 to put under load
#[derive(Debug, Parser)]
#[command(name = "shop", version)]
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
    println!("the shop is open at {}; Ctrl-C closes it", shop.url());
    tokio::signal::ctrl_c().await
}
