use loadcore::prelude::*;

struct Shop;

impl Shop {
    #[setup]
    async fn catalog(_vu: &Vu) -> Result<u32> {
        Ok(1)
    }
}

fn main() {}
