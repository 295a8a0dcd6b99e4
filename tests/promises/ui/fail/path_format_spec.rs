use loadcore::prelude::*;

fn _build(id: u32) {
    let _ = path!("/users/{id:?}");
}

fn main() {}
