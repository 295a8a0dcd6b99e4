use loadcore::prelude::*;

#[scenario(executor = constant_vus(1, 1m), thresholds = [HTTP_REQ_FAILED.rate() < 5ms])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
