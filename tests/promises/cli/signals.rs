//! Ctrl-C: the first ends all iterations at once and shows what was measured, the second ends the process.

use serde_json::Value;

use super::*;
use crate::support::quiet_blocking;

/// Sends a signal as a shell does.
fn signal(name: &str, child: &Child) {
    let command = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success(), "{command}");
}

/// A program that hears of hangups, even if the tests themselves run under `nohup`, which children inherit.
fn hearing(args: &[&str]) -> Command {
    const DEFAULT: &str = "--default-signal=HUP";
    let hears = Command::new("env").args([DEFAULT, "true"]).status().is_ok_and(|it| it.success());
    if !hears {
        return program(args);
    }
    let mut command = Command::new("env");
    command.args([DEFAULT, env!("CARGO_BIN_EXE_journeys")]);
    quietly(command, args)
}

/// Waits until the server has got so many requests.
async fn until_requests(server: &TruthServer, requests: u64) {
    let begun = Instant::now();
    while server.stats().await.unwrap().requests < requests {
        assert!(begun.elapsed() < secs(20.0), "the load does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_first_signal_ends_everything_at_once_with_a_summary_and_105() {
    let _quiet = quiet().await;
    let server = truth_server();
    let export = scratch("signals.json");
    for (scenario, name, vus, requests) in
        [("wait", "INT", 20, 20), ("wait", "HUP", 10, 10), ("browse", "TERM", 8, 400)]
    {
        server.reset().await.unwrap();
        let args =
            ["--scenario", scenario, "--vus", &vus.to_string(), "--duration", "10m", "--summary-export"];
        let url = server.url();
        let args = [&args[..], &[export.to_str().unwrap(), "--base-url", &url]].concat();
        let child = hearing(&args).spawn().unwrap();
        until_requests(&server, requests).await;
        let signalled = Instant::now();
        signal(name, &child);
        let ran = Ran::of(&child.wait_with_output().unwrap(), signalled);
        println!("{scenario}: over {:?} after SIG{name}", ran.took);

        ran.assert_code(105);
        // None of the minute that the requests would take, nor of the graceful stop.
        assert!(ran.took < secs(1.0), "{scenario}: {:?}", ran.took);
        assert!(ran.out.contains("http_reqs") && ran.out.contains("interrupted_iterations"), "{}", ran.out);

        let summary: Value = serde_json::from_slice(&std::fs::read(&export).unwrap()).unwrap();
        let count = |metric: &str| summary["metrics"][metric]["values"]["count"].as_f64();
        assert_eq!(summary["run"]["exit_code"], 105);
        assert_eq!(count("http_reqs"), Some(settled(&server).await.requests as f64), "{scenario}");
        let told = "interrupted: ending the iterations, then summary; Ctrl-C again ends at once\n";
        assert!(ran.err.contains(told), "{}", ran.err);
        if scenario == "wait" {
            let cut = f64::from(vus);
            assert_eq!((count("interrupted_iterations"), count("iterations")), (Some(cut), None));
        }
        assert_eq!(summary["errors"], Value::Array(Vec::new()), "cut is not failed");
    }
}

#[test]
fn the_second_signal_ends_the_process() {
    let _quiet = quiet_blocking();
    let args = ["--scenario", "wait", "--vus", "1", "--duration", "10m", "--base-url", "http://127.0.0.1:9"];
    // A journey that blocks its core cannot be cut, only left alone.
    let mut child = program(&args).env("JOURNEYS_BLOCK", "1").spawn().unwrap();
    std::thread::sleep(secs(1.0));
    signal("INT", &child);
    std::thread::sleep(secs(0.3));
    assert!(child.try_wait().unwrap().is_none(), "the first signal waits a while for a journey that blocks");
    let signalled = Instant::now();
    signal("INT", &child);
    let ran = Ran::of(&child.wait_with_output().unwrap(), signalled);
    ran.assert_code(105);
    assert!(ran.took < secs(0.5), "{:?}", ran.took);
    assert_eq!(ran.out, "");
    assert!(ran.err.ends_with("\nended at once: no summary\n"), "{}", ran.err);
}

#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let _quiet = quiet_blocking();
    let script = format!(
        "trap '' HUP; exec {} -q --scenario browse --no-thresholds -d 1s",
        env!("CARGO_BIN_EXE_journeys")
    );
    let begun = Instant::now();
    let mut shell = Command::new("sh");
    let child = shell
        .args(["-c", &script])
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(secs(0.4));
    signal("HUP", &child);
    let ran = Ran::of(&child.wait_with_output().unwrap(), begun);
    ran.assert_code(0);
    assert!(ran.took >= secs(1.0), "{:?}", ran.took);
}
