use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_DURATION.rate() < 0.01])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
