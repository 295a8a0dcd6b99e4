use loadcore::prelude::*;

struct Session;

#[teardown]
async fn forget(_vu: &Vu, _session: &mut Session) -> Result {
    Ok(())
}

fn main() {}
