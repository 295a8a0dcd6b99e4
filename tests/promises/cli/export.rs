//! `--summary-export`: the shape of the file is a promise.

use std::collections::BTreeSet;

use serde_json::Value;
use testbed::refused_url;

use super::*;

#[track_caller]
fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}")).keys().map(String::as_str).collect()
}

#[track_caller]
fn assert_keys(value: &Value, expected: &str) {
    assert_eq!(keys(value), expected.split(' ').collect::<BTreeSet<_>>(), "{value}");
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

/// Numbers that JSON cannot hold would have become `null`.
#[track_caller]
fn assert_finite(values: &Value, expected: &str) {
    assert_keys(values, expected);
    for (key, value) in values.as_object().unwrap() {
        assert!(value.as_f64().is_some_and(f64::is_finite), "{key}: {values}");
    }
}

fn assert_metric(name: &str, metric: &Value) {
    assert_keys(metric, "type contains values tagged");
    let expected = match metric["type"].as_str().unwrap() {
        "counter" => "count rate",
        "gauge" => "value min max",
        "rate" => "rate trues total",
        "trend" => "count sum avg min med max p(90) p(95) p(99)",
        other => panic!("{name}: {other}"),
    };
    assert!(["default", "time", "data"].contains(&metric["contains"].as_str().unwrap()), "{name}");
    assert_finite(&metric["values"], expected);
    let tagged = list(&metric["tagged"]);
    assert!(!tagged.is_empty(), "{name}");
    for series in tagged {
        assert_keys(series, "tags values");
        assert!(series["tags"].as_object().unwrap().values().all(Value::is_string), "{series}");
        assert_finite(&series["values"], expected);
    }
    // The parts are the whole.
    for key in ["count", "trues", "total"].iter().filter(|key| metric["values"].get(key).is_some()) {
        let parts: f64 = tagged.iter().map(|series| series["values"][key].as_f64().unwrap()).sum();
        assert_eq!(Some(parts), metric["values"][key].as_f64(), "{name}: {key}");
    }
}

fn assert_shape(summary: &Value, code: i32) {
    assert_keys(summary, "schema_version run scenarios metrics thresholds checks errors generator");
    assert_eq!(summary["schema_version"], 1);
    let run = &summary["run"];
    assert_keys(run, "id started duration_ms seed version exit_code aborted_by aborted failed warnings");
    let started = run["started"].as_str().unwrap();
    assert!(started.starts_with("20") && started.contains('T') && started.ends_with('Z'), "{started}");
    assert!(run["duration_ms"].as_f64().unwrap() > 0.0 && !run["id"].as_str().unwrap().is_empty());
    assert_eq!((&run["exit_code"], &run["seed"]), (&code.into(), &7.into()));
    assert_eq!(run["version"], env!("CARGO_PKG_VERSION"));
    for scenario in list(&summary["scenarios"]) {
        assert_eq!(scenario["name"], "browse");
        assert_eq!(scenario["executor"], "shared-iterations");
    }
    for (name, metric) in summary["metrics"].as_object().unwrap() {
        assert_metric(name, metric);
    }
    for threshold in list(&summary["thresholds"]) {
        assert_keys(threshold, "metric selector expression ok observed");
    }
    for check in list(&summary["checks"]) {
        assert_keys(check, "name group passes fails");
    }
    for error in list(&summary["errors"]) {
        assert_keys(error, "kind place count first");
    }
    assert_keys(&summary["generator"], "verdict reasons");
    let verdict = summary["generator"]["verdict"].as_str().unwrap();
    assert!(["sound", "suspect", "invalid"].contains(&verdict), "{verdict}");
    assert_eq!(list(&summary["generator"]["reasons"]).is_empty(), verdict == "sound");
}

fn export(name: &str, base_url: &str) -> (Ran, Value) {
    let file = scratch(name);
    // What a longer summary left behind must not stay.
    std::fs::write(&file, "x".repeat(1 << 20)).unwrap();
    let args = ["--scenario", "browse", "--seed", "7", "--base-url", base_url, "--summary-export"];
    let ran = run(&[&args[..], &[file.to_str().unwrap()]].concat());
    let summary: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_shape(&summary, ran.code);
    (ran, summary)
}

#[tokio::test]
async fn the_exported_summary_has_the_promised_shape_and_finite_numbers() {
    let server = truth_server();
    let (ran, summary) = export("good.json", &server.url());
    ran.assert_code(0);
    let metrics = &summary["metrics"];
    let names = "checks data_received data_sent dropped_iterations group_duration http_req_blocked \
                 http_req_connecting http_req_duration http_req_failed http_req_looking_up http_req_receiving \
                 http_req_sending http_req_tls_handshaking http_req_waiting http_reqs items iteration_duration \
                 iteration_failed iterations stock vus vus_max";
    assert_keys(metrics, names);
    assert_eq!(metrics["http_reqs"]["values"]["count"], 30.0);
    assert_eq!(metrics["items"]["values"]["sum"].as_f64(), Some(30.0 * 96.0));
    assert_eq!(
        (&metrics["items"]["contains"], &metrics["http_req_duration"]["contains"]),
        (&"default".into(), &"time".into())
    );
    assert_eq!(
        (&metrics["data_sent"]["contains"], &metrics["stock"]["values"]["value"]),
        (&"data".into(), &7.0.into())
    );
    // Times are in milliseconds: an iteration waits for ten of them.
    assert!((10.0..1_000.0).contains(&metrics["iteration_duration"]["values"]["min"].as_f64().unwrap()));

    let tags = &metrics["http_reqs"]["tagged"][0]["tags"];
    for (key, value) in [("group", "::Look Around"), ("method", "GET"), ("name", "/"), ("status", "200")] {
        assert_eq!(tags[key], value, "{tags}");
    }
    assert_eq!(
        summary["thresholds"],
        serde_json::json!([{
            "metric": "http_req_failed", "selector": "{scenario:browse}", "expression": "rate<0.01", "ok": true, "observed": 0.0
        }])
    );
    assert_eq!(
        summary["checks"],
        serde_json::json!([{ "name": "has a mail address", "group": "", "passes": 30, "fails": 0 }])
    );
    assert_eq!(summary["errors"], serde_json::json!([]));
}

#[test]
fn a_run_in_which_nothing_was_answered_has_the_same_shape() {
    let url = refused_url();
    let (ran, summary) = export("refused.json", &url);
    ran.assert_code(99);
    assert!(summary["metrics"].get("http_req_duration").is_none(), "{}", summary["metrics"]);
    assert_eq!(summary["thresholds"][0]["ok"], false);
    let [error] = list(&summary["errors"]) else { panic!("{}", summary["errors"]) };
    assert_eq!((&error["kind"], &error["count"]), (&"connection refused".into(), &30.into()));
    assert!(error["place"].as_str().unwrap().starts_with("tests/testbed/journeys.rs:"), "{error}");
    assert!(
        error["first"].as_str().unwrap().starts_with(&format!("GET {url}/: connection refused")),
        "{error}"
    );
    assert!(ran.out.contains("connection refused"), "{}", ran.out);
}
