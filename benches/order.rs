//! A journey with cookies, URL templates and JSON in both directions, as a user would write it: a customer logs in once,
//! and then orders again and again.

use loadcore::prelude::*;
use serde::{Deserialize, Serialize};

/// A logged-in customer, whose session is in the VU's cookies.
#[derive(Debug)]
pub(crate) struct Customer {
    orders: u32,
}

#[derive(Debug, Serialize)]
struct Order<'a> {
    product: &'a str,
    quantity: u32,
    note: &'a str,
}

/// What the server answers to everything.
#[derive(Debug, Deserialize)]
struct Product {
    stock: u32,
}

/// The cookie is set by the server, and kept by [`Http::keep_cookies`](loadcore::http::Http::keep_cookies).
#[vu_setup]
async fn log_in(vu: &Vu) -> Result<Customer> {
    vu.post("/login").send().await?;
    Ok(Customer { orders: 0 })
}

#[scenario(executor = constant_vus(64, 5s))]
pub(crate) async fn order(vu: &Vu, customer: &mut Customer) -> Result {
    customer.orders += 1;
    let order = Order { product: "abc-123", quantity: 1, note: "please ring twice" };
    let res = vu.post(path!("/users/{}/orders/{}", vu.id(), customer.orders)).json(&order).send().await?;
    if res.json::<Product>()?.stock == 0 {
        return Err("sold out".into());
    }
    Ok(())
}
