use loadcore::prelude::*;

struct Catalog;

#[scenario]
async fn checkout(_vu: &Vu, _catalog: &Catalog) -> Result {
    Ok(())
}

fn main() {}
