use loadcore::prelude::*;

#[scenario(executor = ramping_vus([(5sec, 10), (30m2h, 10), (1e3s, 0)]))]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
