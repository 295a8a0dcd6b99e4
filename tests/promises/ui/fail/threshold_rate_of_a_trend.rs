use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_DURATION.rate() < 0.01, HTTP_REQ_DURATION.named("/").count() > 5])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
