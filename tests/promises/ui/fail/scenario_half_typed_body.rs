use loadcore::prelude::*;

// The body's own error is the only one: the constant exists, the function keeps its type.
#[scenario(executor = constant_vus(1, 1m))]
async fn checkout(vu: &Vu) -> Result {
    let _page = vu.;
    Ok(())
}

#[group]
async fn step(vu: &Vu) -> Result {
    let _page = vu.;
    Ok(())
}

fn _uses() -> (Scenario, Group) {
    (CHECKOUT_SCENARIO, STEP_GROUP)
}

fn main() {}
