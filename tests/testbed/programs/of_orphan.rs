//! A program whose teardown waits for a value that nobody makes.

use loadcore::prelude::*;

struct Basket;

#[teardown]
async fn empty(_vu: &Vu, _basket: &Basket) -> Result {
    Ok(())
}

#[scenario]
async fn idle(_vu: &Vu) {}

loadcore::main!();
