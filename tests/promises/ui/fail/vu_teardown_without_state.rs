use loadcore::prelude::*;

struct Session;

#[vu_teardown]
async fn close(_vu: &Vu) -> Result {
    Ok(())
}

#[vu_teardown]
async fn close_borrowed(_vu: &Vu, _session: &Session) -> Result {
    Ok(())
}

fn main() {}
