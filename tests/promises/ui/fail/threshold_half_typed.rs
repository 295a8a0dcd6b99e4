use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_FAILED.rate() < 0.01, HTTP_REQ_DURATION. ])]
async fn no_number(_vu: &Vu) -> Result {
    Ok(())
}

#[scenario(thresholds = [HTTP_REQ_DURATION.p(95) < ])]
async fn no_bound(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
