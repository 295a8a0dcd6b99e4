//! `plan --first` and `--segment`: the first iterations one by one, and what one of several machines would do of them.

use serde_json::Value;

use super::*;

/// The one scenario of a plan.
fn planned(args: &[&str]) -> Value {
    let ran = run(&[&["plan", "--json", "--scenario", "browse"], args].concat());
    ran.assert_code(0);
    let mut plan: Value = serde_json::from_str(&ran.out).unwrap();
    plan["scenarios"][0].take()
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

const THIRDS: [&str; 3] = ["0:1/3", "1/3:2/3", "2/3:1"];
const CUT: [&str; 2] = ["--sequence", "0,1/3,2/3,1"];

#[test]
fn the_first_arrivals_are_told_with_their_numbers() {
    let open = planned(&["--rate", "50/s", "--duration", "1m", "--vus", "20", "--first", "4"]);
    assert_eq!(numbers(&open["arrivals_ns"]), [0, 20_000_000, 40_000_000, 60_000_000]);
    assert_eq!(numbers(&open["iterations"]), [0, 1, 2, 3]);
    let facts = ["name", "executor", "max_vus", "end_ns", "arrivals"].map(|key| open[key].clone());
    let want: [Value; 5] =
        ["browse".into(), "constant-arrival-rate".into(), 20.into(), 60_000_000_000_u64.into(), 3_000.into()];
    assert_eq!(facts, want);
    assert_eq!(open["vu_steps"], Value::Array(Vec::new()));
    // No more than there are, and nothing unless it is asked for.
    let few = planned(&["--rate", "2/s", "--duration", "1s", "--first", "100"]);
    assert_eq!((numbers(&few["arrivals_ns"]).len(), numbers(&few["iterations"])), (2, vec![0, 1]));
    assert_eq!(planned(&[]).get("iterations"), None);
}

#[test]
fn a_closed_model_tells_its_numbers_and_every_step_of_its_vus() {
    let ramp = planned(&["--stage", "2s:3", "--stage", "0s:1", "--vus", "1", "--first", "3"]);
    let steps = serde_json::json!([[0, 1], [1_000_000_000, 2], [2_000_000_000, 3], [2_000_000_000, 1]]);
    assert_eq!(ramp["vu_steps"], steps);
    assert_eq!((numbers(&ramp["iterations"]), numbers(&ramp["arrivals_ns"])), (vec![0, 1, 2], vec![]));
    let shared = planned(&["--iterations", "2", "--first", "9"]);
    assert_eq!((numbers(&shared["iterations"]), &shared["iteration_count"]), (vec![0, 1], &2.into()));
}

#[test]
fn a_segment_is_planned_as_the_tables_say() {
    let rate = ["--rate", "50/s", "--duration", "1m", "--vus", "20", "--first", "10"];
    for (segment, cut, want) in [
        (THIRDS[0], &CUT[..0], [20, 60, 120, 180, 240, 300, 360, 420, 460, 520]),
        (THIRDS[1], &CUT[..0], [20, 80, 140, 200, 260, 320, 380, 420, 480, 540]),
        ("1/6:3/6", &CUT[..0], [20, 60, 140, 180, 260, 300, 380, 420, 460, 540]),
        (THIRDS[0], &CUT[..], [0, 60, 120, 180, 240, 300, 360, 400, 460, 520]),
    ] {
        let part = planned(&[&rate[..], &["--segment", segment], cut].concat());
        assert_eq!(numbers(&part["arrivals_ns"]), want.map(|ms| ms * 1_000_000), "{segment}");
        assert_eq!(numbers(&part["iterations"]), want.map(|ms| ms / 20), "{segment}");
    }
}

#[test]
fn the_plans_of_all_machines_are_the_whole_plan() {
    for (load, whole) in [
        (&["--rate", "33/s", "--duration", "3s"][..], 99),
        (&["--rate", "33/s", "--duration", "3s", "--vus", "20"], 99),
        (&["--iterations", "50", "--vus", "20"], 50),
    ] {
        let parts =
            THIRDS.map(|third| planned(&[load, &["--first", "999", "--segment", third], &CUT].concat()));
        let mut all: Vec<u64> = parts.iter().flat_map(|part| numbers(&part["iterations"])).collect();
        all.sort_unstable();
        assert_eq!(all, (0..whole).collect::<Vec<_>>(), "{load:?}");
        let counts = ["arrivals", "iteration_count"];
        let count = |part: &Value| counts.iter().find_map(|key| part[key].as_u64()).unwrap();
        assert_eq!(parts.iter().map(count).sum::<u64>(), whole, "{load:?}");
    }
    let vus = THIRDS.map(|third| {
        let args = ["--vus", "20", "--duration", "9s", "--first", "0", "--segment", third];
        planned(&[&args[..], &CUT].concat())["max_vus"].as_u64().unwrap()
    });
    assert_eq!(vus, [7, 7, 6]);
}

#[test]
fn a_person_sees_the_share_of_a_segment_too() {
    let code = |args: &[&str]| {
        let begun = Instant::now();
        let mut program = program(&[&["plan", "--seed", "7", "--cores", "2"], args].concat());
        let ran = Ran::of(&program.env("JOURNEYS_CODE", "ramp").output().unwrap(), begun);
        ran.assert_code(0);
        without_lines(&ran.out)
    };
    let third = code(&["--segment", THIRDS[1], CUT[0], CUT[1]]);
    for line in [
        "  segment  1/3:2/3 of 0,1/3,2/3,1",
        "at most 17 VUs; 1701702 arrivals",
        "1s to 16m41s: 3.40 to 3400.00 iterations/s, 1701700 arrivals",
        "from 2s, ends at 17s, cut at 47s; at most 3 VUs",
        "at 12s: 2 to 3 VUs",
        "at most 20 VUs at once",
    ] {
        assert!(third.contains(line), "{line} is not in\n{third}");
    }
    let last = code(&["--segment", "99/100:1", "--sequence", "0,98/100,99/100,1"]);
    assert!(last.contains("      nothing for this segment\n"), "{last}");
}

#[test]
fn a_part_that_cannot_be_is_refused_with_its_flag() {
    for (args, hints) in [
        (&["--segment", "2/3:1/3"][..], &["--segment", "2/3:1/3 is empty"][..]),
        (&["--segment", "125%"], &["--segment", "`125%` is no point between 0 and 1"]),
        (&["--segment", "0:1/2", "--sequence", "0,1,1/2"], &["--sequence", "does not rise"]),
        (
            &["--segment", "0:1/2", "--sequence", "0,1/3,1"],
            &["--segment and --sequence: the segment 0:1/2 is none of the sequence 0,1/3,1"],
        ),
        (&["--sequence", "0,1/3,1"], &["--segment"]),
        (&["--first", "3"], &["--json"]),
        (&["--json", "--first", "-3"], &["--first", "write for example 10"]),
    ] {
        let ran = run(&[&["plan"], args].concat());
        ran.assert_code(104);
        assert!(ran.out.is_empty());
        for hint in hints {
            assert!(ran.err.contains(hint), "{args:?}: {hint:?} is not in {:?}", ran.err);
        }
    }
}
