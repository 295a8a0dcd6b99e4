//! `list`: what the binary holds.

use crate::load_test::LoadTest;
use crate::report::exit_code;
use std::io::Write;

pub(super) fn list(test: &LoadTest) -> u8 {
    if test.scenarios.is_empty() {
        return super::refuse(&crate::load_test::RunError::NoScenario);
    }
    let width = test.scenarios.iter().map(|s| s.name().chars().count()).max().unwrap_or(0);
    for scenario in &test.scenarios {
        let executor = scenario.executor.clone().unwrap_or_default();
        let place = scenario.site.map(|site| format!("  {site}")).unwrap_or_default();
        // A reader that has seen enough is no error.
        let _ = writeln!(std::io::stdout(), "{:<width$}  {}{place}", scenario.name(), executor.describe());
    }
    exit_code::OK
}
