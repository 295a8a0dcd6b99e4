//! `run --debug`: one iteration of each scenario, with everything that it sends and gets.

use super::options::Options;
use super::run::run;
use crate::load_test::LoadTest;
use crate::plan::per_vu_iterations;
use crate::run::Narrator;
use std::time::Duration;

/// However long a person wants to look.
const AT_MOST: Duration = Duration::from_secs(24 * 3600);

pub(super) fn debug(test: LoadTest, options: &Options) -> u8 {
    // Progress would run through what is told.
    let options = Options { quiet: Some(true), ..options.clone() };
    run(narrated(test), &options)
}

/// The test with one iteration of each scenario, told as it happens.
pub(super) fn narrated(mut test: LoadTest) -> LoadTest {
    let narrator = Narrator::default();
    for scenario in &mut test.scenarios {
        scenario.executor = Some(per_vu_iterations(1).max_duration(AT_MOST).graceful_stop(Duration::ZERO));
    }
    narrator.one_after_the_other(&mut test.scenarios);
    test.narrator = Some(narrator);
    test.no_thresholds = true;
    // One after the other needs no second core, and what is told keeps its order.
    test.cores = Some(1);
    test
}
