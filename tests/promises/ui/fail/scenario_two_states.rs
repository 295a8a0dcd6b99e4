use loadcore::prelude::*;

#[derive(Default)]
struct Session;

#[derive(Default)]
struct Cart;

#[scenario]
async fn checkout(_vu: &Vu, _session: &mut Session, _cart: &mut Cart) -> Result {
    Ok(())
}

fn main() {}
