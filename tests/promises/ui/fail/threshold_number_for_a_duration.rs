use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_DURATION.p(95) < 500.0])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
