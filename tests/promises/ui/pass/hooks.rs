//! Setups and teardowns of the test and of its VUs, and scenarios that take what these make.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications)]

use loadcore::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

struct Catalog {
    products: Vec<u32>,
}

/// Neither `Send` nor `Default`: a state never leaves its core.
struct Session {
    token: Rc<RefCell<String>>,
}

#[derive(Default)]
struct Counters {
    seen: u32,
}

#[setup]
async fn catalog(vu: &Vu) -> Result<Catalog> {
    vu.get("/v2/products").send().await?;
    Ok(Catalog { products: vec![1] })
}

#[setup]
async fn limits(_: &Vu) -> std::io::Result<(u32, &'static str)> {
    Ok((1, "a"))
}

/// Only prepares the target.
#[setup]
pub(crate) async fn seed<'a>(vu: &'a Vu) -> Result {
    vu.post("/seed").send().await?;
    Ok(())
}

#[teardown]
async fn forget(vu: &Vu, catalog: &Catalog, &(most, _): &(u32, &str)) -> Result {
    vu.delete(path!("/v2/products/{}", catalog.products[0] + most)).send().await?;
    Ok(())
}

#[teardown]
async fn say_so(_vu: &Vu) -> std::result::Result<(), String> {
    Ok(())
}

#[vu_setup]
async fn open(vu: &Vu, catalog: &Catalog) -> Result<Session> {
    check!(vu, { "some" => !catalog.products.is_empty() });
    Ok(Session { token: Rc::default() })
}

#[vu_setup]
async fn buffer(_vu: &Vu) -> std::result::Result<Vec<Rc<u8>>, std::num::ParseIntError> {
    Ok(vec![Rc::new("1".parse()?)])
}

#[vu_teardown]
async fn close(vu: &Vu, session: &mut Session) -> Result {
    let logout = vu.post("/logout").bearer_auth(session.token.take());
    logout.send().await?;
    Ok(())
}

#[vu_teardown]
async fn count(_vu: &Vu, _catalog: &Catalog, counters: &mut Counters, _: &(u32, &str)) -> Result {
    counters.seen = 0;
    Ok(())
}

#[scenario(executor = constant_vus(1, 1s))]
async fn profile(vu: &Vu, catalog: &Catalog, session: &mut Session) -> Result {
    let id = catalog.products[vu.pick(catalog.products.len())];
    let request = vu.get(path!("/users/{id}/profile")).bearer_auth(&*session.token.borrow());
    request.send().await?;
    Ok(())
}

// In any order, with a state that is made by default, patterns, and lifetimes.
#[scenario]
async fn visit<'a, 'b: 'a>(
    vu: &'a Vu,
    Counters { seen }: &mut Counters,
    #[allow(unused_variables)] catalog: &'b Catalog,
    &(most, text): &(u32, &'a str),
) -> Result {
    *seen += 1;
    check!(vu, { text => *seen < most });
    Ok(())
}

#[scenario]
async fn without_result(_: &Vu, buffer: &mut Vec<Rc<u8>>) {
    buffer.clear();
}

/// Types that a macro hands over, whole or in part.
macro_rules! made {
    ($name:ident, $value:ty, $state:ty, $result:ty) => {
        #[scenario]
        async fn $name(_vu: &Vu, value: &$value, state: $state) -> $result {
            state.seen += value.products[0];
            Ok(())
        }
    };
}
made!(made_by_a_macro, Catalog, &mut Counters, Result);

fn main() {
    let _: [Scenario; 4] =
        [PROFILE_SCENARIO, VISIT_SCENARIO, WITHOUT_RESULT_SCENARIO, MADE_BY_A_MACRO_SCENARIO];
}
