//! Promise: chance is as told, and comes from the seed: whatever core serves an iteration, it draws the same.

use crate::support::{only_error, quiet};
use loadcore::Think;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DRAWS: usize = 100_000;

/// What one iteration draws, 100,000 times.
fn drawn<T: Send + 'static>(draw: impl Fn(&Vu) -> T + Send + Sync + 'static) -> Vec<T> {
    let all = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&all);
    let scenario = Scenario::new("draws", async move |vu: &Vu| {
        seen.lock().unwrap().extend((0..DRAWS).map(|_| draw(vu)));
        Ok(())
    });
    let report = LoadTest::new().seed(2).scenario(scenario).run_virtual(1).unwrap();
    assert_eq!(report.errors(), []);
    std::mem::take(&mut *all.lock().unwrap())
}

/// Sorted, in seconds.
fn times(think: Think) -> Vec<f64> {
    let mut times: Vec<f64> = drawn(move |vu| think.draw(vu).as_secs_f64());
    times.sort_by(f64::total_cmp);
    times
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

/// The value at a share of the sorted values.
fn at(times: &[f64], share: f64) -> f64 {
    times[(share * (times.len() - 1) as f64) as usize]
}

#[track_caller]
fn near(value: f64, want: f64) {
    assert!((value / want - 1.0).abs() < 0.03, "{value} instead of {want}");
}

#[test]
fn chance_and_weights_are_what_they_say() {
    for p in [0.0, 0.3, 1.0] {
        let share = drawn(move |vu| vu.chance(p)).iter().filter(|yes| **yes).count() as f64 / DRAWS as f64;
        assert!(
            (share - p).abs() < 0.006 && (p * (1.0 - p) > 0.0 || share.total_cmp(&p).is_eq()),
            "{share} of {p}"
        );
    }
    let mut counts = BTreeMap::new();
    for choice in
        drawn(|vu| *vu.choose_weighted(&[(3, "a"), (0, "never"), (1, "b"), (4, "c"), (0, "nor this")]))
    {
        *counts.entry(choice).or_insert(0) += 1;
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["a", "b", "c"]);
    for (choice, share) in [("a", 3.0 / 8.0), ("b", 1.0 / 8.0), ("c", 0.5)] {
        near(f64::from(counts[choice]), share * DRAWS as f64);
    }
    let halves = drawn(|vu| *vu.choose_weighted(&[(0.5, true), (0.5, false)]));
    near(halves.iter().filter(|yes| **yes).count() as f64, DRAWS as f64 / 2.0);
}

#[test]
fn impossible_chances_are_told_at_their_place() {
    let tell = |draw: fn(&Vu)| {
        let scenario = Scenario::new("wrong", async move |vu: &Vu| {
            draw(vu);
            Ok(())
        });
        let error = only_error(&LoadTest::new().scenario(scenario).run_virtual(1).unwrap());
        assert_eq!(error.kind, "panic");
        assert!(error.place.contains("promises/randomness.rs:"), "{error:?}");
        error.first
    };
    const NOTHING: &[(u8, bool)] = &[];
    for (said, want) in [
        (tell(|vu| assert!(vu.chance(1.2))), "vu.chance(1.2): give a probability from 0 to 1"),
        (tell(|vu| assert!(vu.chance(f64::NAN))), "vu.chance(NaN)"),
        (tell(|vu| assert!(*vu.choose_weighted(&[(1, true), (-1, true)]))), "-1 is no weight"),
        (tell(|vu| assert!(*vu.choose_weighted(&[(0, true)]))), "nothing to choose from"),
        (tell(|vu| assert!(*vu.choose_weighted(NOTHING))), "nothing to choose from"),
        (
            tell(|_| assert!(uniform(secs(2), secs(1)) == constant(secs(2)))),
            "the first time is more than the second one",
        ),
        (tell(|_| assert!(lognormal(secs(2), -0.5) == constant(secs(2)))), "give a sigma of at least 0"),
    ] {
        assert!(said.contains(want), "{said}");
    }
}

#[test]
fn think_times_have_the_shape_that_was_asked_for() {
    assert!(times(constant(secs(2))).iter().all(|time| time.total_cmp(&2.0).is_eq()));

    let uniform = times(uniform(secs(1), secs(3)));
    near(mean(&uniform), 2.0);
    near(at(&uniform, 0.25), 1.5);
    assert!(uniform[0] >= 1.0 && uniform[0] < 1.01 && uniform[DRAWS - 1] <= 3.0 && uniform[DRAWS - 1] > 2.99);

    let normal_times = times(normal(secs(10), secs(2)));
    near(mean(&normal_times), 10.0);
    near(at(&normal_times, 0.841_34), 12.0);
    // A third of these would be negative.
    let cut = times(normal(secs(1), secs(2)));
    assert_eq!(cut.iter().filter(|time| **time < 0.0).count(), 0);
    near(cut.iter().filter(|time| **time <= 0.0).count() as f64 / DRAWS as f64, 0.308_54);

    let lognormal_times = times(lognormal(secs(3), 0.5));
    near(at(&lognormal_times, 0.5), 3.0);
    near(at(&lognormal_times, 0.841_34), 3.0 * 0.5_f64.exp());
    near(mean(&lognormal_times), 3.0 * 0.125_f64.exp());

    let exponential_times = times(exponential(secs(4)));
    near(mean(&exponential_times), 4.0);
    near(at(&exponential_times, 0.5), 4.0 * 2.0_f64.ln());
    near(at(&exponential_times, 0.99), 4.0 * 100.0_f64.ln());
}

#[test]
fn think_times_are_capped() {
    let capped = times(exponential(secs(4)).at_most(secs(5)));
    assert!(capped[DRAWS - 1].total_cmp(&5.0).is_eq());
    near(capped.iter().filter(|time| **time >= 5.0).count() as f64 / DRAWS as f64, (-1.25_f64).exp());
    // A tail without a cap of one's own still ends somewhere: here at a hundred times the mean, e^2 s.
    let wild = times(lognormal(secs(1), 2));
    assert!(wild[DRAWS - 1] <= 100.0 * 2.0_f64.exp() + 1e-6, "{}", wild[DRAWS - 1]);
    assert_eq!(times(lognormal(secs(1), 1_000)).len(), DRAWS, "not even this overflows");
}

#[derive(Debug, serde::Deserialize)]
struct City {
    name: String,
}

static CITIES: SharedArray<City> = SharedArray::csv("data/cities.csv");
static ANY: Feeder<City> = CITIES.random();
static SHUFFLED: Feeder<City> = CITIES.shuffle().on_end(OnEnd::Recycle);

/// All that one iteration draws.
#[derive(Debug, Clone, PartialEq)]
struct Draws {
    picks: [usize; 3],
    cities: [&'static str; 2],
    thought: [Duration; 2],
    chance: bool,
    choice: char,
}

fn draws(vu: &Vu) -> Draws {
    let think = |think: Think| think.draw(vu);
    Draws {
        picks: [vu.pick(1_000), vu.pick(2), vu.pick(1 << 40)],
        cities: [&ANY.next(vu).unwrap().name, &SHUFFLED.next(vu).unwrap().name],
        thought: [think(lognormal(millis(5), 0.7)), think(exponential(millis(3)))],
        chance: vu.chance(0.5),
        choice: *vu.choose_weighted(&[(3, 'a'), (2, 'b'), (1, 'c')]),
    }
}

/// What is known of each iteration: when it started (under virtual time), and what it drew. By scenario and either its
/// test-wide number, or its VU and how many that one has begun.
type Record = BTreeMap<(String, u64, u64), (Option<Duration>, Draws)>;

/// The scenarios of the test: by number, or by VU.
fn executors() -> Vec<(&'static str, bool, Executor)> {
    vec![
        ("arrivals", true, constant_arrival_rate(per_sec(400), millis(700)).max_vus(300).poisson().into()),
        ("ramp", true, ramping_arrival_rate([(millis(700), per_sec(500))]).max_vus(300).into()),
        ("shared", true, shared_iterations(200).vus(7).into()),
        ("each", false, per_vu_iterations(20).vus(5).into()),
        ("looping", false, constant_vus(6, millis(300)).into()),
    ]
}

struct Begun(u64);

fn recording(is_virtual: bool, record: &Arc<Mutex<Record>>) -> Vec<Scenario> {
    let scenario = |(name, numbered, executor): (&'static str, bool, Executor)| {
        let record = Arc::clone(record);
        // What the setup of a VU draws must not show in the journey.
        let setup = async |vu: &Vu| Ok(Begun((vu.pick(10) / 10) as u64));
        let journey = async move |vu: &Vu, begun: &mut Begun| {
            let started = is_virtual.then(|| vu.elapsed());
            let drawn = draws(vu);
            begun.0 += 1;
            let key = if numbered { (vu.iteration(), 0) } else { (vu.id(), begun.0) };
            vu.think(constant(drawn.thought[0])).await;
            let before = record.lock().unwrap().insert((name.to_owned(), key.0, key.1), (started, drawn));
            assert!(before.is_none(), "{name} {key:?} happened twice");
            Ok(())
        };
        Scenario::with_state(name, setup, journey).executor(executor)
    };
    executors().into_iter().map(scenario).collect()
}

fn virtually(seed: u64, shards: usize) -> Record {
    let record = Arc::default();
    let test = LoadTest::new().data(&CITIES).seed(seed).scenarios(recording(true, &record));
    let report = test.run_virtual(shards).unwrap();
    assert_eq!((report.errors(), report.count(DROPPED_ITERATIONS)), (vec![], 0.0));
    record.lock().unwrap().clone()
}

async fn really(seed: u64, cores: usize) -> Record {
    let record = Arc::default();
    let test = LoadTest::new().data(&CITIES).seed(seed).cores(cores).scenarios(recording(false, &record));
    let report = test.run().await.unwrap();
    assert_eq!(report.errors(), []);
    assert_eq!(report.count(DROPPED_ITERATIONS), 0.0);
    record.lock().unwrap().clone()
}

/// The iterations of the executors that start a fixed number of them.
fn of_fixed(record: &Record) -> impl Iterator<Item = (&(String, u64, u64), &Draws)> {
    record.iter().filter(|((name, _, _), _)| name != "looping").map(|(key, (_, draws))| (key, draws))
}

#[test]
fn with_one_seed_each_iteration_starts_and_draws_the_same_on_any_number_of_virtual_cores() {
    let one = virtually(11, 1);
    assert!(one.len() > 600, "{}", one.len());
    for shards in [1, 2, 3, 7] {
        let other = virtually(11, shards);
        assert_eq!(one.len(), other.len());
        for (key, iteration) in &one {
            // Which VU takes which shared iteration is decided by who is first; what it draws is not.
            let (start, draws) = &other[key];
            assert_eq!((&iteration.0, &iteration.1), (start, draws), "{key:?} on {shards} shards");
        }
    }
    let other = virtually(12, 1);
    let same =
        one.iter().filter(|(key, (_, draws))| other.get(*key).is_some_and(|(_, others)| others == draws));
    assert_eq!(same.count(), 0, "another seed");
    let starts = |record: &Record| {
        record.iter().filter(|((name, ..), _)| name == "arrivals").map(|(_, (at, _))| *at).collect::<Vec<_>>()
    };
    assert_ne!(starts(&one), starts(&other), "other arrivals");
}

#[tokio::test]
async fn with_one_seed_each_iteration_draws_the_same_on_one_real_core_and_on_two() {
    let _quiet = quiet().await;
    let expected = tokio::task::spawn_blocking(|| virtually(11, 1)).await.unwrap();
    for cores in [1, 2] {
        let record = really(11, cores).await;
        assert_eq!(of_fixed(&record).count(), of_fixed(&expected).count(), "on {cores} cores");
        for (seen, want) in of_fixed(&record).zip(of_fixed(&expected)) {
            assert_eq!(seen, want, "on {cores} cores");
        }
        // How far VUs come in a time is the machine's affair.
        let both: Vec<_> =
            record.iter().filter_map(|(key, seen)| Some((key, seen, expected.get(key)?))).collect();
        assert!(both.iter().filter(|((name, ..), ..)| name == "looping").count() > 20);
        both.iter()
            .for_each(|(key, (_, seen), (_, want))| assert_eq!(seen, want, "{key:?} on {cores} cores"));
    }
    let other = really(12, 2).await;
    let same = other
        .iter()
        .filter(|(key, (_, draws))| expected.get(*key).is_some_and(|(_, others)| others == draws));
    assert_eq!(same.count(), 0, "another seed");
}

#[test]
fn a_seed_that_was_not_given_is_told_and_repeats_the_run() {
    let draw = |seed: Option<u64>| {
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&drawn);
        let scenario = Scenario::new("draws", async move |vu: &Vu| {
            seen.lock().unwrap().push(vu.pick(1 << 40));
            Ok(())
        });
        let mut test = LoadTest::new().scenario(scenario.executor(shared_iterations(5)));
        if let Some(seed) = seed {
            test = test.seed(seed);
        }
        let report = test.run_virtual(1).unwrap();
        let told = report.to_json()["run"]["seed"].as_u64().unwrap();
        assert_eq!(told, report.run().seed);
        assert!(report.summary(false).contains(&format!("seed {told}")));
        (told, drawn.lock().unwrap().clone())
    };
    let (seed, first) = draw(None);
    assert_eq!(draw(Some(seed)).1, first);
    assert_ne!(draw(None).1, first);
}
