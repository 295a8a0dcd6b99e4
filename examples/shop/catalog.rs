//! What the shop sells.

use serde::{Serialize, Serializer};

/// One product.
#[derive(Serialize)]
pub(crate) struct Product {
    pub(crate) id: &'static str,
    name: &'static str,
    #[serde(rename = "price")]
    pub(crate) cents: Cents,
    pub(crate) category: &'static str,
    /// What one order may take at most. Orders do not use it up: a shop that sells out in the first minute of a load
    /// test would spend the rest of it answering errors.
    pub(crate) stock: u32,
}

/// An amount of money; exact inside, a decimal number in JSON.
#[derive(Clone, Copy)]
pub(crate) struct Cents(pub(crate) u64);

impl Cents {
    pub(crate) fn times(self, quantity: u32) -> Cents {
        Cents(self.0 * u64::from(quantity))
    }
}

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}

/// Every product, in the order in which lists show them.
pub(crate) static PRODUCTS: [Product; 12] = [
    product("abc-123", "Wireless headphones", 8_990, "electronics", 1_000),
    product("abc-124", "Mechanical keyboard", 12_900, "electronics", 400),
    product("abc-125", "USB-C dock", 14_950, "electronics", 250),
    product("abc-126", "27 inch monitor", 31_900, "electronics", 80),
    product("abc-127", "E-book reader", 15_999, "electronics", 320),
    product("bok-201", "The Art of Computer Programming", 19_900, "books", 60),
    product("bok-202", "Structure and Interpretation of Computer Programs", 5_450, "books", 150),
    product("bok-203", "The C Programming Language", 4_990, "books", 90),
    product("kit-301", "Pour-over coffee maker", 3_995, "kitchen", 500),
    product("kit-302", "Cast iron pan", 4_550, "kitchen", 210),
    product("toy-401", "Wooden train set", 6_200, "toys", 75),
    product("toy-402", "Marble run", 3_450, "toys", 140),
];

const fn product(
    id: &'static str,
    name: &'static str,
    cents: u64,
    category: &'static str,
    stock: u32,
) -> Product {
    Product { id, name, cents: Cents(cents), category, stock }
}
