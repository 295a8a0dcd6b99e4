use loadcore::prelude::*;

#[group("Shop::Login")]
async fn log_in(_vu: &Vu) -> Result {
    Ok(())
}

#[group("")]
async fn log_out(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
