use loadcore::prelude::*;

struct Catalog;

#[setup]
async fn catalog(_vu: &Vu) -> Catalog {
    Catalog
}

#[setup]
async fn maybe(_vu: &Vu) -> Option<Catalog> {
    None
}

#[setup]
async fn nothing(_vu: &Vu) {}

struct NoError;

#[setup]
async fn wrong_error(_vu: &Vu) -> std::result::Result<Catalog, NoError> {
    Err(NoError)
}

fn main() {}
