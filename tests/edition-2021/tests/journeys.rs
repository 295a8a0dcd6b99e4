//! What the library's macros wrote does what it says.

use loadcore::prelude::*;
use loadcore_tests_edition_2021::{BROWSE_SCENARIO, OPENED, SEEN, SETUPS, TEARDOWNS, VISIT_SCENARIO};

#[tokio::test]
async fn a_library_of_this_edition_runs_with_its_setups_and_states() {
    let report =
        LoadTest::new().scenario(BROWSE_SCENARIO).scenario(VISIT_SCENARIO).run().await.expect("it starts");
    report.assert_thresholds();
    assert_eq!(report.rate(CHECKS), 1.0, "{:?}", report.checks());
    assert_eq!(report.count(ITERATIONS), 2.0 * 3.0 + 4.0);
    assert_eq!(report.count(ITERATIONS.tag("edition", "2021")), 6.0);
    assert_eq!((report.count(SETUPS), report.count(OPENED), report.count(TEARDOWNS)), (1.0, 2.0, 3.0));
    assert_eq!(report.value(SEEN.min()), 6.0, "each VU has seen the catalog's three and three more");
}
