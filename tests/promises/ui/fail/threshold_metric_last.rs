use loadcore::prelude::*;

#[scenario(thresholds = [500ms > HTTP_REQ_DURATION.p(95)])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
