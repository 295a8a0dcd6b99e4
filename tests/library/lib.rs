//! Journeys in a library: a test program that names this crate runs them.

use loadcore::prelude::*;

/// What the setup found.
#[derive(Debug)]
pub struct Stock(
    /// How many there are.
    pub u64,
);

/// Runs before the load.
#[setup]
async fn stock(vu: &Vu) -> Result<Stock> {
    vu.sleep(millis(1)).await;
    Ok(Stock(3))
}

/// A journey without a target.
#[scenario(executor = shared_iterations(2), thresholds = [CHECKS.rate() >= 1.0])]
pub async fn count_stock(vu: &Vu, stock: &Stock) -> Result {
    check!(vu, { "there are three" => stock.0 == 3 });
    Ok(())
}
