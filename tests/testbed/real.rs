//! Real programs of the system that tests talk to.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where Debian keeps servers, which an ordinary user's `PATH` leaves out.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The path of a program, if this machine has it: `real("nginx")`. Without it the test is to return at once; that it is
/// skipped is said on the terminal, past the test harness, which would keep it to itself.
///
/// # Panics
/// Without the program, where `LOADCORE_REQUIRE_REAL=1` says that none may be missing.
pub fn real(program: &str) -> Option<PathBuf> {
    if let Some(path) = find(program) {
        return Some(path);
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let required = std::env::var_os("LOADCORE_REQUIRE_REAL").is_some_and(|value| value == "1");
    assert!(
        !required,
        "{test} needs `{program}`, which is not installed, and LOADCORE_REQUIRE_REAL=1 is set"
    );
    let line = format!("\nSKIPPED {test}: `{program}` is not installed\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
    None
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn programs_are_found_and_others_are_not() {
        let shell = find("sh").unwrap();
        assert!(shell.is_absolute() && shell.ends_with("sh"), "{}", shell.display());
        assert_eq!(find("no-such-program-of-loadcore"), None);
        // A folder that may be entered is no program.
        assert_eq!(find("../share"), None);
    }
}
