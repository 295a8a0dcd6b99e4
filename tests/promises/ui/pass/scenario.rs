//! Scenarios with every option, and with none.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

use loadcore::prelude::*;

const LIMIT: f64 = 0.01;

#[scenario]
async fn plain(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

/// Documented and public, and so is its constant.
#[scenario(
    executor = constant_vus(1, 1m30s).graceful_stop(2s),
    thresholds = [
        HTTP_REQ_DURATION.p(99.9) <= 1.5s,
        HTTP_REQ_FAILED.rate() < LIMIT,
        HTTP_REQ_DURATION.p(50).below(millis(50)),
        CHECKS.group(STEP_GROUP).rate() >= 0.99,
        (HTTP_REQ_FAILED.rate() < LIMIT * 10.0).abort_on_fail().delay_abort_eval(10s),
    ],
    tags = [("team", "shop")],
    name = "full-1",
)]
pub async fn full(vu: &Vu) -> Result {
    step(vu).await
}

#[group]
async fn step(_vu: &Vu) -> Result {
    Ok(())
}

#[cfg(any())]
#[scenario(executor = nothing_of_this_name())]
async fn left_out(vu: &Vu) {}

#[scenario]
#[allow(clippy::needless_lifetimes)] // a lifetime parameter is allowed, types are not
async fn r#loop<'a>(_: &'a Vu) {}

mod shadowed {
    #![allow(dead_code)]

    struct Result;
    struct String;
    struct Box;
    mod core {}
    mod std {}

    #[loadcore::scenario(executor = loadcore::prelude::constant_vus(1, 5s))]
    pub(super) async fn inner(vu: &loadcore::Vu) {
        let id = 1;
        let _ = loadcore::path!("/{id}");
        loadcore::check!(vu, { "one" => id == 1 });
    }
}

fn _constants() -> [Scenario; 4] {
    [PLAIN_SCENARIO, FULL_SCENARIO, LOOP_SCENARIO, shadowed::INNER_SCENARIO]
}

fn main() {}
