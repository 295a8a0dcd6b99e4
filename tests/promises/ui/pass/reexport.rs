//! A crate that gets loadcore through another one names it, whatever stands under its usual names.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

mod engine {
    pub(crate) use ::loadcore;
}

mod loadcore {}
mod core {}
mod std {}

/// As a crate of its own would write for its users.
macro_rules! health {
    ($name:ident) => {
        #[$crate::engine::loadcore::scenario(crate = $crate::engine::loadcore, executor = constant_vus(1, 1s))]
        async fn $name(vu: &Vu) -> Result {
            step(vu).await
        }
    };
}

use engine::loadcore::prelude::*;

struct Catalog;

#[derive(Default)]
struct Session;

#[metric(crate = engine::loadcore)]
static ORDERS: Counter = Counter::new("orders");

#[data(crate = crate::engine::loadcore)]
static WORDS: SharedArray<String> = SharedArray::json("data/words.json");

#[setup(crate = crate::engine::loadcore)]
async fn catalog(_vu: &Vu) -> Result<Catalog> {
    Ok(Catalog)
}

#[teardown(crate = crate::engine::loadcore)]
async fn forget(_vu: &Vu, _catalog: &Catalog) -> Result {
    Ok(())
}

#[vu_setup(crate = crate::engine::loadcore)]
async fn open(_vu: &Vu, _catalog: &Catalog) -> Result<Session> {
    Ok(Session)
}

#[vu_teardown(crate = self::engine::loadcore)]
async fn close(_vu: &Vu, _session: &mut Session) -> Result {
    Ok(())
}

#[group("Step", crate = engine::loadcore)]
async fn step(vu: &Vu) -> Result {
    ORDERS.add(vu, 1);
    let word = WORDS.for_vu(vu);
    vu.get(path!("/{word}")).send().await?;
    vu.get(engine::loadcore::path!("/{}", word)).send().await?;
    engine::loadcore::check!(vu, { "one" => word.len() == 1 });
    Ok(())
}

#[scenario(
    crate = engine::loadcore,
    executor = ramping_vus([(1m, 1)]),
    thresholds = [HTTP_REQ_DURATION.p(95) < 500ms],
)]
async fn profile(vu: &Vu, _catalog: &Catalog, _session: &mut Session) -> Result {
    step(vu).await
}

health!(healthy);

fn main() {
    let _: [Scenario; 2] = [PROFILE_SCENARIO, HEALTHY_SCENARIO];
}
