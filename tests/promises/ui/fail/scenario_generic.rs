use loadcore::prelude::*;

#[scenario]
async fn checkout<T: Default>(_vu: &Vu, _state: &mut T) -> Result {
    Ok(())
}

fn main() {}
