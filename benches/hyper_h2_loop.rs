//! HTTP/2's yardstick as a program: GETs over bare hyper, without TLS.
//!
//! `hyper-h2-loop ADDRESS CONNECTIONS SECONDS`

use clap::Parser;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug, Parser)]
struct Args {
    address: SocketAddr,
    connections: usize,
    seconds: u64,
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let outcome = yardstick::run_h2(args.address, args.connections, Duration::from_secs(args.seconds))?;
    println!("requests_ok={} requests_failed={}", outcome.ok, outcome.not_ok);
    Ok(())
}
