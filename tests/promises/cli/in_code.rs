//! `LoadTest::run()` in a user's program: arguments and environment are the program's own; what it shall know it is told.

use loadcore::prelude::*;
use std::process::Command;

/// Variables that would each stop a test crate's command line.
const HOSTILE: [(&str, &str); 8] = [
    ("LOADCORE_VUS", "garbage"),
    ("LOADCORE_CONFIG", "/nonexistent"),
    ("LOADCORE_BASE_URL", "ftp://nowhere"),
    ("LOADCORE_SCENARIO", "nobody"),
    ("LOADCORE_THRESHOLD", "nothing"),
    ("LOADCORE_ENV", "KEY=stolen"),
    ("LOADCORE_NO_SUCH_OPTION", "1"),
    ("KEY", "stolen"),
];

#[tokio::test]
async fn a_test_in_code_reads_neither_variables_nor_an_options_file() {
    const ALONE: &str = "LOADCORE_TEST_ALONE";
    let name = "cli::in_code::a_test_in_code_reads_neither_variables_nor_an_options_file";
    if std::env::var(ALONE).is_ok_and(|alone| alone == name) {
        return assert_untouched().await;
    }
    // Not its path: a build may have replaced the file meanwhile.
    let mut child = Command::new("/proc/self/exe");
    child.args(["--exact", name, "--nocapture"]).envs(HOSTILE).env(ALONE, name);
    let ran = child.output().expect("this test can be started again");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

async fn assert_untouched() {
    for (name, value) in HOSTILE {
        assert_eq!(std::env::var(name).as_deref(), Ok(value), "the environment is not hostile");
    }
    let scenario = Scenario::new("quiet", async |vu: &Vu| {
        vu.check(format!("KEY is {:?}", vu.env("KEY")), true);
        vu.check(format!("OWN is {:?}", vu.env("OWN")), true);
        Ok(())
    });
    let test = LoadTest::new().scenario(scenario.executor(per_vu_iterations(3).vus(2))).env("OWN", "mine");
    let report = test.run().await.expect("nothing of it is read");
    assert_eq!(report.count(ITERATIONS), 6.0);
    assert_eq!(report.errors(), []);
    let names: Vec<_> = report.checks().into_iter().map(|check| check.name).collect();
    assert_eq!(names, ["KEY is None", "OWN is Some(\"mine\")"]);
}

static CITIES: SharedArray<serde_json::Value> = SharedArray::jsonl("data/cities.jsonl");
static NOWHERE: SharedArray<u32> = SharedArray::json("data/nowhere.json");

#[tokio::test]
async fn a_test_in_code_loads_the_data_that_it_is_told_of() {
    let scenario = || {
        Scenario::new("cities", async |vu: &Vu| {
            assert!(CITIES.for_vu(vu)["name"].is_string());
            Ok(())
        })
    };
    let report = LoadTest::new().scenario(scenario()).data(&CITIES).run().await.unwrap();
    assert_eq!(report.errors(), []);
    let error = LoadTest::new().scenario(scenario()).data(&NOWHERE).run().await.unwrap_err().to_string();
    let place = format!("(declared at tests/promises/cli/in_code.rs:{})", line!() - 1);
    assert!(error.contains("data/nowhere.json` not found") && error.ends_with(&place), "{error}");
}
