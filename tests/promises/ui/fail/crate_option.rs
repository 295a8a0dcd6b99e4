use loadcore::prelude::*;

mod engine {
    pub use loadcore;
}

#[scenario(crate = "engine::loadcore")]
async fn in_quotes(_vu: &Vu) -> Result {
    Ok(())
}

#[metric(crate)]
static ORDERS: Counter = Counter::new("orders");

#[setup(crate = engine::loadcore, crate = engine::loadcore)]
async fn given_twice(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
