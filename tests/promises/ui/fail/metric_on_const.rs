use loadcore::prelude::*;

#[metric]
const ORDERS: Counter = Counter::new("orders");

fn main() {}
