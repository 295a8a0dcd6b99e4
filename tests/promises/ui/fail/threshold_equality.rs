use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_FAILED.rate() == 0.0])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
