//! Promise: what the macros accept compiles, and what they refuse is refused at the user's own token, with words that say
//! what to write instead.
//!
//! Two crates of their own promise the same for edition 2021 (`tests/edition-2021`) and for a crate that has loadcore under
//! another name (`tests/renamed`).
//!
//! One file each in `ui/pass` and `ui/fail`. After a change of wording, run this test with `TRYBUILD=overwrite` and read
//! every changed `.stderr` file as the user who made the mistake would.

#[test]
fn a_mistake_is_reported_where_it_was_made_and_says_what_to_write() {
    // It runs the compiler on all cores, which the tests that measure must not feel.
    let _quiet = crate::support::quiet_blocking();
    let cases = trybuild::TestCases::new();
    cases.pass("promises/ui/pass/*.rs");
    cases.compile_fail("promises/ui/fail/*.rs");
}
