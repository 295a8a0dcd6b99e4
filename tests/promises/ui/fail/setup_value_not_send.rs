use loadcore::prelude::*;
use std::rc::Rc;

struct Words {
    _all: Rc<str>,
}

#[setup]
async fn words(_vu: &Vu) -> Result<Words> {
    Ok(Words { _all: "a b".into() })
}

fn main() {}
