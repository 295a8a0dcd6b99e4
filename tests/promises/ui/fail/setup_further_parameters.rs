use loadcore::prelude::*;

struct Catalog;

#[setup]
async fn prices(_vu: &Vu, _catalog: &Catalog) -> Result<u32> {
    Ok(1)
}

#[setup]
async fn names(_vu: &Vu, _session: &mut Vec<u8>) -> Result<Vec<u8>> {
    Ok(Vec::new())
}

fn main() {}
