use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_FAILED.rate() < 0.1.abort_on_fail()])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
