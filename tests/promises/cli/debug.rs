//! `run --debug`: one iteration of each scenario, with every request and response in full.

use super::*;
use crate::support::{settled, truth_server};

/// Without what differs from run to run.
fn normal(text: &str, authority: &str) -> String {
    let text = text.replace(authority, "[server]");
    text.lines().map(|line| normal_line(line) + "\n").collect()
}

fn normal_line(line: &str) -> String {
    if let Some((before, trace)) = line.split_once("00-") {
        // In a header, and in the body of the server that echoes it.
        let after = trace.get(52..).unwrap_or_default();
        return format!("{before}00-[trace]{}", normal_line(after));
    }
    if line.starts_with("  ") && line.contains("duration ") {
        // Which phases took a microsecond at all differs too.
        return "  [times]".to_owned();
    }
    if line.starts_with("content-length: ") {
        // The echo holds the server's port.
        return "content-length: [bytes]".to_owned();
    }
    match line.split_once("journeys.rs:") {
        Some((before, after)) => {
            format!(
                "{before}journeys.rs:[line]{}",
                after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':')
            )
        }
        None => line.to_owned(),
    }
}

fn debug(server: &TruthServer, args: &[&str]) -> Ran {
    let url = server.url();
    let args = [&["run", "--debug", "--base-url", &url], args].concat();
    let begun = Instant::now();
    Ran::of(&program(&args).env("JOURNEYS_CODE", "show").output().unwrap(), begun)
}

#[tokio::test]
async fn a_debug_run_shows_each_request_and_response_in_full_and_in_order() {
    let server = truth_server();
    let ran = debug(&server, &[]);
    // The threshold that cannot hold is not judged.
    ran.assert_code(0);
    assert!(!ran.out.contains("THRESHOLDS") && ran.out.contains("http_reqs"), "{}", ran.out);
    // Nor are the iterations, so it is said.
    assert_eq!(ran.out.lines().last(), Some("  1 of 2 iterations failed"));
    let authority = server.url().trim_start_matches("http://").to_owned();
    insta::assert_snapshot!(normal(&ran.err, &authority));
    let times: Vec<_> = ran.err.lines().filter(|line| line.contains(", duration ")).collect();
    assert!(
        times.len() == 5 && times[0].contains("connecting ") && times[0].contains("waiting "),
        "{times:?}"
    );
    // Five VUs for a minute, and thirty iterations, in the code.
    assert_eq!(settled(&server).await.requests, 5);
    assert!(ran.took < secs(10.0), "{:?}", ran.took);
}

#[tokio::test]
async fn a_debug_run_shows_the_headers_that_the_server_saw() {
    let server = truth_server();
    let ran = debug(&server, &["--header", "x-run: 7"]);
    let blocks: Vec<&str> = ran.err.split("\n→ request ").collect();
    // The server echoes what it got.
    let echoes = blocks.iter().filter(|block| block.contains("POST /echo")).map(|block| {
        let (request, response) = block.split_once("\n← ").unwrap();
        let body = response.lines().find(|line| line.starts_with('{')).unwrap();
        let echo: serde_json::Value = serde_json::from_str(body).unwrap();
        (request, echo)
    });
    let mut compared = 0;
    for (request, echo) in echoes {
        let shown = request.lines().skip(2).take_while(|line| !line.is_empty());
        let mut shown: Vec<String> = shown.map(str::to_owned).collect();
        let headers = echo["headers"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut seen: Vec<String> = headers.map(|h| format!("{}: {}", text(&h[0]), text(&h[1]))).collect();
        shown.sort();
        seen.sort();
        assert_eq!(shown, seen);
        assert!(shown.contains(&"x-run: 7".to_owned()));
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn a_debug_run_shows_why_a_request_got_no_answer() {
    let begun = Instant::now();
    let url = testbed::refused_url();
    let mut program = program(&["--debug", "--scenario", "browse", "--base-url", &url]);
    let ran = Ran::of(&program.output().unwrap(), begun);
    ran.assert_code(0);
    let authority = url.trim_start_matches("http://").to_owned();
    assert!(
        ran.err.contains("✗ no response to request 1") || ran.err.contains("✗ no request: "),
        "{}",
        ran.err
    );
    assert!(ran.err.contains(&format!("GET http://{authority}/: connection refused")), "{}", ran.err);
    assert!(ran.err.contains("✗ the iteration failed at tests/testbed/journeys.rs:"), "{}", ran.err);
}

#[test]
fn a_debug_run_that_is_interrupted_ends_at_once() {
    let server = truth_server();
    let child = program(&["--debug", "--scenario", "wait", "--base-url", &server.url()]).spawn().unwrap();
    std::thread::sleep(secs(1.0));
    let killed = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(killed.success());
    let begun = Instant::now();
    let ran = Ran::of(&child.wait_with_output().unwrap(), begun);
    ran.assert_code(105);
    assert!(ran.took < secs(2.0), "{:?}", ran.took);
    assert!(ran.err.contains("✗ no response to request 1: cancelled"), "{}", ran.err);
}
