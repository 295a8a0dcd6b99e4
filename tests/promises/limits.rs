//! Promise: a test inside somebody else's process changes none of its limits, and tells when they have spoilt its numbers.

use crate::support::{is_alone, only_failed_series, truth_server};
use loadcore::prelude::*;
use loadcore::verdict::Soundness;
use rlimit::Resource;

#[test]
fn an_embedded_test_that_runs_out_of_descriptors_is_invalid_and_says_why() {
    if !is_alone("limits::an_embedded_test_that_runs_out_of_descriptors_is_invalid_and_says_why") {
        return;
    }
    let server = truth_server();
    let hard = Resource::NOFILE.get_hard().unwrap();
    assert!(hard > 400, "a hard limit of {hard} descriptors is too few for this test");
    Resource::NOFILE.set(100, hard).unwrap();

    let get = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        vu.sleep(millis(100)).await;
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).scenario(get.executor(per_vu_iterations(1).vus(200)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let report = runtime.block_on(test.run()).unwrap();

    assert_eq!(Resource::NOFILE.get().unwrap(), (100, hard), "it is not this test's to raise");
    assert_eq!(report.count(HTTP_REQS), 200.0);
    let failed = only_failed_series(&report);
    assert_eq!(failed.tag("error"), Some("no free file descriptor"));
    assert_eq!(failed.tag("error_code"), Some("1210"));
    assert_eq!(report.errors()[0].kind, "no free file descriptor");

    let generator = report.generator();
    assert_eq!(generator.verdict, Soundness::Invalid);
    let prevented = report.count(HTTP_REQS.tag("error", "no free file descriptor"));
    assert!((100.0..200.0).contains(&prevented), "{prevented}");
    let reason = format!("{prevented} requests (");
    let told = generator.reasons.iter().any(|told| told.starts_with(&reason) && told.contains("ulimit -n"));
    assert!(told, "{:?}", generator.reasons);
}
