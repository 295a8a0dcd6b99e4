use loadcore::prelude::*;

struct Shop;

impl Shop {
    #[setup]
    async fn catalog(&self, _vu: &Vu) -> Result<u32> {
        Ok(1)
    }

    #[vu_teardown]
    async fn close(&mut self, _vu: &Vu) -> Result {
        Ok(())
    }
}

fn main() {}
