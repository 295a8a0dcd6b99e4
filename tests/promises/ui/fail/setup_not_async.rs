use loadcore::prelude::*;

#[setup]
fn catalog(_vu: &Vu) -> Result<u32> {
    Ok(1)
}

fn main() {
    let _ = catalog;
}
