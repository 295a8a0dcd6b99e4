//! `completions`: what a shell needs to complete this program's flags.

use super::run;

#[test]
fn each_shell_gets_a_script_that_knows_the_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&["completions", shell]);
        ran.assert_code(0);
        // fish and elvish write long flags without their dashes in places.
        for wanted in ["stage", "summary-export", "no-thresholds", "plan", "journeys"] {
            assert!(ran.out.contains(wanted), "{shell}: {wanted}");
        }
        assert_eq!(ran.err, "", "{shell}");
    }
    for shell in ["bash", "zsh"] {
        assert!(run(&["completions", shell]).out.contains("--stage"), "{shell}");
    }
}
