//! Metrics and data.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

use loadcore::prelude::*;

#[metric]
static ORDERS: Counter = Counter::new("orders");

/// Documented and public.
#[metric]
pub static CACHE_HIT: Rate = Rate::new("cache_hit");

#[data]
static WORDS: SharedArray<String> = SharedArray::json("data/words.json");

#[cfg(any())]
#[metric]
static LEFT_OUT: NothingOfThisName = NothingOfThisName::new();

async fn _uses(vu: &Vu) {
    ORDERS.add(vu, 1);
    CACHE_HIT.add(vu, true);
    let _: &String = WORDS.for_vu(vu);
}

fn main() {}
