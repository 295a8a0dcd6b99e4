//! The plain GET loop, as a user would write it: for comparisons with other tools.
//!
//! `get-loop --base-url URL --vus 64 --duration 5s --cores 1`

use loadcore::prelude::*;

#[scenario(executor = constant_vus(64, 5s))]
async fn get(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

loadcore::main!();
