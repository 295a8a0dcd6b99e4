//! `list`: what the binary holds.

use crate::load_test::LoadTest;
use std::fmt::Write;

pub(super) fn list(test: &LoadTest) -> u8 {
    if let Err(error) = test.check_names() {
        return super::refuse(&error);
    }
    let mut lines = String::new();
    let width = test.scenarios.iter().map(|s| s.name().chars().count()).max().unwrap_or(0);
    for scenario in &test.scenarios {
        let executor = scenario.executor.clone().unwrap_or_default();
        let place = scenario.site.map(|site| format!("  {site}")).unwrap_or_default();
        let _ = writeln!(lines, "{:<width$}  {}{place}", scenario.name(), executor.describe());
    }
    super::print::print(&lines)
}
