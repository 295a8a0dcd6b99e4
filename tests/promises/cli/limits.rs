//! What this machine cannot hold is named before the start, by a plan and by a run, with what to do about it.

use super::{Ran, run};
use crate::support::{quiet, quiet_blocking, settled, truth_server};
use serde_json::Value;
use std::process::Command;
use std::time::Instant;

/// The program under limits that a shell gives it.
fn under(limits: &str, args: &str) -> Ran {
    let script = format!("{limits}; exec {} {args}", env!("CARGO_BIN_EXE_journeys"));
    let begun = Instant::now();
    let ran = Command::new("sh").args(["-c", &script]).current_dir(env!("CARGO_TARGET_TMPDIR")).output();
    Ran::of(&ran.unwrap(), begun)
}

fn planned_warnings(limits: &str, vus: u64) -> Vec<String> {
    let ran = under(limits, &format!("plan --json --scenario browse --vus {vus}"));
    ran.assert_code(0);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    let warnings = plan["warnings"].as_array().unwrap();
    warnings.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_plan_warns_of_what_this_machine_cannot_hold() {
    assert_eq!(planned_warnings("ulimit -n 200", 10), [""; 0]);
    let few = planned_warnings("ulimit -n 200", 1_000);
    assert!(few.len() == 1 && few[0].contains("may open 200") && few[0].contains("ulimit -n 10"), "{few:?}");
    let much = planned_warnings(":", 90_000_000).join("\n");
    for wanted in ["file descriptors are needed", "of memory are needed", "ip_local_port_range"] {
        assert!(much.contains(wanted), "{wanted}: {much}");
    }
    assert!(much.contains("ports for connections to one address of the target (IP and port)"), "{much}");
}

#[tokio::test]
async fn a_run_that_needs_too_much_says_so_before_it_starts_and_calls_its_numbers_invalid_after() {
    let _quiet = quiet().await;
    let server = truth_server();
    let args = format!("--scenario browse --vus 300 -d 1s --no-thresholds --base-url {}", server.url());
    // With a setup, which is what a test begins with.
    let ran = under("ulimit -n 200; export JOURNEYS_CODE=show", &args);
    ran.assert_code(0);
    let warning = ran.err.find("  warning: 3").expect("a warning in the banner");
    assert!(warning > ran.err.find("  * browse: ").unwrap(), "{}", ran.err);
    assert!(ran.err[warning..].contains("file descriptors are needed"), "{}", ran.err);
    assert!(warning < ran.err.find("setup: warm up").unwrap(), "{}", ran.err);

    assert!(
        ran.out.contains("invalid") && ran.out.contains("had no file descriptor to connect with"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("no free file descriptor"), "{}", ran.out);
    let held = settled(&server).await.connections;
    assert!((100..200).contains(&held), "{held} connections were opened");

    let quietly = under("ulimit -n 200", &format!("{args} --quiet"));
    quietly.assert_code(0);
    assert!(quietly.err.starts_with("warning: 3") && quietly.err.lines().count() == 1, "{}", quietly.err);
}

#[test]
fn a_run_within_its_limits_warns_of_nothing() {
    let _quiet = quiet_blocking();
    let server = truth_server();
    let ran = run(&["--scenario", "browse", "--base-url", &server.url()]);
    ran.assert_code(0);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[tokio::test]
async fn the_command_line_takes_all_descriptors_that_the_system_grants() {
    let _quiet = quiet().await;
    let server = truth_server();
    // The soft limit alone, as a shell's default is one: below the hard one.
    let soft = "ulimit -Sn 100";
    assert_eq!(planned_warnings(soft, 300), [""; 0]);
    let ran = under(soft, &format!("--scenario browse --vus 300 -d 1s --base-url {}", server.url()));
    ran.assert_code(0);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    assert_eq!(settled(&server).await.connections, 300);
}
