use loadcore::prelude::*;

#[scenario]
fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

// The constant exists all the same: its use is no second error.
fn _uses() -> Scenario {
    CHECKOUT_SCENARIO
}

fn main() {}
