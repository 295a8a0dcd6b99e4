//! Groups on functions and methods of every kind.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]

use loadcore::prelude::*;
use std::fmt::{Debug, Display};
use std::pin::Pin;
use std::rc::Rc;

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

/// A trait may have the constant, if it also has the body.
trait Walks: Debug {
    #[group("Walk")]
    async fn walk(&self, vu: &Vu, steps: impl Into<u32>) -> Result<u32> {
        let steps = steps.into();
        check!(vu, { format!("{self:?}") => steps > 0 });
        Ok(steps)
    }
}

impl Walks for u8 {}

struct Shelf<'s, T, const N: usize> {
    items: &'s [T; N],
}

impl<'s, T, const N: usize> Shelf<'s, T, N>
where
    T: Clone + Debug + PartialEq,
{
    #[group("Take one")]
    async fn take(&self, vu: &Vu, at: usize) -> Result<T> {
        check!(vu, { "in range" => at < N });
        Ok(self.items[at].clone())
    }

    #[group]
    async fn first<'a>(&'a self, _vu: &Vu) -> Option<&'s T>
    where
        's: 'a,
    {
        self.items.first()
    }

    #[group(name = "Find")]
    async fn find<Q>(
        self: Rc<Self>,
        vu: &Vu,
        wanted: &Q,
        say: impl AsyncFn(&Vu, &str),
    ) -> Result<impl Iterator<Item = usize>>
    where
        Q: PartialEq<T> + ?Sized,
    {
        say(vu, "looking").await;
        let found: Vec<_> =
            self.items.iter().enumerate().filter(|(_, item)| wanted == *item).map(|(at, _)| at).collect();
        Ok(found.into_iter())
    }

    #[group]
    async fn turn(self: Pin<&mut Self>, _vu: &Vu, _: u8) {}

    #[group]
    async fn own(mut self, vu: &Vu, items: &'s [T; N]) -> Self {
        self.items = items;
        vu.sleep(secs(0)).await;
        self
    }
}

impl Walks for Shelf<'_, u8, 1> {
    #[group(constant = false)]
    async fn walk(&self, _vu: &Vu, steps: impl Into<u32>) -> Result<u32> {
        Ok(steps.into())
    }
}

impl<T: Debug, const N: usize> Debug for Shelf<'_, T, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.items.fmt(f)
    }
}

#[group]
async fn show<W, const N: usize>(
    vu: &Vu,
    what: &dyn Display,
    all: &mut [W; N],
    more: impl IntoIterator<Item = W>,
) -> usize
where
    W: Clone,
{
    let more: Vec<W> = more.into_iter().collect();
    let name = what.to_string();
    check!(vu, { &name => more.len() > N });
    if let Some(last) = more.last() {
        all.fill(last.clone());
    }
    more.len()
}

#[group]
async fn r#move(r#type: &Vu) -> bool {
    check!(r#type, { "raw" => true })
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
    let shelf = Shelf { items: &[1_u8] };
    shelf.walk(vu, 1_u8).await?;
    7_u8.walk(vu, shelf.take(vu, 0).await?).await?;
    let _ = shelf.first(vu).await;
    let mut shelf = shelf.own(vu, &[2]).await;
    Pin::new(&mut shelf).turn(vu, 1).await;
    let _found = Rc::new(shelf).find(vu, &2, async |_: &Vu, _: &str| {}).await?.count();
    show(vu, &1, &mut [1; 3], [2]).await;
    r#move(vu).await;
    let _: [Group; 5] = [Cart::FILL_GROUP, EACH_GROUP, SHOW_GROUP, MOVE_GROUP, MADE_BY_A_MACRO_GROUP];
    let _: [Group; 4] =
        [Shelf::<u8, 1>::TAKE_GROUP, Shelf::<u8, 1>::TURN_GROUP, u8::WALK_GROUP, <u8 as Walks>::WALK_GROUP];
    made_by_a_macro(vu).await
}

fn main() {
    let _ = uses;
}
