use loadcore::prelude::*;

#[metric]
static ORDERS: u64 = 0;

fn main() {}
