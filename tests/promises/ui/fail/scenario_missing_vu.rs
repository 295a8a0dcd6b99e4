use loadcore::prelude::*;

#[scenario]
async fn without_parameters() -> Result {
    Ok(())
}

#[scenario]
async fn vu_by_value(_vu: Vu) -> Result {
    Ok(())
}

fn main() {}
