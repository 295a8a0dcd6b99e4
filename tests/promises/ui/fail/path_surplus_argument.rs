use loadcore::prelude::*;

fn _build(id: u32, order: u32) {
    let _ = path!("/users/{id}", order);
}

fn main() {}
