//! Promise: the macros work in the edition before ours, in a library whose lints are strict.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]

use loadcore::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// What the setup makes.
#[derive(Debug)]
pub struct Catalog {
    /// Their ids.
    pub products: Vec<u32>,
}

/// What each VU has for itself: neither `Send` nor `Default`.
#[derive(Debug)]
pub struct Session {
    seen: Rc<RefCell<Vec<u32>>>,
}

/// What each VU has for itself without a setup of its own.
#[derive(Debug, Default)]
pub struct Visits {
    count: u32,
}

/// How often a setup of the test has run.
#[metric]
pub static SETUPS: Counter = Counter::new("setups");

/// How often a teardown of the test has run.
#[metric]
pub static TEARDOWNS: Counter = Counter::new("teardowns");

/// How often the state of a VU was made.
#[metric]
pub static OPENED: Counter = Counter::new("opened");

/// How much each VU had seen when its state was ended.
#[metric]
pub static SEEN: Trend = Trend::new("seen");

#[data]
static WORDS: SharedArray<String> = SharedArray::json("words.json");

#[setup]
async fn catalog(vu: &Vu) -> Result<Catalog> {
    SETUPS.add(vu, 1);
    Ok(Catalog { products: vec![7, 8, 9] })
}

#[teardown]
async fn forget(vu: &Vu, catalog: &Catalog) -> Result {
    TEARDOWNS.add(vu, catalog.products.len() as u32);
    Ok(())
}

#[vu_setup]
async fn open(vu: &Vu, catalog: &Catalog) -> Result<Session> {
    OPENED.add(vu, 1);
    Ok(Session { seen: Rc::new(RefCell::new(catalog.products.clone())) })
}

#[vu_teardown]
async fn close(vu: &Vu, session: &mut Session) -> Result {
    SEEN.add(vu, session.seen.borrow().len() as f64);
    Ok(())
}

/// Sees products.
#[scenario(
    executor = per_vu_iterations(3).vus(2),
    thresholds = [CHECKS.group(SEE_GROUP).rate() >= 1.0, ITERATION_DURATION.p(95) < 1m30s],
    tags = [("edition", "2021")],
)]
pub async fn browse(vu: &Vu, session: &mut Session, catalog: &Catalog) -> Result {
    let id = catalog.products[vu.pick(catalog.products.len())];
    let seen = see(vu, session, id).await?;
    check!(vu, { format!("{seen} seen") => seen > 3 });
    Ok(())
}

/// Counts its visits.
#[scenario(executor = shared_iterations(4).vus(1))]
pub async fn visit(vu: &Vu, visits: &mut Visits) {
    visits.count += 1;
    let word = WORDS.for_vu(vu);
    let path = path!("/{word}/{}", visits.count);
    check!(vu, { "the state is kept" => u64::from(visits.count) == vu.iteration() + 1 });
    check!(vu, { "data is there" => path.to_string().starts_with("/a%20b/") });
}

#[group("See")]
async fn see<'a>(vu: &Vu, session: &'a Session, id: u32) -> Result<usize> {
    session.seen.borrow_mut().push(id);
    check!(vu, { "seen" => session.seen.borrow().contains(&id) });
    // A borrow in the last expression, which this edition drops after the locals.
    let seen = Rc::clone(&session.seen);
    Ok(seen.borrow().len())
}
