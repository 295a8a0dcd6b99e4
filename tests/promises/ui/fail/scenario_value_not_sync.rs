use loadcore::prelude::*;
use std::cell::Cell;

struct Catalog {
    used: Cell<u32>,
}

#[scenario]
async fn checkout(_vu: &Vu, catalog: &Catalog) -> Result {
    catalog.used.set(1);
    Ok(())
}

fn main() {}
