//! `plan`: what a run would do, without doing it.

use serde_json::Value;

use super::*;
use crate::support::{settled, truth_server};

/// The plan of the program under this `JOURNEYS_CODE`.
fn plan_of(code: &str, args: &[&str]) -> Ran {
    let begun = Instant::now();
    let mut program = program(&[&["plan"], args].concat());
    Ran::of(&program.env("JOURNEYS_CODE", code).output().unwrap(), begun)
}

#[test]
fn a_plan_tells_scenarios_stages_times_and_needs() {
    let args = [
        "--cores",
        "2",
        "--seed",
        "7",
        "--rps",
        "200",
        "--spin-arrivals",
        "--max-redirects",
        "3",
        "--hosts",
        "shop.test=127.0.0.1:9,*.cdn.test=unix:/run/cdn.sock",
        "--tls-version",
        "min=tls1.3",
        "--insecure-skip-tls-verify",
        "--base-url",
        "http://127.0.0.1:9",
        "--threshold",
        "checks: rate>0.9",
    ];
    let ran = plan_of("ramp", &args);
    ran.assert_code(0);
    assert_eq!(ran.err, "");
    insta::assert_snapshot!(without_lines(&ran.out));
    // Five million arrivals are computed, not counted.
    assert!(ran.took < secs(2.0), "{:?}", ran.took);
}

#[test]
fn a_plan_is_there_as_json_with_times_in_nanoseconds() {
    let ran = plan_of("ramp", &["--json", "--cores", "2", "--tag", "team=shop"]);
    ran.assert_code(0);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(plan["warnings"].is_array());
    insta::assert_snapshot!(without_lines(&ran.out));
}

#[test]
fn a_plan_counts_iterations_where_they_are_fixed() {
    let planned = |args: &[&str]| -> Value {
        let ran = run(&[&["plan", "--json", "--scenario", "browse"], args].concat());
        ran.assert_code(0);
        let mut plan: Value = serde_json::from_str(&ran.out).unwrap();
        plan["scenarios"][0].take()
    };
    assert_eq!(planned(&[])["iteration_count"], 30);
    assert_eq!(planned(&["--vus", "7"])["iteration_count"], 7);
    let looping = planned(&["--vus", "7", "--duration", "2s"]);
    assert_eq!(
        (looping.get("iteration_count"), looping.get("arrivals"), &looping["max_vus"]),
        (None, None, &7.into())
    );
    let open = planned(&["--rate", "5/s", "--duration", "3s"]);
    assert_eq!(
        (&open["arrivals"], &open["max_vus"], &open["end_ns"]),
        (&15.into(), &50.into(), &3_000_000_000_u64.into())
    );
}

#[test]
fn a_plan_says_where_a_number_of_vus_comes_from_that_nobody_gave() {
    let planned = |limit: &str, rate: &str| {
        let program = env!("CARGO_BIN_EXE_journeys");
        let script = format!("ulimit -n {limit}; exec {program} plan --scenario browse -d 1s --rate {rate}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for (limit, rate, want) in [
        ("200", "5/s", "at most 50 VUs (for the arrivals of 10s: no max_vus is given);"),
        ("200", "1000/s", " VUs (all that the file descriptors allow: no max_vus is given);"),
        ("200", "5/s --vus 7", "at most 7 VUs;"),
    ] {
        let plan = planned(limit, rate);
        assert!(plan.contains(want), "{want}: {plan}");
    }
}

#[test]
fn a_plan_tells_of_a_cap_and_of_spinning_only_where_there_is_something_to_tell() {
    let planned = |args: &[&str]| run(&[&["plan", "--scenario", "browse"], args].concat()).out;
    let told = |args: &[&str]| {
        let plan = planned(args);
        ["  requests at most ", "  arrivals by spinning"].map(|line| plan.contains(line))
    };
    let open = ["--rate", "5/s", "-d", "1s"];
    assert_eq!(told(&[]), [false, false]);
    assert_eq!(told(&["--rps", "0", "--spin-arrivals=false"]), [false, false]);
    assert_eq!(told(&["--rps", "0.5", "--spin-arrivals"]), [true, false], "no arrivals, no spinning");
    assert_eq!(told(&[&open[..], &["--spin-arrivals"]].concat()), [false, true]);
    assert!(planned(&["--rps", "0.5"]).contains("  requests at most 0.5/s\n"));
}

#[tokio::test]
async fn a_plan_sends_nothing_and_checks_everything() {
    let server = truth_server();
    for args in [&["plan"][..], &["plan", "--json"], &["plan", "--scenario", "wait"]] {
        run_against(&server, args).assert_code(0);
    }
    let export = scratch("never.json");
    let args = ["plan", "--summary-export", export.to_str().unwrap()];
    run_against(&server, &args).assert_code(0);
    assert!(!export.exists(), "a plan leaves no summary");
    // A scenario that is there may be spoken of, selected or not.
    run(&["plan", "--scenario", "wait", "--threshold", "checks{scenario:browse}: rate>1"]).assert_code(0);
    for args in [
        &["plan", "--threshold", "chekcs: rate>1"][..],
        &["plan", "--scenario", "buy"],
        &["plan", "--summary-export", "/no/such/folder/x.json"],
    ] {
        let ran = run_against(&server, args);
        ran.assert_code(104);
        assert!(ran.out.is_empty() && ran.err.starts_with("error: "), "{}", ran.err);
    }
    assert_eq!(settled(&server).await.connections, 0);
}
