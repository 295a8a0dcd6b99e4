use loadcore::prelude::*;

#[setup(crat = loadcore)]
async fn catalog(_vu: &Vu) -> Result<u32> {
    Ok(1)
}

#[vu_setup("session")]
async fn session(_vu: &Vu) -> Result<u8> {
    Ok(1)
}

#[teardown(timeout = 5)]
async fn forget(_vu: &Vu) -> Result {
    Ok(())
}

fn main() {}
