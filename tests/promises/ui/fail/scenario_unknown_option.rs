use loadcore::prelude::*;

#[scenario(excutor = constant_vus(1, 1m), weight = 3)]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
