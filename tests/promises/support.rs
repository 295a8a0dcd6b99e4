//! What the promises share: the server that knows the truth, and the quiet that measuring needs.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use loadcore::http::Http;
use loadcore::metric::{ErrorGroup, SeriesView};
use loadcore::prelude::*;
use testbed::TruthServer;
use testbed::truth::Stats;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, MutexGuard};

static QUIET: Mutex<()> = Mutex::const_new(());

/// Waits until no other test that loads or measures this machine is running, and keeps it so while the guard lives.
/// Every test that makes much load, or minds about time, begins with it.
pub(crate) async fn quiet() -> MutexGuard<'static, ()> {
    QUIET.lock().await
}

/// [`quiet`] for a test that measures how long something takes, as long as the guard lives. Where the system lets it, it goes
/// before other programs, and so does what it starts.
pub(crate) async fn measuring() -> Measuring {
    let _quiet = quiet().await;
    set_priority(-10);
    Measuring { _quiet }
}

pub(crate) struct Measuring {
    _quiet: MutexGuard<'static, ()>,
}

impl Drop for Measuring {
    fn drop(&mut self) {
        set_priority(0);
    }
}

/// Of this thread, and of the threads and processes that it starts from now on.
fn set_priority(niceness: i32) {
    // Ordinary users may not: then it is a measurement as before.
    let _ = rustix::process::setpriority_process(None, niceness);
}

/// [`quiet`] for a test without a runtime.
pub(crate) fn quiet_blocking() -> MutexGuard<'static, ()> {
    QUIET.blocking_lock()
}

/// Makes a measurement that other programs on the machine may spoil, and makes it again, up to five times in all, until it is
/// what it should be. Load spoils a measurement and never mends one, so that what is wrong each time is wrong. What does not
/// depend on time belongs in an assertion, which is not tried again.
pub(crate) async fn in_some_round(round: impl AsyncFn() -> Result<(), String>) {
    let mut wrong = Vec::new();
    while wrong.len() < 5 {
        match round().await {
            Ok(()) => return,
            Err(problem) => wrong.push(problem),
        }
        calm().await;
    }
    panic!("in no round it was as it should be:\n{}", wrong.join("\n"));
}

/// Waits until half of the machine is idle, thirty seconds at most: other programs may go on for ever.
async fn calm() {
    for _ in 0..150 {
        let before = idle_and_all();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let after = idle_and_all();
        if 2 * (after.0 - before.0) >= after.1 - before.1 {
            break;
        }
    }
}

/// How long the machine's cores were idle, and how long that could have been.
fn idle_and_all() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let ticks: Vec<u64> =
        stat.lines().next().unwrap().split_whitespace().skip(1).map(|ticks| ticks.parse().unwrap()).collect();
    // Time of guests is in the first two already.
    (ticks[3] + ticks[4], ticks.iter().take(8).sum())
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

/// A port at which nobody is let in: the queue of those who wait is full.
pub(crate) async fn full(at: &str) -> (TcpListener, Vec<TcpStream>) {
    let address: SocketAddr = at.parse().unwrap();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        waiting.push(connected.unwrap());
        assert!(waiting.len() < 20, "the queue is never full");
    }
    (listener, waiting)
}

/// One iteration of this journey.
pub(crate) async fn once(
    url: &str,
    http: Http,
    journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static,
) -> Report {
    let scenario =
        Scenario::new("once", async move |vu: &Vu| journey(vu).await).executor(shared_iterations(1));
    LoadTest::new().base_url(url).http(http).scenario(scenario).run().await.unwrap()
}

/// No iteration failed.
#[track_caller]
pub(crate) fn sound(report: &Report) {
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
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

/// Makes glibc give free memory back, so that what a process holds is what it needs. It would else keep some of each thread that
/// ever was.
const GIVES_BACK: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "65536"), ("MALLOC_MMAP_THRESHOLD_", "65536")];

/// Whether this process runs nothing but the test of that name (`module::function`). If not, the test is run in such a
/// process, and must pass there: for tests that look at the whole process, which other tests live in as well.
pub(crate) fn is_alone(test: &str) -> bool {
    const ALONE: &str = "LOADCORE_TEST_ALONE";
    if std::env::var(ALONE).is_ok_and(|name| name == test) {
        return true;
    }
    // Not its path: a build may have replaced the file meanwhile.
    let args = ["--exact", test, "--nocapture", "--include-ignored"];
    let run = Command::new("/proc/self/exe").args(args).env(ALONE, test).envs(GIVES_BACK).output();
    let run = run.expect("this test can be started again");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.contains("1 passed"), "{out}\n{err}");
    false
}
