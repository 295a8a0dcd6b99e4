use loadcore::prelude::*;

#[scenario(executor: constant_vus(1, 1m))]
async fn colon(_vu: &Vu) -> Result {
    Ok(())
}

#[scenario(executor = , name = "no-value")]
async fn no_value(_vu: &Vu) -> Result {
    Ok(())
}

#[scenario(executor = "constant_vus")]
async fn text(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
