//! What the promises share: the server that knows the truth, and the quiet that measuring needs.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use loadcore::Report;
use loadcore::metric::{ErrorGroup, SeriesView};
use testbed::TruthServer;
use testbed::truth::Stats;
use tokio::sync::{Mutex, MutexGuard};

static QUIET: Mutex<()> = Mutex::const_new(());

/// Waits until no other test that loads or measures this machine is running, and keeps it so while the guard lives.
/// Every test that makes much load, or minds about time, begins with it.
pub(crate) async fn quiet() -> MutexGuard<'static, ()> {
    QUIET.lock().await
}

/// [`quiet`] for a test without a runtime.
pub(crate) fn quiet_blocking() -> MutexGuard<'static, ()> {
    QUIET.blocking_lock()
}

/// A server in a process of its own that counts and times what really happens.
pub(crate) fn truth_server() -> TruthServer {
    TruthServer::spawn(env!("CARGO_BIN_EXE_truth-server")).expect("truth-server starts")
}

/// The server's numbers, once nothing more arrives: bytes that a client has written may still be on their way.
pub(crate) async fn settled(server: &TruthServer) -> Stats {
    let mut last = server.stats().await.expect("stats");
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = server.stats().await.expect("stats");
        if (now.requests, now.bytes_read) == (last.requests, last.bytes_read) {
            return now;
        }
        last = now;
    }
}

/// The one kind of failed iteration that a run has seen.
#[track_caller]
pub(crate) fn only_error(report: &Report) -> ErrorGroup {
    match report.errors().as_slice() {
        [one] => one.clone(),
        others => panic!("not one kind of error but {others:#?}"),
    }
}

/// The series of `http_reqs` that ended badly or not at all.
#[track_caller]
pub(crate) fn only_failed_series(report: &Report) -> SeriesView<'_> {
    let mut failed = report.metrics().series("http_reqs");
    failed.retain(|series| !series.tag("error_code").unwrap_or("").is_empty());
    assert_eq!(failed.len(), 1, "{failed:#?}");
    failed.remove(0)
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<std::sync::Mutex<Vec<String>>>);

impl Diary {
    pub(crate) fn note(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Whether this process runs nothing but the test of that name (`module::function`). If not, the test is run in such a
/// process, and must pass there: for tests that look at the whole process, which other tests live in as well.
pub(crate) fn is_alone(test: &str) -> bool {
    const ALONE: &str = "LOADCORE_TEST_ALONE";
    if std::env::var(ALONE).is_ok_and(|name| name == test) {
        return true;
    }
    // Not its path: a build may have replaced the file meanwhile.
    let run = Command::new("/proc/self/exe").args(["--exact", test, "--nocapture"]).env(ALONE, test).output();
    let run = run.expect("this test can be started again");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.contains("1 passed"), "{out}\n{err}");
    false
}
