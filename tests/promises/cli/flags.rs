//! Flags that judge, tag and shape a run: thresholds as text, stages and rates, tags and headers.

use std::time::Instant;

use super::{Ran, program, run, run_against, scratch};
use crate::support::{quiet, settled, truth_server};

#[tokio::test]
async fn thresholds_on_the_command_line_add_to_those_of_the_attribute_or_replace_them() {
    let _quiet = quiet().await;
    let server = truth_server();
    let browse = |args: &[&str]| run_against(&server, &[&["--scenario", "browse", "-i", "3"], args].concat());

    let added = browse(&["--threshold", "iterations{scenario:browse}: count==3"]);
    added.assert_code(0);
    for line in ["✓ 'rate<0.01' rate=0.00%", "✓ 'count==3' count=3"] {
        assert!(added.out.contains(line), "{line}: {}", added.out);
    }
    // About the same number as the attribute's: it takes its place.
    let replaced = browse(&["--threshold", "http_req_failed{scenario:browse}: rate > 0.5"]);
    replaced.assert_code(99);
    assert!(replaced.out.contains("✗ 'rate>0.5' rate=0.00%") && !replaced.out.contains("'rate<0.01'"));

    let unjudged = browse(&["--threshold", "iterations: count>100", "--no-thresholds"]);
    unjudged.assert_code(0);
    assert!(!unjudged.out.contains("THRESHOLDS"), "{}", unjudged.out);
}

#[test]
fn a_threshold_that_cannot_be_read_is_refused_with_its_text_and_a_way_out() {
    for (text, want) in [
        ("http_req_duraton: p(95)<500", "did you mean `http_req_duration`?"),
        ("http_req_duration: p(95)", "has no comparison"),
        ("checks: p(95)<1", "write one of rate"),
        ("p(95)<500", "write METRIC: CONDITION"),
    ] {
        let ran = run(&["--threshold", text]);
        ran.assert_code(104);
        assert!(ran.err.contains(text) && ran.err.contains(want), "{text}: {}", ran.err);
        assert!(ran.out.is_empty());
    }
}

#[tokio::test]
async fn stages_and_rates_replace_the_executor_of_the_one_selected_scenario() {
    let _quiet = quiet().await;
    let server = truth_server();
    let ran = run_against(&server, &["--scenario", "browse", "-s", "500ms:3", "-s", "500ms:0"]);
    ran.assert_code(0);
    assert!(ran.err.contains("browse: up to 3 looping VUs for 1s over 2 stages"), "{}", ran.err);

    let plan =
        |stages: &[&str]| run(&[&["plan", "--scenario", "browse", "--seed", "1"], stages].concat()).out;
    assert_eq!(plan(&["-s", "1s:5,2s:0"]), plan(&["-s", "1s:5", "--stage", "2s:0"]));

    server.reset().await.unwrap();
    let ran = run_against(&server, &["--scenario", "browse", "--rate", "50/s", "-d", "1s", "-u", "10"]);
    ran.assert_code(0);
    assert!(ran.err.contains("browse: 50.00 iterations/s for 1s, up to 10 VUs"), "{}", ran.err);
    assert!(ran.out.contains("iteration_response_time"), "{}", ran.out);
    assert_eq!(settled(&server).await.requests, 50);
}

#[tokio::test]
async fn no_more_requests_are_sent_than_rps_allows_whoever_says_it() {
    let _quiet = quiet().await;
    let server = truth_server();
    let config = scratch("rps.toml");
    std::fs::write(&config, "rps = 100").unwrap();
    let load = ["--scenario", "browse", "-u", "10", "-d", "2s", "--no-thresholds"];
    // What the server has counted, and the most that a cap of 100 requests per second allows.
    let sent = async |flags: &[&str], variables: &[(&str, &str)]| {
        server.reset().await.unwrap();
        let url = server.url();
        let args = [&load[..], flags, &["--base-url", &url]].concat();
        let begun = Instant::now();
        let ran = Ran::of(&program(&args).envs(variables.iter().copied()).output().unwrap(), begun);
        ran.assert_code(0);
        let is_told = ran.err.contains("  requests at most 100/s\n");
        // One at once, and what late timers may make up for: 5 ms.
        (settled(&server).await.requests as f64, 100.0 * ran.took.as_secs_f64() + 1.5, is_told)
    };
    let file = ["--config", config.to_str().unwrap()];
    for (flags, variables) in [
        (&["--rps", "100"][..], &[("LOADCORE_RPS", "2000")][..]),
        (&[], &[("LOADCORE_RPS", "100")]),
        (&file, &[]),
    ] {
        let (sent, allowed, is_told) = sent(flags, variables).await;
        assert!(is_told && (150.0..=allowed).contains(&sent), "{flags:?} {variables:?}: {sent} of {allowed}");
    }
    // It is the cap that holds them back: VUs that sleep for 10 ms send far more without it.
    let (sent, allowed, is_told) = sent(&[&file[..], &["--rps", "0"]].concat(), &[]).await;
    assert!(!is_told && sent > 1.5 * allowed, "{sent} without a cap, {allowed} with it");
}

#[tokio::test]
async fn arrivals_are_all_there_and_the_banner_tells_of_it_when_they_are_spun_for() {
    let _quiet = quiet().await;
    let server = truth_server();
    let args = ["--scenario", "browse", "--rate", "100/s", "-d", "1s", "--spin-arrivals"];
    let ran = run_against(&server, &args);
    ran.assert_code(0);
    assert!(ran.err.contains("  arrivals by spinning, "), "{}", ran.err);
    assert_eq!(settled(&server).await.requests, 100);
}

#[tokio::test]
async fn tags_and_headers_of_the_command_line_are_on_everything() {
    let _quiet = quiet().await;
    let server = truth_server();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let header = format!("traceparent: {traceparent}");
    let args = ["--scenario", "browse", "-i", "2", "--tag", "testid=7", "--header", &header];
    let threshold = ["--threshold", "http_reqs{testid:7}: count==2"];
    let ran = run_against(&server, &[&args[..], &threshold].concat());
    ran.assert_code(0);
}
