use loadcore::prelude::*;

#[scenario(tags = ["shop"])]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
