//! Section 10: durations, and options from outside.

use super::Walk;
use loadcore::plan::{format_duration, parse_duration};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) fn read(walk: &mut Walk) {
    walk.enter("10. durations");
    const MS: u64 = 1_000_000;
    const MINUTE: u64 = 60_000 * MS;
    const HOUR: u64 = 60 * MINUTE;
    for (text, nanos) in [
        ("1.12s", 1_120 * MS),
        ("0d1.12s", 1_120 * MS),
        ("10d1.12s", 240 * HOUR + 1_120 * MS),
        ("1d", 24 * HOUR),
        ("20d", 480 * HOUR),
        ("1d23h", 47 * HOUR),
        ("1d24h15m", 48 * HOUR + 15 * MINUTE),
        ("1d25h80m", 50 * HOUR + 20 * MINUTE),
        ("0d25h120m80s", 27 * HOUR + 80_000 * MS),
        ("2d1ns", 48 * HOUR + 1),
        ("75s", 75_000 * MS),
        ("1m15s", 75_000 * MS),
        ("1d2h1m15s", 26 * HOUR + 75_000 * MS),
        ("1.5s", 1_500 * MS),
        ("1d3h1s", 27 * HOUR + 1_000 * MS),
    ] {
        walk.row(text, parse_duration(text).ok(), Some(Duration::from_nanos(nanos)));
    }
    for text in
        ["", "d", "d2h", "2.1d", "2d-2h", "-2d-2h", "2+d", "2da", "2-d", "invalid", "false", "1979-05-27"]
    {
        walk.row(format!("refused: {text:?}"), parse_duration(text).is_err(), true);
    }
    walk.row("refused: more than there is", parse_duration("1000000d").is_err(), true);
    for text in ["-1d2h", "-1d24h"] {
        walk.elsewhere(text, "no duration is negative: it is refused");
    }
    for number in ["75000", "1000", "1000.001"] {
        walk.elsewhere(number, "a number without a unit is refused, since k6 reads it as ms and people as s");
        walk.row(format!("refused: {number}"), parse_duration(number).is_err(), true);
    }
    walk.row("75 s as text", format_duration(Duration::from_secs(75)), "1m15s".to_owned());
}

/// What the command line says of `browse`: its plan, or the exit code.
fn planned(args: &[&str], variables: &[(&str, &str)]) -> Result<Value, i32> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_journeys"));
    program.args(["plan", "--json", "--scenario", "browse"]).args(args).envs(variables.iter().copied());
    let output = program.stdin(Stdio::null()).current_dir(env!("CARGO_TARGET_TMPDIR")).output().unwrap();
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice::<Value>(&output.stdout).unwrap()["scenarios"][0].take()),
        code => Err(code.unwrap_or(-1)),
    }
}

/// A plan's executor, VUs and iterations.
fn shape(plan: Result<Value, i32>) -> Result<[Value; 3], i32> {
    plan.map(|mut plan| ["executor", "max_vus", "iteration_count"].map(|key| plan[key].take()))
}

/// A plan's stages: seconds at their end, and VUs.
fn stages(plan: Result<Value, i32>) -> Vec<(u64, u64)> {
    let stages = plan.ok().and_then(|plan| plan["stages"].as_array().cloned()).unwrap_or_default();
    let stage = |stage: &Value| {
        (stage["end_ns"].as_u64().unwrap() / 1_000_000_000, stage["to_vus"].as_u64().unwrap())
    };
    stages.iter().map(stage).collect()
}

pub(super) fn shortcuts(walk: &mut Walk) {
    walk.enter("10. options from outside");
    let in_ms = "a number without a unit is refused, since k6 reads it as ms and people as s";
    for args in [
        &["--duration", "1000"][..],
        &["--stage", "1000:20"],
        &["--stage", "10:20s"],
        &["--vus", "10", "-i", "6"],
        &["-u", "2", "-d", "10s", "-s", "10s:20"],
        &["-d", "0"],
        &["-d", "0s"],
    ] {
        walk.row(format!("refused: {}", args.join(" ")), planned(args, &[]).err(), Some(104));
    }
    let variable = [("LOADCORE_STAGE", "1000:100")];
    walk.row("refused: a variable with the stage 1000:100", planned(&[], &variable).err(), Some(104));
    let variable = [("LOADCORE_STAGE", "2m30s:11,1h1m:100")];
    let got = stages(planned(&[], &variable));
    walk.row("a variable with two stages", got, vec![(150, 11), (150 + 3_660, 100)]);
    walk.row("a stage of 1s:100", stages(planned(&["--stage", "1s:100"], &[])), vec![(1, 100)]);
    walk.row("a stage of 10s to 10", stages(planned(&["--stage", "10s:10"], &[])), vec![(10, 10)]);
    for stage in ["1s", "1s,2s:100"] {
        walk.elsewhere(format!("stages {stage}"), "a stage without a target is refused: write the target");
    }
    let shared = |vus: u64, iterations: u64| Ok([json!("shared-iterations"), json!(vus), json!(iterations)]);
    walk.row("-u 2 -i 6", shape(planned(&["-u", "2", "-i", "6"], &[])), shared(2, 6));
    walk.row("--vus 10 alone", shape(planned(&["--vus", "10"], &[])), shared(10, 10));
    walk.elsewhere("a variable with the duration 10000", in_ms);
    walk.row("which is refused", planned(&[], &[("LOADCORE_DURATION", "10000")]).err(), Some(104));
    walk.elsewhere("a file with the duration 20000", in_ms);
    walk.elsewhere("a graceful stop of \"10000\"", "it is written in code, as a duration");
    walk.elsewhere("a start time of 1000.5", "it is written in code, as a duration");
}
