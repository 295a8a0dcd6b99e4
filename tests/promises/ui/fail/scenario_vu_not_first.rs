use loadcore::prelude::*;

#[scenario]
async fn checkout(_count: &u32, vu: &Vu) -> Result {
    log_in(7, vu).await
}

#[group]
async fn log_in(_user: u32, _vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
