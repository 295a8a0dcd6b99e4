//! Promise: a program runs the scenarios that it holds and those of each library that it names; none at all, and two of
//! one name, are errors before the start that say what to do.

use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(program).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn scenarios_and_setups_of_a_library_run_from_a_program_that_names_it() {
    let program = env!("CARGO_BIN_EXE_of-library");
    let (code, list, _) = run(program, &["list"]);
    assert_eq!(code, 0);
    assert!(list.starts_with("count_stock  2 iterations shared among 1 VU"), "{list}");
    assert!(
        list.trim_end().ends_with("tests/library/lib.rs:20") || list.contains("library/lib.rs:"),
        "{list}"
    );
    let (code, summary, log) = run(program, &["run", "--quiet"]);
    assert_eq!(code, 0, "{summary}{log}");
    assert!(summary.contains("there are three"), "{summary}");
}

#[test]
fn a_program_without_scenarios_says_how_to_get_some() {
    for arguments in [&["list"][..], &["run"], &[]] {
        let (code, out, error) = run(env!("CARGO_BIN_EXE_of-nothing"), arguments);
        assert_eq!((code, out.as_str()), (104, ""));
        assert_eq!(
            error,
            "error: no scenario found: mark an async fn with #[scenario], or add one with LoadTest::scenario; if your \
             scenarios are in a library, name it in the binary (`use shop_journeys as _;`), or the linker leaves it out\n"
        );
    }
}

#[test]
fn two_scenarios_of_one_name_are_an_error_that_names_both_places() {
    let (code, out, error) = run(env!("CARGO_BIN_EXE_of-twins"), &["run"]);
    assert_eq!((code, out.as_str()), (104, ""));
    assert_eq!(run(env!("CARGO_BIN_EXE_of-twins"), &["list"]), (code, out, error.clone()));
    let source = include_str!("../testbed/programs/of_twins.rs");
    let lines = source.lines().enumerate().filter(|(_, line)| line.contains("#[scenario"));
    let places: Vec<_> = lines.map(|(line, _)| format!("of_twins.rs:{}", line + 1)).collect();
    assert!(error.starts_with("error: two scenarios are named `checkout`: "), "{error}");
    assert!(places.len() == 2 && places.iter().all(|place| error.contains(place)), "{places:?}: {error}");
}

#[test]
fn a_teardown_that_would_never_run_is_an_error_at_its_parameter() {
    let (code, _, error) = run(env!("CARGO_BIN_EXE_of-orphan"), &["run"]);
    assert_eq!(code, 104);
    assert!(error.contains("of_orphan.rs:8:26: no setup returns the `of_orphan::Basket`"), "{error}");
}
