use loadcore::prelude::*;

#[scenario(
    excutor = constant_vus(1, 1m),
    thresholds = [HTTP_REQ_DURATION.p(199) < 500ms, HTTP_REQ_FAILED.rate() == 0.0],
    name = "my checkout",
)]
fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
