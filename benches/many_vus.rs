//! Many VUs that mostly wait, each with one keep-alive connection: what a VU costs in memory.
//!
//! `many-vus --base-url URL`

use loadcore::prelude::*;

#[scenario(
    executor = constant_vus(10_000, 30s),
    thresholds = [HTTP_REQ_FAILED.rate() <= 0.0, ITERATION_FAILED.rate() <= 0.0],
)]
async fn get_and_wait(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    vu.sleep(secs(1)).await;
    Ok(())
}

loadcore::main!();
