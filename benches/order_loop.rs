//! The loop of orders: cookies, URL templates and JSON in both directions, for what these cost beside the GET loop.
//!
//! `order-loop --base-url URL --vus 64 --duration 5s --cores 1`; the server sets a cookie at `/login`.

mod order;

use loadcore::http::Http;
use loadcore::prelude::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    LoadTest::discovered().http(Http::new().keep_cookies(true)).main()
}
