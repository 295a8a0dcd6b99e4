use loadcore::prelude::*;

struct Session;

#[vu_setup]
async fn open(_vu: &Vu, _session: &mut Session) -> Result {
    Ok(())
}

fn main() {}
