//! Promise: an open model tells how long users waited for a target that froze, where a closed model of the same rate,
//! which waits together with its target, hides it.

use crate::support::{in_some_round, measuring, truth_server};
use loadcore::metric::Metric;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;
use testbed::TruthServer;

/// For how long the target is frozen, in the middle of a run.
const FREEZE: Duration = Duration::from_secs(2);
/// Iterations a second.
const RATE: u32 = 1_000;
/// VUs of the closed model. Each of them sees the freeze once: they must be less than 1% of its iterations.
const CLOSED_VUS: u32 = 40;

/// Stops the server's process in the middle of a run of this length that starts now, and lets it go on after [`FREEZE`].
fn freeze_in_the_middle(server: &TruthServer, run: Duration) -> JoinHandle<()> {
    let pid = server.pid().unwrap().to_string();
    let send = move |signal: &str| {
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {pid}");
    };
    std::thread::spawn(move || {
        std::thread::sleep((run - FREEZE) / 2);
        send("-STOP");
        std::thread::sleep(FREEZE);
        send("-CONT");
    })
}

/// Loads a server that freezes.
async fn load(executor: impl Into<Executor>, run: Duration) -> Report {
    let server = truth_server();
    let scenario = Scenario::new("get", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).scenario(scenario.executor(executor));
    let freezer = freeze_in_the_middle(&server, run);
    let report = test.run().await.unwrap();
    freezer.join().unwrap();
    assert_eq!(report.rate(HTTP_REQ_FAILED), 0.0, "a frozen server is slow, not broken");
    report
}

fn tell(model: &str, report: &Report, times: &[Trend<Time>]) {
    let counts = [ITERATIONS, DROPPED_ITERATIONS].map(|counter| report.count(counter));
    println!("{model}: {} iterations, {} dropped", counts[0], counts[1]);
    for time in times {
        let [avg, p50, p99, max] =
            [time.avg(), time.med(), time.p(99), time.max()].map(|measure| report.value(measure));
        let name = time.desc().name;
        println!("  {name}: avg {avg:.1} p50 {p50:.2} p99 {p99:.1} max {max:.1} ms");
    }
}

async fn the_open_model_tells_and_the_closed_one_hides(run: Duration) {
    let _measuring = measuring().await;
    // Each waiting iteration holds a connection, at both ends.
    assert!(rlimit::increase_nofile_limit(8_192).unwrap() >= 4_096, "raise the hard limit of descriptors");

    let arrivals = constant_arrival_rate(per_sec(RATE), run).max_vus(2_500);
    let open = load(arrivals, run).await;
    tell("open", &open, &[ITERATION_DURATION, ITERATION_RESPONSE_TIME, ITERATION_LATENESS]);
    assert_eq!(open.value(DROPPED_ITERATIONS.count()), 0.0);
    let planned = f64::from(RATE) * run.as_secs_f64();
    assert_eq!(open.value(ITERATIONS.count()), planned);
    let p99 = open.value(ITERATION_RESPONSE_TIME.p(99));
    assert!(p99 > 1_500.0, "{p99} ms");

    // The same rate, as long as the target answers.
    let pace = Duration::from_secs(1) * CLOSED_VUS / RATE;
    let looping = Executor::from(constant_vus(CLOSED_VUS.into(), run)).min_iteration_duration(pace);
    in_some_round(async || {
        let closed = load(looping.clone(), run).await;
        tell("closed", &closed, &[ITERATION_DURATION]);
        let (p99, max) = (closed.value(ITERATION_DURATION.p(99)), closed.value(ITERATION_DURATION.max()));
        assert!(max > 1_900.0, "it did see the freeze: {max} ms");
        let rate = closed.value(ITERATIONS.count()) / (run - FREEZE).as_secs_f64();
        // Its p99 does not tell, for it did not ask meanwhile.
        if p99 < 500.0 && (0.93..1.01).contains(&(rate / f64::from(RATE))) {
            return Ok(());
        }
        Err(format!("its p99 is {p99} ms, at {rate} a second"))
    })
    .await;
}

#[tokio::test]
async fn a_frozen_target_shows_in_an_open_model_and_hides_in_a_closed_one() {
    the_open_model_tells_and_the_closed_one_hides(Duration::from_secs(8)).await;
}

#[tokio::test]
#[ignore = "the same for 20 s, for the figures in the docs: cargo test --release frozen -- --ignored --nocapture"]
async fn a_frozen_target_in_the_middle_of_twenty_seconds() {
    the_open_model_tells_and_the_closed_one_hides(Duration::from_secs(20)).await;
}
