use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_FAILED.p(95) < 0.01, CHECKS.group("Log In").p(95) > 0.99])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
