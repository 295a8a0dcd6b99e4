//! The plain GET loop, as a goose user would write it, with goose's defaults.

use goose::prelude::*;

async fn get(user: &mut GooseUser) -> TransactionResult {
    let _response = user.get("/").await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    let scenario = scenario!("get").register_transaction(transaction!(get));
    let metrics = GooseAttack::initialize()?.register_scenario(scenario).execute().await?;
    counts::print(&metrics);
    Ok(())
}
