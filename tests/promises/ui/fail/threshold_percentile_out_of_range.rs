use loadcore::prelude::*;

#[scenario(thresholds = [HTTP_REQ_DURATION.p(199) < 500ms])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
