use loadcore::prelude::*;

#[scenario(name = "my checkout")]
async fn checkout(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
