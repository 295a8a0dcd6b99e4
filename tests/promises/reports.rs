//! Promise: what users read says what happened, and stays as it is unless somebody decides otherwise.
//!
//! Everything runs under virtual time, so that the texts are the same each time; only ids and places are replaced. After
//! a change of wording, read the new text aloud before accepting it (`INSTA_UPDATE=always`, then the diff).

mod latencies;

use loadcore::Report;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

const CART: Trend = Trend::new("report_cart");
const PAYMENT: Trend<loadcore::metric::Time> = Trend::new("report_payment").time();
const UPLOAD: Trend<Bytes> = Trend::new("report_upload").bytes();
const SOLD: Counter = Counter::new("report_sold");
const STOCK: Gauge = Gauge::new("report_stock");
const HIT: Rate = Rate::new("report_cache_hit");

/// Eight iterations; the last fails, the fifth panics.
fn shop() -> Scenario {
    let scenario = Scenario::new("shop", async |vu: &Vu| {
        let n = vu.iteration();
        vu.group("Browse", async |vu: &Vu| {
            vu.sleep(millis(100 + 10 * n)).await;
            check!(vu, { "page is complete" => n < 6, "page is fast" => true });
            vu.group("Details", async |vu: &Vu| {
                vu.sleep(millis(1.5)).await;
                Ok(())
            })
            .await
        })
        .await?;
        CART.add(vu, 12.5 + n as f64);
        PAYMENT.add(vu, millis(20 * n));
        UPLOAD.add(vu, 1_500 * (n + 1));
        SOLD.add(vu, 2);
        STOCK.set(vu, 100 - n);
        HIT.add(vu, n.is_multiple_of(4));
        assert!(n != 4, "the cart lost item {n}");
        if n == 7 {
            Err("no stock left\nand a second line that no table has room for".into())
        } else {
            Ok(())
        }
    });
    scenario
        .executor(shared_iterations(8))
        .threshold(ITERATION_DURATION.p(95).below(millis(200)))
        .tag("team", "shop")
}

fn run(test: LoadTest) -> Report {
    test.seed(42).run_virtual(1).unwrap()
}

fn shop_report() -> Report {
    run(LoadTest::new()
        .scenario(shop())
        .threshold(CHECKS.rate().above(0.999))
        .threshold(CHECKS.group("::Browse::Detials").rate().above(0.5))
        .threshold(ITERATIONS.count().at_least(8))
        .threshold(ITERATIONS.rate().at_least(1))
        .threshold(PAYMENT.p(99.9).below(millis(135)))
        .threshold(UPLOAD.max().at_most(12_000))
        .threshold(STOCK.value().at_least(90)))
}

/// Without the numbers of this file's own lines.
fn without_lines(text: &str) -> String {
    let mut parts = text.split(concat!(file!(), ":"));
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + file!() + ":<line>" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

/// The report as text, without what differs from run to run.
fn text(report: &Report) -> String {
    let text = without_lines(&report.to_string().replace(&report.run().id, "<id>"));
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_summary_tells_thresholds_checks_metrics_groups_and_errors() {
    let report = shop_report();
    assert!(!report.passed());
    assert_eq!(report.exit_code(), 99);
    insta::assert_snapshot!(text(&report));
}

#[test]
fn the_summary_of_a_small_clean_run_is_small() {
    let wait = Scenario::new("wait", async |vu: &Vu| {
        vu.sleep(millis(250)).await;
        Ok(())
    });
    let report = run(LoadTest::new()
        .scenario(wait.executor(constant_vus(2, secs(1))))
        .threshold(ITERATIONS.count().at_least(8)));
    report.assert_thresholds();
    assert_eq!(report.exit_code(), 0);
    insta::assert_snapshot!(text(&report));
}

#[test]
fn a_failed_assertion_shows_the_summary() {
    let report = shop_report();
    let shown =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| report.assert_thresholds())).unwrap_err();
    let shown = shown.downcast_ref::<String>().unwrap();
    assert!(shown.starts_with("3 of 8 thresholds do not hold\n"), "{shown}");
    assert!(shown.contains(&report.to_string()), "{shown}");
}

#[test]
fn dropped_iterations_make_the_generator_say_so() {
    let slow = Scenario::new("slow", async |vu: &Vu| {
        vu.sleep(secs(3)).await;
        Ok(())
    });
    let executor = constant_arrival_rate(per_sec(10), secs(1)).max_vus(5).graceful_stop(secs(0));
    let report = run(LoadTest::new().scenario(slow.executor(executor)));
    assert!(!report.generator().is_sound());
    let said = text(&report);
    insta::assert_snapshot!(&said[said.find("█ GENERATOR").unwrap()..], @r#"
    █ GENERATOR invalid
        - 5 iterations were dropped (50.00%): raise max_vus

      run <id> took 1s, seed 42
    "#);
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn has_exactly(value: &Value, expected: &[&str]) {
    let (found, expected): (BTreeSet<&str>, BTreeSet<&str>) =
        (keys(value).into_iter().collect(), expected.iter().copied().collect());
    assert_eq!(found, expected);
}

#[test]
fn the_json_has_exactly_the_promised_keys() {
    let json = shop_report().to_json();
    has_exactly(
        &json,
        &["schema_version", "run", "scenarios", "metrics", "thresholds", "checks", "errors", "generator"],
    );
    has_exactly(
        &json["run"],
        &[
            "id",
            "started",
            "duration_ms",
            "seed",
            "version",
            "exit_code",
            "aborted_by",
            "aborted",
            "failed",
            "warnings",
        ],
    );
    has_exactly(&json["thresholds"][0], &["metric", "selector", "expression", "ok", "observed"]);
    has_exactly(&json["checks"][0], &["name", "group", "passes", "fails"]);
    has_exactly(&json["errors"][0], &["kind", "place", "count", "first"]);
    has_exactly(&json["generator"], &["verdict", "reasons"]);
    let trend = ["count", "sum", "avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"];
    for (name, kind, contains, values) in [
        ("report_cart", "trend", "default", &trend[..]),
        ("report_payment", "trend", "time", &trend),
        ("report_upload", "trend", "data", &trend),
        ("iteration_duration", "trend", "time", &trend),
        ("report_sold", "counter", "default", &["count", "rate"]),
        ("report_stock", "gauge", "default", &["value", "min", "max"]),
        ("report_cache_hit", "rate", "default", &["rate", "trues", "total"]),
    ] {
        let metric = &json["metrics"][name];
        has_exactly(metric, &["type", "contains", "values", "tagged"]);
        has_exactly(&metric["values"], values);
        has_exactly(&metric["tagged"][0], &["tags", "values"]);
        has_exactly(&metric["tagged"][0]["values"], values);
        assert_eq!(
            (metric["type"].as_str(), metric["contains"].as_str()),
            (Some(kind), Some(contains)),
            "{name}"
        );
        assert_eq!(metric["tagged"][0]["tags"]["scenario"], "shop", "{name}");
    }
}

#[test]
fn the_json_says_the_same_as_the_run() {
    let json = shop_report().to_json();
    // Eight iterations of 100, 110, .. 170 ms, and 1.5 ms of details each.
    assert_eq!(json["run"]["duration_ms"], 1_092.0);
    assert_eq!(json["run"]["seed"], 42);
    assert_eq!(json["run"]["exit_code"], 99);
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["scenarios"][0]["name"], "shop");
    assert_eq!(json["scenarios"][0]["executor"], "shared-iterations");
    let values = |name: &str| json["metrics"][name]["values"].clone();
    assert_eq!(values("iterations")["count"], 8.0);
    assert_eq!(values("report_sold")["count"], 16.0);
    assert_eq!(values("report_stock"), serde_json::json!({ "value": 93.0, "min": 93.0, "max": 100.0 }));
    assert_eq!(values("report_cache_hit"), serde_json::json!({ "rate": 0.25, "trues": 2, "total": 8 }));
    assert_eq!(values("checks"), serde_json::json!({ "rate": 0.875, "trues": 14, "total": 16 }));
    assert_eq!(values("iteration_duration")["sum"], 1_092.0);
    assert_eq!(values("iteration_duration")["max"], 171.5);
    let no_data = json["thresholds"].as_array().unwrap().iter().find(|t| t["observed"].is_null()).unwrap();
    assert_eq!(
        (&no_data["ok"], &no_data["selector"]),
        (&Value::Bool(false), &Value::from("{group:::Browse::Detials}"))
    );
    // A series for each combination of tags: the two groups.
    let tagged = json["metrics"]["group_duration"]["tagged"].as_array().unwrap();
    let groups: BTreeSet<&str> =
        tagged.iter().map(|series| series["tags"]["group"].as_str().unwrap()).collect();
    assert_eq!(groups, BTreeSet::from(["::Browse", "::Browse::Details"]));
    let checks: Vec<_> = json["checks"].as_array().unwrap().iter().collect();
    assert!(checks.contains(
        &&serde_json::json!({ "name": "page is complete", "group": "::Browse", "passes": 6, "fails": 2 })
    ));
    let errors = json["errors"].as_array().unwrap();
    let kinds: BTreeSet<&str> = errors.iter().map(|error| error["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["error", "panic"]));
}

fn idle(name: &'static str) -> Scenario {
    Scenario::new(name, async |_: &Vu| Ok(()))
}

/// What a user reads whose test cannot start.
fn refusal(test: LoadTest) -> String {
    test.run_virtual(1).unwrap_err().to_string()
}

fn refused_executor(executor: impl Into<Executor>) -> String {
    refusal(LoadTest::new().scenario(idle("a").executor(executor)))
}

#[test]
fn a_test_without_scenarios_is_told_how_to_get_one() {
    insta::assert_snapshot!(refusal(LoadTest::new()), @"no scenario found: mark an async fn with #[scenario], or add one with LoadTest::scenario; if your scenarios are in a library, name it in the binary (`use shop_journeys as _;`), or the linker leaves it out");
}

mod first {
    use loadcore::prelude::*;

    #[scenario]
    pub(super) async fn checkout(_vu: &Vu) {}
}

mod second {
    use loadcore::prelude::*;

    #[scenario(name = "checkout")]
    pub(super) async fn pay(_vu: &Vu) {}
}

#[test]
fn two_scenarios_of_one_name_are_refused_with_both_places() {
    let test = LoadTest::new().scenario(first::CHECKOUT_SCENARIO).scenario(second::PAY_SCENARIO);
    let said = refusal(test);
    let places = said.matches(concat!(file!(), ":")).count();
    assert_eq!(places, 2, "{said}");
    insta::assert_snapshot!(without_lines(&said), @r#"two scenarios are named `checkout`: tests/promises/reports.rs:<line> and tests/promises/reports.rs:<line>; give one of them another name (`name = ".."` in #[scenario])"#);
    insta::assert_snapshot!(refusal(LoadTest::new().scenario(idle("a")).scenario(idle("a"))), @r#"two scenarios are named `a`: added in code and added in code; give one of them another name (`name = ".."` in #[scenario])"#);
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    insta::assert_snapshot!(refusal(LoadTest::new().scenario(idle("my checkout"))), @r#"scenario name "my checkout": use letters, digits, `_` and `-`, at least one of them"#);
    insta::assert_snapshot!(refusal(LoadTest::new().scenario(idle(""))), @r#"scenario name "": use letters, digits, `_` and `-`, at least one of them"#);
    let taken: Trend = Trend::new("checks");
    let same_name = LoadTest::new().scenario(idle("a")).metric(taken);
    insta::assert_snapshot!(refusal(same_name), @"metric `checks` is loadcore's own, a Rate, and cannot be declared a second time, as a Trend: use CHECKS, or give yours another name");
    insta::assert_snapshot!(refusal(LoadTest::new().scenario(idle("a")).metric(Rate::new("cache hit"))), @"`cache hit` is not a metric name: use 2 to 128 letters, digits and underscores, and start with a letter or underscore");
}

#[test]
fn urls_headers_and_thresholds_that_cannot_be_used_are_refused() {
    let test = || LoadTest::new().scenario(idle("a"));
    let lines = [
        refusal(test().base_url("127.0.0.1:8080")),
        refusal(test().base_url("shop.test")),
        refusal(test().base_url("ftp://shop.test")),
        refusal(test().base_url("http://shop.test/?a=b")),
        refusal(test().header("x y", "1")),
        refusal(test().threshold(HTTP_REQ_DURATION.p(101).below(millis(5)))),
        refusal(test().threshold(CHECKS.rate().above(f64::NAN))),
        refusal(LoadTest::new().scenario(idle("a").threshold(HTTP_REQ_DURATION.p(-1).below(millis(5))))),
        test().run_virtual(0).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    base URL `127.0.0.1:8080`: it does not begin with http:// or https://; write for example http://127.0.0.1:8080
    base URL `shop.test`: it does not begin with http:// or https://; write for example http://127.0.0.1:8080
    base URL `ftp://shop.test`: `ftp` is not http or https; write for example http://127.0.0.1:8080
    base URL `http://shop.test/?a=b`: it must not have a query or fragment; write for example http://127.0.0.1:8080
    default header `x y`: a header's name is made of letters, digits and dashes
    threshold `http_req_duration: p(101)<5`: a percentile lies between 0 and 100; write for example p(95)
    threshold `checks: rate>NaN`: the bound is not a number; give one that is
    threshold `http_req_duration{scenario:a}: p(-1)<5`: a percentile lies between 0 and 100; write for example p(95)
    0 cores: give at least 1 and at most 1024
    "#);
}

#[test]
fn executors_that_do_nothing_are_refused() {
    let lines = [
        refused_executor(constant_vus(0, secs(1))),
        refused_executor(constant_vus(1, secs(0))),
        refused_executor(constant_vus(1_000_000_000, secs(1))),
        refused_executor(shared_iterations(3).vus(10)),
        refused_executor(per_vu_iterations(0)),
        refused_executor(per_vu_iterations(1).max_duration(secs(0))),
        refused_executor(ramping_vus([])),
        refused_executor(ramping_vus([(secs(1), 0)]).start_vus(0)),
        refused_executor(constant_arrival_rate(per_sec(0), secs(1))),
        refused_executor(constant_arrival_rate(per_sec(-1), secs(1))),
        refused_executor(constant_arrival_rate(per_sec(1), secs(1)).max_vus(0)),
        refused_executor(constant_arrival_rate(per(1, secs(0)), secs(1))),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    scenario `a` (added in code): constant-vus: 0 VUs do nothing: give at least 1
    scenario `a` (added in code): constant-vus: a duration of 0s does nothing: give for example secs(30)
    scenario `a` (added in code): constant-vus: 1000000000 VUs are more than the 100000000 that are possible
    scenario `a` (added in code): shared-iterations: 3 iterations cannot occupy 10 VUs: give at least as many iterations as VUs
    scenario `a` (added in code): per-vu-iterations: 0 iterations do nothing: give at least 1
    scenario `a` (added in code): per-vu-iterations: a maximum duration of 0s does nothing: give for example secs(30)
    scenario `a` (added in code): ramping-vus: there is no stage: give at least one (duration, VUs) pair
    scenario `a` (added in code): ramping-vus: 0 VUs do nothing: give at least 1
    scenario `a` (added in code): constant-arrival-rate: a rate of 0 starts nothing: give for example per_sec(10)
    scenario `a` (added in code): constant-arrival-rate: a rate of -1 starts nothing: give for example per_sec(10)
    scenario `a` (added in code): constant-arrival-rate: 0 VUs do nothing: give at least 1
    scenario `a` (added in code): constant-arrival-rate: a rate per 0s has no meaning: give a time unit, for example per(10, secs(1))
    "#);
}

#[tokio::test]
async fn run_refuses_as_run_virtual_does() {
    let said = LoadTest::new().run().await.unwrap_err().to_string();
    assert_eq!(said, refusal(LoadTest::new()));
    let test = || LoadTest::new().scenario(idle("a").executor(constant_vus(0, secs(1))));
    let said = test().run().await.unwrap_err().to_string();
    assert_eq!(said, std::thread::spawn(move || refusal(test())).join().unwrap());
}
