use loadcore::prelude::*;

mod engine {}

#[scenario(crate = engine::loadcore)]
async fn checkout(_vu: &Vu, _catalog: &u8, _session: &mut u8) -> Result {
    Ok(())
}

fn main() {}
