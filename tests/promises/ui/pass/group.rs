#![forbid(unsafe_code)]
#![deny(warnings)]

use loadcore::prelude::*;

struct Cart {
    items: usize,
}

trait Buys {
    async fn buy(&self, vu: &Vu) -> Result<usize>;
}

impl Buys for Cart {
    #[group("Buy", constant = false)]
    async fn buy(&self, vu: &Vu) -> Result<usize> {
        vu.get("/buy").send().await?;
        Ok(self.items)
    }
}

impl Cart {
    #[group("Fill the cart")]
    pub async fn fill(&mut self, vu: &Vu, items: usize) -> Result<&mut Self> {
        check!(vu, { "some" => items > 0 });
        self.items += items;
        Ok(self)
    }

    #[group]
    async fn empty(_vu: &Vu) -> Self {
        Cart { items: 0 }
    }
}

#[group]
async fn each<'a, T>(vu: &Vu, values: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T>
where
    T: PartialEq,
{
    #![allow(unused_mut)]
    let mut vu = vu.clone();
    check!(vu, { "not empty" => !values.is_empty() });
    values.iter()
}

// On one line, where rustc would call a block inside a block superfluous.
#[rustfmt::skip]
#[group]
async fn one_line(vu: &Vu) -> Result<bool> { Ok(check!(vu, { "yes" => true })) }

macro_rules! step {
    ($name:ident, $text:literal, $body:block) => {
        #[group($text)]
        async fn $name(_vu: &Vu) -> Result $body
    };
}
step!(made_by_a_macro, "Made", { Ok(()) });

async fn uses(vu: &Vu) -> Result {
    let mut cart = Cart::empty(vu).await;
    cart.fill(vu, 1).await?.buy(vu).await?;
    let _values: Vec<_> = each(vu, &[1]).await.collect();
    one_line(vu).await?;
    let _: [Group; 3] = [Cart::FILL_GROUP, EACH_GROUP, MADE_BY_A_MACRO_GROUP];
    made_by_a_macro(vu).await
}

fn main() {
    let _ = uses;
}
