use loadcore::prelude::*;

struct Cart;

trait Buys {
    async fn buy(&self, vu: &Vu) -> Result;
}

impl Buys for Cart {
    #[group("Buy")]
    async fn buy(&self, vu: &Vu) -> Result {
        vu.get("/buy").send().await?;
        Ok(())
    }
}

fn main() {}
