//! The three latencies of an iteration under one heading, and what closed models say of them.

use super::*;

/// The section of the summary from this title to the next one.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let from = &text[text.find(&format!("  █ {title}")).unwrap_or_else(|| panic!("no {title}: {text}"))..];
    let widest = from.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(widest <= 100, "{widest} columns\n{from}");
    from[1..].find("  █ ").map_or(from, |end| &from[..=end])
}

/// Ten arrivals a second. Under virtual time none of them is ever late.
fn queue() -> Scenario {
    let serve = Scenario::new("queue", async |vu: &Vu| {
        vu.sleep(millis(123.45 + 7.01 * vu.iteration() as f64)).await;
        Ok(())
    });
    serve.executor(constant_arrival_rate(per_sec(10), secs(3)).max_vus(20))
}

fn look() -> Scenario {
    let look = Scenario::new("look", async |vu: &Vu| {
        vu.sleep(millis(250)).await;
        Ok(())
    });
    look.executor(constant_vus(2, secs(1)))
}

#[test]
fn an_open_model_shows_its_three_latencies_side_by_side() {
    let report = run(LoadTest::new().scenario(queue()));
    insta::assert_snapshot!(section(&text(&report), "ITERATION LATENCIES"), @r"
    █ ITERATION LATENCIES

      metric                                             avg       med     p(95)     p(99)       max
      iteration_duration       service time         225.09ms  225.09ms  316.51ms  324.67ms  326.74ms
      iteration_response_time  from intended start  225.09ms  225.09ms  316.51ms  324.67ms  326.74ms
      iteration_lateness       how late it began          0s        0s        0s        0s        0s
    ");
}

#[test]
fn a_closed_model_says_that_two_of_the_three_do_not_apply() {
    let report = run(LoadTest::new().scenario(look()));
    insta::assert_snapshot!(section(&text(&report), "ITERATION LATENCIES"), @r"
    █ ITERATION LATENCIES

      metric                                   avg    med  p(95)  p(99)    max
      iteration_duration       service time  250ms  250ms  250ms  250ms  250ms
      iteration_response_time  does not apply (closed model)
      iteration_lateness       does not apply (closed model)
    ");
}

#[test]
fn open_and_closed_models_in_one_test_are_told_apart() {
    let report = run(LoadTest::new().scenario(look()).scenario(queue()));
    insta::assert_snapshot!(section(&text(&report), "ITERATION LATENCIES"), @r"
    █ ITERATION LATENCIES

      metric                                               avg       med     p(95)     p(99)       max
      look
        iteration_duration       service time            250ms     250ms     250ms     250ms     250ms
        iteration_response_time  does not apply (closed model)
        iteration_lateness       does not apply (closed model)
      queue
        iteration_duration       service time         225.09ms  225.09ms  316.51ms  324.67ms  326.74ms
        iteration_response_time  from intended start  225.09ms  225.09ms  316.51ms  324.67ms  326.74ms
        iteration_lateness       how late it began          0s        0s        0s        0s        0s
    ");
}

#[test]
fn a_test_without_a_whole_iteration_has_no_latencies() {
    let cut = look().executor(constant_vus(2, millis(100)).graceful_stop(secs(0)));
    let report = run(LoadTest::new().scenario(cut));
    assert_eq!(report.count(INTERRUPTED_ITERATIONS), 2.0);
    assert!(!text(&report).contains("LATENCIES"));
}
