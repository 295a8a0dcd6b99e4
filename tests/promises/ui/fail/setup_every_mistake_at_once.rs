use loadcore::prelude::*;

struct Catalog;

#[setup(timeout = 5s, name = "catalog")]
fn catalog<T>(_vu: Vu, _other: Catalog) {
    let _half_typed = Catalog.;
}

fn main() {}
