//! A program that runs as one, or as if it were embedded in another. `OF_TLS` says how, and whom it trusts.

use std::process::ExitCode;

use loadcore::http::{Http, Tls};
use loadcore::prelude::*;

fn main() -> ExitCode {
    let how = std::env::var("OF_TLS").unwrap_or_default();
    let says = |word: &str| how.split(' ').any(|said| said == word);
    let scenario = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let test = LoadTest::new().http(Http::new().tls(Tls::new().insecure(says("insecure"))));
    let test = test.scenario(scenario.executor(shared_iterations(1)));
    if !says("embedded") {
        return test.threshold(HTTP_REQ_FAILED.rate().at_most(0.0)).main();
    }
    // What stands behind --base-url.
    let url = std::env::args().nth(2).expect("a base URL");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(test.base_url(url).run()).expect("the test runs");
    if report.errors().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
