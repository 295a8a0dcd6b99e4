//! Promise: a crate that knows loadcore under another name has all of it. There is no `loadcore` here, as in a crate that
//! gets it through one that re-exports it.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]

use engine::prelude::*;

/// What the setup makes.
#[derive(Debug)]
pub struct Catalog {
    /// Its only product.
    pub product: u32,
}

/// What each VU has for itself.
#[derive(Debug)]
pub struct Session {
    /// Counts its iterations.
    pub visits: u32,
}

/// How often the setup has run.
#[metric(crate = engine)]
pub static SETUPS: Counter = Counter::new("setups");

/// How many visits the VUs had made at their end.
#[metric(crate = engine)]
pub static VISITS: Counter = Counter::new("visits");

#[data(crate = engine)]
static WORDS: SharedArray<String> = SharedArray::json("words.json");

#[setup(crate = engine)]
async fn catalog(vu: &Vu) -> Result<Catalog> {
    SETUPS.add(vu, 1);
    Ok(Catalog { product: 7 })
}

#[teardown(crate = engine)]
async fn forget(vu: &Vu, catalog: &Catalog) -> Result {
    check!(vu, { "the setup's value is here" => catalog.product == 7 });
    Ok(())
}

#[vu_setup(crate = engine)]
async fn open(_vu: &Vu, catalog: &Catalog) -> Result<Session> {
    Ok(Session { visits: catalog.product })
}

#[vu_teardown(crate = engine)]
async fn close(vu: &Vu, session: &mut Session, catalog: &Catalog) -> Result {
    VISITS.add(vu, session.visits - catalog.product);
    Ok(())
}

/// Visits.
#[scenario(
    crate = engine,
    executor = per_vu_iterations(3).vus(2),
    thresholds = [ITERATION_DURATION.p(95) < 1m30s, CHECKS.group(STEP_GROUP).rate() >= 1.0],
)]
pub async fn visit(vu: &Vu, catalog: &Catalog, session: &mut Session) -> Result {
    session.visits += 1;
    step(vu, catalog.product).await
}

#[group("Step", crate = engine)]
async fn step(vu: &Vu, id: u32) -> Result {
    let word = WORDS.for_vu(vu);
    check!(vu, { "the path is put together" => path!("/{word}/{id}").to_string() == "/a%20b/7" });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_macros_wrote_runs() {
        let report = LoadTest::new().scenario(VISIT_SCENARIO).run().await.expect("it starts");
        report.assert_thresholds();
        assert_eq!(report.rate(CHECKS), 1.0, "{:?}", report.checks());
        assert_eq!((report.count(SETUPS), report.count(VISITS)), (1.0, 6.0));
    }
}
