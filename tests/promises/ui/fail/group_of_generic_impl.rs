use loadcore::prelude::*;

struct Cart<T>(T);

impl<T> Cart<T> {
    #[group]
    async fn fill(&self, vu: &Vu) -> &T {
        check!(vu, { "filled" => true });
        &self.0
    }
}

fn main() {
    let _ = Cart::<u8>::FILL_GROUP;
    let _ = Cart::FILL_GROUP;
}
