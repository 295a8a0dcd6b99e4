use loadcore::prelude::*;

#[scenario(executor = constant_vus(1, 1m), executor = constant_vus(2, 1m))]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
