//! Users that mostly wait: a GET, a second of sleep, and again.

use goose::prelude::*;
use std::time::Duration;

async fn get(user: &mut GooseUser) -> TransactionResult {
    let _response = user.get("/").await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    let second = Duration::from_secs(1);
    let scenario =
        scenario!("get_and_wait").set_wait_time(second, second)?.register_transaction(transaction!(get));
    let metrics = GooseAttack::initialize()?.register_scenario(scenario).execute().await?;
    counts::print(&metrics);
    Ok(())
}
