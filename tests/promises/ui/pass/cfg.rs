//! What is switched off leaves nothing behind, and what is switched on is all there.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

use loadcore::prelude::*;

mod off {
    #[cfg(any())]
    #[loadcore::scenario(executor = nothing_of_this_name())]
    async fn left_out(vu: &Nothing, catalog: &Catalog) {}

    #[cfg_attr(all(), cfg(any()))]
    #[loadcore::group]
    async fn left_out(vu: &Nothing) {}

    #[cfg(any())]
    #[loadcore::setup]
    async fn left_out(vu: &Nothing) -> Nothing {}

    #[loadcore::teardown]
    #[cfg(any())]
    async fn left_out(vu: &Nothing) -> Nothing {}

    #[loadcore::vu_setup]
    #[cfg_attr(all(), cfg(any()))]
    async fn left_out(vu: &Nothing) -> Nothing {}

    #[cfg(any())]
    #[loadcore::vu_teardown]
    async fn left_out(vu: &Nothing, state: &mut Nothing) -> Nothing {}

    #[loadcore::metric]
    #[cfg(any())]
    static LEFT_OUT: Nothing = Nothing::new();

    #[cfg(any())]
    #[loadcore::data]
    static LEFT_OUT: Nothing = Nothing::new();

    // The names are free.
    pub(super) const LEFT_OUT_SCENARIO: u8 = 1;
    pub(super) const LEFT_OUT_GROUP: u8 = 2;
}

struct Catalog;

#[cfg(all())]
#[scenario]
async fn kept(vu: &Vu, _catalog: &Catalog, _state: &mut u8) {
    step(vu).await;
}

#[scenario]
#[cfg_attr(all(), cfg(all()), allow(unused))]
async fn kept_too(vu: &Vu) {
    let unused = KEPT.add(vu, 1);
}

#[cfg(all())]
#[group]
async fn step(vu: &Vu) {
    #[cfg(any())]
    nothing_of_this_name();
    check!(vu, { "word" => WORDS.for_vu(vu).len() == 1 });
}

#[cfg(all())]
#[setup]
async fn catalog(_vu: &Vu) -> Result<Catalog> {
    Ok(Catalog)
}

#[teardown]
#[cfg(all())]
async fn forget(_vu: &Vu, _catalog: &Catalog) -> Result {
    Ok(())
}

#[cfg_attr(all(), cfg(all()))]
#[vu_setup]
async fn open(_vu: &Vu) -> Result<u8> {
    Ok(1)
}

#[cfg(all())]
#[vu_teardown]
async fn close(_vu: &Vu, _state: &mut u8) -> Result {
    Ok(())
}

#[cfg(all())]
#[metric]
static KEPT: Counter = Counter::new("kept");

#[data]
#[cfg(all())]
static WORDS: SharedArray<String> = SharedArray::json("data/words.json");

fn main() {
    let _: [Scenario; 2] = [KEPT_SCENARIO, KEPT_TOO_SCENARIO];
    let _: Group = STEP_GROUP;
    let _ = [off::LEFT_OUT_SCENARIO, off::LEFT_OUT_GROUP];
}
