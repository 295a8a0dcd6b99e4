use loadcore::prelude::*;

struct Shop;

impl Shop {
    #[scenario]
    async fn checkout(&self, _vu: &Vu) -> Result {
        Ok(())
    }
}

fn main() {}
