//! The plain GET loop over HTTP/2 without TLS, for comparisons with other tools.
//!
//! `h2-get-loop --base-url URL --vus 64 --duration 5s --cores 1`

use loadcore::http::{Http, HttpVersions};
use loadcore::prelude::*;
use std::process::ExitCode;

#[scenario(executor = constant_vus(64, 5s))]
async fn get(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

fn main() -> ExitCode {
    LoadTest::discovered().http(Http::new().versions(HttpVersions::Http2)).main()
}
