use loadcore::prelude::*;

#[scenario]
async fn checkout(_vu: &Vu) -> u32 {
    7
}

fn main() {}
