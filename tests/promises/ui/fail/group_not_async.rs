use loadcore::prelude::*;

#[group]
fn log_in(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
