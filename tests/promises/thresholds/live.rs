//! `abort_on_fail` in real time: in an embedded test, and on the command line.

use super::*;
use crate::support::{quiet, settled, truth_server};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
    took: Duration,
}

fn browse(url: &str, args: &[&str]) -> Ran {
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_journeys"));
    command.args(["--scenario", "browse", "--vus", "2", "--base-url", url]).args(args);
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), out: text(stdout), err: text(stderr), took: begun.elapsed() }
}

#[tokio::test]
async fn an_embedded_test_ends_with_the_second_and_says_why() {
    let _quiet = quiet().await;
    let scenario = Scenario::new("slow", async |vu: &Vu| {
        vu.check("good", false);
        vu.sleep(mins(5)).await;
        Ok(())
    });
    let begun = Instant::now();
    let test = LoadTest::new().cores(2).scenario(scenario.executor(constant_vus(4, mins(10))));
    let report = test.threshold(CHECKS.rate().above(0.5).abort_on_fail()).run().await.unwrap();
    assert!((secs(1.0)..secs(3.0)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let aborted = report.run().aborted_by.as_ref().unwrap();
    assert!((secs(1.0)..secs(2.0)).contains(&aborted.at), "{aborted:?}");
    assert_eq!((report.exit_code(), report.run().interrupted), (99, false));
    assert_eq!(report.count(INTERRUPTED_ITERATIONS), 4.0);
}

#[tokio::test]
async fn the_command_line_ends_a_failing_test_at_once_with_99_and_the_summary() {
    let _quiet = quiet().await;
    let server = truth_server();
    let nowhere = format!("{}/nowhere", server.url());
    let threshold = "http_req_failed: rate<0.1 abort_on_fail";
    for (options, from, until) in [("", 1.0, 3.0), (" delay_abort_eval=2s", 2.0, 4.0)] {
        let threshold = format!("{threshold}{options}");
        let ran = browse(&nowhere, &["--duration", "10m", "--threshold", &threshold]);
        assert_eq!(ran.code, Some(99), "{}\n{}", ran.out, ran.err);
        assert!((secs(from)..secs(until)).contains(&ran.took), "{threshold}: {:?}", ran.took);
        let told = format!("threshold `{threshold}` aborted the test after {from}");
        assert!(ran.err.contains(&told), "{}", ran.err);
        assert!(ran.out.contains("✗ 'rate<0.1' rate=100.00%  aborted the test after"), "{}", ran.out);
        assert!(ran.out.contains(&told) && ran.out.contains("http_reqs"), "{}", ran.out);
        assert!(!ran.out.contains("interrupted by a signal"), "{}", ran.out);
    }
}

#[tokio::test]
async fn what_holds_runs_to_its_end_and_so_does_what_is_not_judged() {
    let _quiet = quiet().await;
    let server = truth_server();
    let nowhere = format!("{}/nowhere", server.url());
    let threshold = "http_req_failed: rate<0.1 abort_on_fail";
    for (url, args) in [(server.url(), &[][..]), (nowhere, &["--no-thresholds"])] {
        server.reset().await.unwrap();
        let ran = browse(&url, &[&["--duration", "3s", "--threshold", threshold], args].concat());
        assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
        assert!(ran.took >= secs(3.0) && !ran.out.contains("aborted"), "{:?}: {}", ran.took, ran.out);
        assert!(settled(&server).await.requests > 100);
    }
}

#[test]
fn options_that_cannot_be_read_are_refused_with_104() {
    let refusals: Vec<String> = [
        "http_req_failed: rate<0.1 abortOnFail",
        "http_req_failed: rate<0.1 delay_abort_eval=10s",
        "http_req_failed: rate<0.1 abort_on_fail delay_abort_eval=10",
        "http_req_failed: rate<0.1 abort_on_fail delay_abort_eval",
        "http_req_failed: rate<0.1 abort_on_fail=yes",
        "http_req_failed: rate<0.1 abort_on_fail abort_on_fail",
        "http_req_failed: rate<0.1 and more",
        "http_req_failed{name:\"a, b}: rate<0.1",
        "http_req_failed: rate<",
        "http_req_failed: rate<1%",
        "http_req_duration: p(95)<5sec",
    ]
    .iter()
    .map(|text| {
        let ran = browse("http://127.0.0.1:9", &["--threshold", text]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(104), ""), "{text}: {}", ran.err);
        ran.err
    })
    .collect();
    insta::assert_snapshot!(refusals.concat(), @r#"
    error: --threshold: threshold `http_req_failed: rate<0.1 abortOnFail`: `abortOnFail` is no option of a threshold; did you mean `abort_on_fail`?
    error: --threshold: threshold `http_req_failed: rate<0.1 delay_abort_eval=10s`: delay_abort_eval delays abort_on_fail, which is missing; add abort_on_fail, or leave the delay out
    error: --threshold: threshold `http_req_failed: rate<0.1 abort_on_fail delay_abort_eval=10`: `delay_abort_eval=10`: write a time with its unit, such as delay_abort_eval=10s or delay_abort_eval=1m30s
    error: --threshold: threshold `http_req_failed: rate<0.1 abort_on_fail delay_abort_eval`: `delay_abort_eval` has no time: write delay_abort_eval=TIME without blanks, such as delay_abort_eval=10s
    error: --threshold: threshold `http_req_failed: rate<0.1 abort_on_fail=yes`: `abort_on_fail` takes no value: write it alone
    error: --threshold: threshold `http_req_failed: rate<0.1 abort_on_fail abort_on_fail`: `abort_on_fail` is written twice
    error: --threshold: threshold `http_req_failed: rate<0.1 and more`: `and` is no option of a threshold: behind the number may stand abort_on_fail, delay_abort_eval=TIME and allow_empty
    error: --threshold: threshold `http_req_failed{name:"a, b}: rate<0.1`: the quote before `a, b` is never closed
    error: --threshold: threshold `http_req_failed: rate<`: there is no number behind `<`
    error: --threshold: threshold `http_req_failed: rate<1%`: `1%` is not a number: a rate lies between 0 and 1, so write 0.01 for one percent
    error: --threshold: threshold `http_req_duration: p(95)<5sec`: `5sec` is no time: write a number of milliseconds, or one with its unit such as 500ms or 1.5s
    "#);
}
