use loadcore::prelude::*;

#[teardown]
async fn forget(_vu: &Vu) {}

#[vu_teardown]
async fn close(_vu: &Vu, _session: &mut u8) -> u32 {
    1
}

fn main() {}
