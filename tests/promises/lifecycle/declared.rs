//! Promise: attributes find each other by type, and what is missing or double is said before the start, with its place.

use loadcore::prelude::*;
use loadcore::{RunError, Setup};
use std::sync::Mutex;

static DIARY: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(entry: impl Into<String>) {
    DIARY.lock().unwrap().push(entry.into());
}

struct Prices(Vec<u32>);

#[setup]
async fn prices(vu: &Vu) -> Result<Prices> {
    note(format!("prices by VU {}", vu.id()));
    Ok(Prices(vec![3, 4]))
}

#[teardown]
async fn forget(_vu: &Vu, prices: &Prices) -> Result {
    note(format!("forget {}", prices.0.len()));
    Ok(())
}

struct Basket {
    items: Vec<u32>,
}

#[vu_setup]
async fn open_basket(vu: &Vu, prices: &Prices) -> Result<Basket> {
    note(format!("open {}", vu.id()));
    Ok(Basket { items: vec![prices.0[0]] })
}

#[vu_teardown]
async fn close_basket(vu: &Vu, basket: &mut Basket, prices: &Prices) -> Result<(), std::fmt::Error> {
    note(format!("close {} with {} of {}", vu.id(), basket.items.len(), prices.0.len()));
    if vu.id() == 2 { Err(std::fmt::Error) } else { Ok(()) }
}

/// Something is only needed where a scenario takes it.
#[setup]
async fn never_needed(_vu: &Vu) -> Result<u128> {
    note("never needed");
    Ok(1)
}

#[scenario(executor = per_vu_iterations(2).vus(2))]
async fn buy(_vu: &Vu, prices: &Prices, basket: &mut Basket) -> Result {
    basket.items.push(prices.0[1]);
    Ok(())
}

/// Its state is made by `Default`, of a type from elsewhere.
#[scenario(executor = per_vu_iterations(3))]
async fn count(vu: &Vu, seen: &mut Vec<u64>) {
    seen.push(vu.iteration());
    vu.check("sees its own", seen.len() as u64 == vu.iteration() + 1);
}

#[test]
fn what_scenarios_take_is_made_by_type_and_ended_with_its_vu() {
    DIARY.lock().unwrap().clear();
    let report = LoadTest::new().scenario(BUY_SCENARIO).scenario(COUNT_SCENARIO).run_virtual(1).unwrap();
    let mut diary = DIARY.lock().unwrap().clone();
    diary[1..5].sort();
    let want =
        ["prices by VU 0", "close 1 with 3 of 2", "close 2 with 3 of 2", "open 1", "open 2", "forget 2"];
    assert_eq!(diary, want);
    assert_eq!((report.count(ITERATIONS), report.rate(CHECKS)), (7.0, 1.0));
    // A VU's teardown that fails is told, but is no iteration's failure.
    assert_eq!(report.value(ITERATION_FAILED.rate()), 0.0);
    let [error] = report.errors().try_into().unwrap();
    assert!(error.place.contains("declared.rs"), "{error:?}");
}

#[test]
fn a_setup_of_the_tests_own_wins_over_a_declared_one() {
    let own = Setup::new("own", async |_: &Vu| Ok(Prices(vec![1, 2, 3])));
    let scenario = Scenario::new("look", async |vu: &Vu| {
        vu.check("has three", vu.setup_value::<Prices>().is_some_and(|prices| prices.0.len() == 3));
        Ok(())
    });
    let report = LoadTest::new().setup(own).scenario(scenario).run_virtual(1).unwrap();
    assert_eq!(report.rate(CHECKS), 1.0);
}

struct Unprovided;

#[scenario]
#[rustfmt::skip]
async fn wants_too_much(_vu: &Vu,
    what: &Unprovided) -> Result { let _ = what; Ok(()) }

const PLACE: (u32, &str) = (line!() - 2, "5");

#[scenario]
async fn wants_a_state(_vu: &Vu, _state: &mut Unprovided) {}

struct Twice;

#[setup]
async fn one(_vu: &Vu) -> Result<Twice> {
    Ok(Twice)
}

#[setup]
async fn other(_vu: &Vu) -> Result<Twice> {
    Ok(Twice)
}

#[scenario]
async fn wants_one_of_two(_vu: &Vu, _which: &Twice) {}

fn refused(scenario: Scenario) -> String {
    match LoadTest::new().scenario(scenario).run_virtual(1) {
        Err(RunError::Hooks(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_parameter_that_nobody_fills_is_an_error_at_its_place_before_the_start() {
    let error = refused(WANTS_TOO_MUCH_SCENARIO);
    let (line, column) = PLACE;
    let of = "promises::lifecycle::declared::Unprovided";
    let want = format!(
        "{}:{line}:{column}: no setup returns the `{of}` that this parameter takes; write `#[setup] async fn ..(vu: &Vu) -> \
         Result<{of}>`, or add one with LoadTest::setup",
        file!()
    );
    assert_eq!(error, want);
    let error = refused(WANTS_A_STATE_SCENARIO);
    assert!(error.contains("nobody can make the `promises::lifecycle::declared::Unprovided`"), "{error}");
    assert!(error.contains("impl Default") && error.contains("#[vu_setup]"), "{error}");
}

#[test]
fn two_setups_of_one_type_are_an_error_that_names_both_places() {
    let error = refused(WANTS_ONE_OF_TWO_SCENARIO);
    assert!(error.contains("`#[setup]` are about `promises::lifecycle::declared::Twice`"), "{error}");
    assert_eq!(error.matches("declared.rs:").count(), 2, "{error}");
}

#[scenario(executor = constant_vus(1, secs(-1)))]
async fn backwards(_vu: &Vu) {}

#[test]
fn an_option_that_panics_is_an_error_with_its_place_before_the_start() {
    let error = LoadTest::new().scenario(BACKWARDS_SCENARIO).run_virtual(1).unwrap_err().to_string();
    let want = format!("scenario `backwards` ({}:{}): secs(-1) is not a duration: ", file!(), line!() - 6);
    assert!(error.starts_with(&want), "{error}");
}

#[test]
fn a_closure_can_ask_for_what_a_declared_setup_returns() {
    let look = || {
        Scenario::new("look", async |vu: &Vu| {
            vu.check("has two", vu.setup_value::<Prices>().is_some_and(|prices| prices.0.len() == 2));
            Ok(())
        })
    };
    let rate = |scenario| LoadTest::new().scenario(scenario).run_virtual(1).unwrap().rate(CHECKS);
    assert_eq!((rate(look().takes::<Prices>()), rate(look())), (1.0, 0.0));
    let error = refused(look().takes::<Unprovided>());
    assert!(error.contains("declared.rs:") && error.contains("no setup returns"), "{error}");
}
