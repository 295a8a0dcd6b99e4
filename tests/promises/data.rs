//! Promise: rows of JSON, JSON lines and CSV are loaded once, typed, and given out by VU and by iteration.

use loadcore::prelude::*;
use std::sync::{Arc, Mutex};

#[derive(Debug, serde::Deserialize)]
struct City {
    name: String,
    people: u64,
}

#[data]
static LINES: SharedArray<City> = SharedArray::jsonl("data/cities.jsonl");
#[data]
static TABLE: SharedArray<City> = SharedArray::csv("data/cities.csv");

#[test]
fn both_formats_hold_the_same_rows_for_vus_and_iterations() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let scenario = Scenario::new("cities", async move |vu: &Vu| {
        let (line, row) = (LINES.for_iteration(vu), TABLE.for_iteration(vu));
        assert_eq!((&line.name, line.people), (&row.name, row.people));
        assert_eq!(LINES.for_vu(vu).name, TABLE[(vu.id() as usize - 1) % TABLE.len()].name);
        log.lock().unwrap().push(line.name.clone());
        Ok(())
    });
    let test = LoadTest::new().scenario(scenario.executor(shared_iterations(7).vus(2)));
    let report = test.run_virtual(2).unwrap();
    assert_eq!(report.errors(), []);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    assert_eq!(seen, ["Aarhus", "Aarhus", "Aarhus", "Bilbao", "Bilbao", "Český Krumlov", "Český Krumlov"]);
    assert_eq!(TABLE.iter().map(|city| city.people).sum::<u64>(), 352_751 + 346_405 + 13_000);
}
