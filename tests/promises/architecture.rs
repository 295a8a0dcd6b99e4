//! Promise: the library can be read floor by floor. A floor imports only the floors below it, and no file is too long to
//! be read in one sitting.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// From the ground up. A new folder in `loadcore/src` gets its place here.
const FLOORS: [&str; 13] = [
    "error",
    "plan",
    "metric",
    "verdict",
    "trace",
    "data",
    "run",
    "protocol",
    "report",
    "output",
    "cluster",
    "load_test",
    "cli",
];
/// Files that stand outside: they only pass names on to users and to generated code.
const FACADE: [&str; 3] = ["lib", "prelude", "private"];
const MOST_LINES: usize = 500;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Every `.rs` file below a folder, without build output and hidden folders.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The code alone: no comments, no `#[cfg(test)]` modules. Line breaks stay.
fn code_of(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            // rustfmt puts the closing brace of a top-level item at the start of a line.
            lines.find(|line| *line == "}" || line.ends_with(';'));
            continue;
        }
        let line = line.split_once("//").map_or(line, |(code, _)| code);
        code.push_str(line);
        code.push('\n');
    }
    code
}

/// The top-level modules that code names, with their lines: `crate::run::Vu`, `crate::{run, metric::Kind}`, and `super::`
/// as often as it takes to get there from a module `depth` levels down.
fn named_modules(code: &str, depth: usize) -> Vec<(usize, String)> {
    let to_root = "super::".repeat(depth);
    let mut named = Vec::new();
    for root in ["crate::", &to_root] {
        for (at, _) in code.match_indices(root) {
            let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | ':');
            if code[..at].ends_with(goes_on) {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            named.extend(first_segments(&code[at + root.len()..]).into_iter().map(|name| (line, name)));
        }
    }
    named
}

/// `a::b` gives `a`; `{a::{b, c}, d}` gives `a` and `d`.
fn first_segments(path: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let Some(list) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut parts) = (0_i32, vec![String::new()]);
    for c in list.chars().filter(|c| !c.is_whitespace()) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            _ => {}
        }
        if depth < 0 {
            break;
        }
        if depth == 0 && c != ',' {
            parts.last_mut().unwrap().push(c);
        }
    }
    parts.iter().map(|part| word(part)).filter(|name: &String| !name.is_empty()).collect()
}

/// What is wrong with one file's imports.
fn problems(file: &str, source: &str) -> String {
    let modules: Vec<&str> = file.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let own = modules[0];
    if FACADE.contains(&own) {
        return String::new();
    }
    let rank = |name: &str| FLOORS.iter().position(|floor| *floor == name);
    let Some(own_rank) = rank(own) else {
        return format!(
            "{file}: `{own}` is no floor yet: give it its place in FLOORS, above all that it needs\n"
        );
    };
    let mut found = String::new();
    for (line, name) in named_modules(&code_of(source), modules.len()) {
        let problem = match rank(&name) {
            Some(rank) if rank <= own_rank => continue,
            Some(_) => format!(
                "`{own}` imports `{name}`, which is a floor above it: hand the value down as a parameter or behind a \
                 trait of `{own}`, or move this `impl` up into `{name}`"
            ),
            None => {
                format!("`{own}` imports `{name}` from the facade: import it from the floor that defines it")
            }
        };
        writeln!(found, "{file}:{line}: {problem}").unwrap();
    }
    found
}

#[test]
fn a_floor_imports_only_the_floors_below_it() {
    let source = workspace().join("loadcore/src");
    let mut found = String::new();
    let files = rust_files(&source);
    for path in &files {
        let file = path.strip_prefix(&source).unwrap().to_string_lossy().replace('\\', "/");
        found += &problems(&file, &std::fs::read_to_string(path).unwrap());
    }
    assert!(files.len() > 50, "found only {} files in {}", files.len(), source.display());
    assert!(found.is_empty(), "the floors are {FLOORS:?}, from the ground up\n{found}");
}

#[test]
fn an_import_that_points_upwards_is_found_however_it_is_written() {
    let finds = |file: &str, code: &str, what: &str| {
        let found = problems(file, code);
        assert!(found.contains(what) && found.lines().count() == 1, "{file}: {code:?} gives {found:?}");
    };
    finds(
        "metric/kind.rs",
        "\nuse crate::run::Vu;\n",
        "metric/kind.rs:2: `metric` imports `run`, which is a floor above",
    );
    finds(
        "plan/executor/mod.rs",
        "use crate::{\n    error::Error,\n    metric::{Kind, run},\n};\n",
        "imports `metric`",
    );
    finds("trace/mod.rs", "fn f() { crate::cli::exit() }\n", "imports `cli`");
    finds("trace/mod.rs", "use super::run;\n", "imports `run`");
    finds("protocol/http/tls.rs", "use super::super::super::report::Report;\n", "imports `report`");
    finds("run/vu.rs", "use crate::Result;\n", "imports `Result` from the facade");
    finds("gossip/mod.rs", "", "no floor yet");
    let allowed = "//! crate::cli\nuse crate::{plan, metric::Kind};\nuse super::clock;\npub(crate) fn f() {} // crate::cli\n\
                   #[cfg(test)]\nmod tests {\n    use crate::cli;\n}\n";
    assert_eq!(problems("run/vu.rs", allowed), "");
    assert_eq!(problems("prelude.rs", "pub use crate::cli::Args;\n"), "");
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let root = workspace();
    let mut found = String::new();
    for path in rust_files(&root) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        if lines > MOST_LINES {
            let file = path.strip_prefix(&root).unwrap().display();
            writeln!(found, "{file} has {lines} lines: split it by what its parts are about").unwrap();
        }
    }
    assert!(found.is_empty(), "at most {MOST_LINES} lines a file\n{found}");
}
