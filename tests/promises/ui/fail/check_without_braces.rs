use loadcore::prelude::*;

async fn _look(vu: &Vu, status: u16) -> bool {
    check!(vu, "status is 200" => status == 200)
}

fn main() {}
