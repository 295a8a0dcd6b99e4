use loadcore::prelude::*;

#[scenario(executor = constant_vus(1, 10))]
async fn of_no_duration(_vu: &Vu) -> Result {
    Ok(())
}

#[scenario(executor = ramping_arrival_rate([(1s, 50)]).graceful_stop(5))]
async fn of_no_rate(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
