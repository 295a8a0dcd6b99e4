use loadcore::prelude::*;

struct Catalog;

#[scenario]
async fn by_value(_vu: &Vu, _catalog: Catalog) -> Result {
    Ok(())
}

#[scenario]
async fn without_size(_vu: &Vu, _name: &str, _words: &[String], _any: &(dyn Send + Sync)) -> Result {
    Ok(())
}

#[scenario]
async fn of_any_type(_vu: &Vu, _catalog: &impl Sync) -> Result {
    Ok(())
}

#[scenario]
async fn second_vu(_vu: &Vu, _other: &mut Vu) -> Result {
    Ok(())
}

fn main() {
    let _ = BY_VALUE_SCENARIO;
}
