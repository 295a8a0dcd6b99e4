//! What goes wrong in the journey's own code: panics, and errors of every type that `?` takes.

use loadcore::prelude::*;
use testbed::{Misbehaving, misbehaving};

use crate::support::only_error;

/// The `file:line` of this file's line that ends with this comment.
fn place(comment: &str) -> String {
    let ends = format!("// {comment}");
    let line = include_str!("code.rs").lines().position(|line| line.ends_with(&ends));
    format!("{}:{}", file!(), line.expect("a line with that comment") + 1)
}

/// A journey that fails in every second iteration, and the kind and the place under which that is counted.
async fn every_second(scenario: Scenario) -> loadcore::metric::ErrorGroup {
    let report =
        LoadTest::new().scenario(scenario.executor(shared_iterations(10).vus(2))).run().await.unwrap();
    assert_eq!((report.count(ITERATIONS), report.rate(ITERATION_FAILED)), (10.0, 0.5), "{report}");
    assert_eq!((report.count(INTERRUPTED_ITERATIONS), report.exit_code()), (0.0, 0));
    // A failed iteration took time as well.
    assert!(matches!(
        report.stats(ITERATION_DURATION, &[]),
        loadcore::metric::Stats::Trend { count: 10, .. }
    ));
    let error = only_error(&report);
    assert_eq!(error.count, 5);
    error
}

fn is_bad(vu: &Vu) -> bool {
    vu.iteration() % 2 == 1
}

#[tokio::test]
async fn a_panic_ends_one_iteration_and_shows_its_place() {
    let error = every_second(Scenario::new("panics", async |vu: &Vu| {
        vu.sleep(millis(1)).await;
        assert!(!is_bad(vu), "iteration {} is odd", if vu.iteration() > 0 { "n" } else { "0" }); // panic
        Ok(())
    }))
    .await;
    assert_eq!((error.kind.as_str(), error.place), ("panic", place("panic")));
    assert_eq!(error.first, "iteration n is odd");
}

#[tokio::test]
async fn a_panic_in_a_group_with_a_request_under_way_leaves_the_vu_usable() {
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let scenario = Scenario::new("panics", async |vu: &Vu| {
        let panics = vu.group("Inner", async |vu: &Vu| {
            vu.get("/").send().await?;
            assert!(!is_bad(vu), "odd"); // in a group
            Ok(())
        });
        panics.await?;
        vu.get("/after").send().await?;
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url());
    let report = test.scenario(scenario.executor(shared_iterations(10))).run().await.unwrap();
    let error = only_error(&report);
    assert_eq!((error.kind.as_str(), error.place, error.count), ("panic", place("in a group"), 5));
    assert_eq!(report.count(HTTP_REQS.group("Inner")), 10.0);
    assert_eq!(report.count(HTTP_REQS.named("/after").group("")), 0.0);
    assert_eq!(report.count(HTTP_REQS.named("/after")), 5.0);
    assert_eq!((server.requests(), server.connections()), (15, 1));
}

#[tokio::test]
async fn errors_of_text_std_and_anyhow_show_the_place_of_their_question_mark() {
    let text = every_second(Scenario::new("text", async |vu: &Vu| {
        if is_bad(vu) {
            Err("no stock")?; // text
        }
        Ok(())
    }));
    let text = text.await;
    assert_eq!((text.kind.as_str(), text.place, text.first.as_str()), ("error", place("text"), "no stock"));

    let std = every_second(Scenario::new("std", async |vu: &Vu| {
        let number: u32 = if is_bad(vu) { "x" } else { "1" }.parse()?; // std
        assert_eq!(number, 1);
        Ok(())
    }));
    let std = std.await;
    assert_eq!((std.place, std.first.as_str()), (place("std"), "invalid digit found in string"));

    let chain = every_second(Scenario::new("chain", async |vu: &Vu| {
        let read = |bad| if bad { Err(std::io::Error::other("disk on fire")) } else { Ok(()) };
        anyhow::Context::context(read(is_bad(vu)), "reading the catalog")?; // anyhow
        Ok(())
    }));
    let chain = chain.await;
    assert_eq!((chain.place, chain.first.as_str()), (place("anyhow"), "reading the catalog: disk on fire"));

    let returned = every_second(Scenario::new("returned", async |vu: &Vu| {
        if is_bad(vu) { Err("a returned text".into()) } else { Ok(()) } // returned
    }));
    let returned = returned.await;
    assert_eq!((returned.place, returned.first.as_str()), (place("returned"), "a returned text"));
}

#[scenario] // declared with anyhow
async fn returns_anyhow(vu: &Vu) -> anyhow::Result<()> {
    anyhow::ensure!(!is_bad(vu), "iteration is odd");
    Ok(())
}

#[scenario] // declared with io
async fn returns_io(vu: &Vu) -> std::io::Result<()> {
    if is_bad(vu) { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(()) }
}

#[tokio::test]
async fn foreign_results_have_no_question_mark_of_ours_and_show_their_scenarios_place() {
    let error = every_second(RETURNS_ANYHOW_SCENARIO).await;
    assert_eq!((error.place, error.first.as_str()), (place("declared with anyhow"), "iteration is odd"));
    let error = every_second(RETURNS_IO_SCENARIO).await;
    assert_eq!((error.place, error.first.as_str()), (place("declared with io"), "entity not found"));
}

#[tokio::test]
async fn a_helper_may_return_anyhow_and_keeps_the_kind_of_the_request_that_failed() {
    async fn helper(vu: &Vu) -> anyhow::Result<String> {
        Ok(vu.get(format!("{}/", testbed::refused_url())).send().await?.text()?.to_owned())
    }
    let scenario = Scenario::new("helped", async |vu: &Vu| {
        helper(vu).await?; // helped
        Ok(())
    });
    let report = LoadTest::new().scenario(scenario).run().await.unwrap();
    let error = only_error(&report);
    assert_eq!((error.kind.as_str(), error.place), ("connection refused", place("helped")));
}

#[tokio::test]
async fn an_unexpected_body_has_a_kind_of_its_own() {
    let server = Misbehaving::start([misbehaving::answers()]).await.unwrap();
    let scenario = Scenario::new("typed", async |vu: &Vu| {
        let _numbers: Vec<u32> = vu.get("/").send().await?.json()?; // not a list
        Ok(())
    });
    let report = LoadTest::new().base_url(server.url()).scenario(scenario).run().await.unwrap();
    let error = only_error(&report);
    assert_eq!((error.kind.as_str(), error.place), ("unexpected response body", place("not a list")));
    assert!(error.first.contains(r#"it begins "{\"ok\":true}""#), "{}", error.first);
    // The request itself went well.
    assert_eq!(report.rate(HTTP_REQ_FAILED), 0.0);
}
