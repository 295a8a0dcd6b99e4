//! A request whose future is dropped takes its connection (HTTP/1.1) or its stream (HTTP/2) with it, counts as cancelled, and
//! leaves nothing behind that the next request could mistake for its answer: each request has a tag, and each response says
//! which one it answers.

mod echo;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use loadcore::http::{HTTP_REQ_ABANDONED, Http, HttpVersions, Response};
use loadcore::prelude::*;

use self::echo::Echo;
use super::footprint::Footprint;
use crate::support::{is_alone, quiet};

const VUS: u64 = 10;

/// What the journeys of a run saw.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    /// Requests that were dropped.
    dropped: AtomicU64,
}

impl Tally {
    /// A request that may be answered, or dropped before.
    fn note<T>(&self, outcome: Option<T>, requests: u64) -> Option<T> {
        let count = if outcome.is_some() { &self.answered } else { &self.dropped };
        count.fetch_add(requests, Ordering::SeqCst);
        outcome
    }
}

/// A tagged request that the server answers after a delay.
struct Tagged {
    tag: String,
    delay: Duration,
}

impl Tagged {
    /// The nth request of an iteration.
    fn new(vu: &Vu, nth: u64, delay: Duration) -> Self {
        Self { tag: format!("{}-{}-{nth}", vu.id(), vu.iteration()), delay }
    }

    async fn send(&self, vu: &Vu) -> Result {
        // A template: other URLs would be remembered.
        let response = vu.get(path!("/{}/{}", self.tag, self.delay.as_micros())).send().await?;
        self.is_answered_by(&response);
        Ok(())
    }

    fn is_answered_by(&self, response: &Response) {
        assert_eq!(response.text().unwrap(), self.tag, "another request's answer");
    }
}

const NEVER: Duration = Duration::from_secs(60);

/// Drops a request, in this way, that would not be answered for long or might be answered just then.
async fn drop_one(vu: &Vu, tally: &Tally, way: u64, nth: u64, delay: Duration, patience: Duration) -> Result {
    let (one, other) = (Tagged::new(vu, nth, delay), Tagged::new(vu, nth + 1, delay));
    match way % 4 {
        0 => drop(tally.note(tokio::time::timeout(patience, one.send(vu)).await.ok(), 1).transpose()?),
        1 => {
            let outcome = tokio::select! {
                sent = one.send(vu) => Some(sent?),
                () = tokio::time::sleep(patience) => None,
            };
            tally.note(outcome, 1);
        }
        // Polled once: connecting at most, or just written.
        2 => {
            let mut sending = pin!(one.send(vu));
            let once = std::future::poll_fn(|cx| {
                Poll::Ready(match sending.as_mut().poll(cx) {
                    Poll::Ready(sent) => Some(sent),
                    Poll::Pending => None,
                })
            });
            tally.note(once.await.transpose()?, 1);
        }
        // Both or none, so that they can be counted.
        _ => {
            let delay = if delay < patience { Duration::ZERO } else { NEVER };
            let (one, other) = (Tagged { delay, ..one }, Tagged { delay, ..other });
            let both = async { tokio::try_join!(one.send(vu), other.send(vu)) };
            let patience = if delay.is_zero() { NEVER } else { patience };
            tally.note(tokio::time::timeout(patience, both).await.ok(), 2).transpose()?;
        }
    }
    Ok(())
}

/// Each iteration drops a request for certain, another one at about the time when its answer comes, and then sends one that is
/// answered.
async fn iteration(vu: &Vu, tally: &Tally) -> Result {
    let way = vu.iteration();
    drop_one(vu, tally, way, 0, NEVER, millis(vu.pick(3) as u32)).await?;
    let (delay, patience) = (Duration::from_micros(vu.pick(4_000) as u64), millis(vu.pick(4) as u32));
    drop_one(vu, tally, way / 4, 2, delay, patience).await?;
    Tagged::new(vu, 4, Duration::from_micros(vu.pick(500) as u64)).send(vu).await?;
    tally.note(Some(()), 1);
    Ok(())
}

async fn cancel(server: &Echo, http: Http, iterations: u64) {
    let tally = Arc::<Tally>::default();
    let shared = Arc::clone(&tally);
    let scenario = Scenario::new("fickle", async move |vu: &Vu| iteration(vu, &shared).await);
    let test = LoadTest::new().base_url(server.url()).http(http).seed(7);
    let executor = per_vu_iterations(iterations / VUS).vus(VUS);
    let report = test.scenario(scenario.executor(executor)).run().await.unwrap();
    assert_eq!(report.errors(), []);
    let (answered, dropped) = (tally.answered.load(Ordering::SeqCst), tally.dropped.load(Ordering::SeqCst));
    let cancelled = report.count(HTTP_REQS.tag("error", "cancelled"));
    let abandoned = report.count(HTTP_REQ_ABANDONED);
    println!("{answered} answered, {cancelled} cancelled, {abandoned} abandoned before they were sent");
    assert!(dropped >= iterations, "{dropped}");
    assert_eq!(cancelled + abandoned, dropped as f64);
    assert_eq!(report.count(HTTP_REQS), answered as f64 + cancelled);
    // Nothing else went wrong.
    assert_eq!(report.count(HTTP_REQS.tag("error_code", "1000")), cancelled);
}

#[tokio::test]
async fn ten_thousand_dropped_requests_close_their_connections_and_no_answer_goes_astray() {
    const TEST: &str =
        "faults::cancelled::ten_thousand_dropped_requests_close_their_connections_and_no_answer_goes_astray";
    let _quiet = quiet().await;
    if !is_alone(TEST) {
        return;
    }
    let server = Echo::http1().await;
    cancel(&server, Http::new(), 500).await;
    let start = Footprint::now();
    cancel(&server, Http::new(), 10_000).await;
    start.is_back(4 << 10).await;
    server.has_been_left().await;
    // What is dropped is closed at once, and not when the run is over: never are more open than are in use.
    assert!(server.most_open() <= 6 * VUS, "{server:?}");
}

#[tokio::test]
async fn ten_thousand_dropped_requests_reset_their_streams_and_no_answer_goes_astray() {
    const TEST: &str =
        "faults::cancelled::ten_thousand_dropped_requests_reset_their_streams_and_no_answer_goes_astray";
    let _quiet = quiet().await;
    if !is_alone(TEST) {
        return;
    }
    let server = Echo::http2().await;
    let http = || Http::new().versions(HttpVersions::Http2);
    cancel(&server, http(), 500).await;
    let start = Footprint::now();
    cancel(&server, http(), 10_000).await;
    start.is_back(4 << 10).await;
    server.has_been_left().await;
    // The connection stays: one for each VU and run, and a few that were given up before they were open.
    assert!(server.connections() <= 6 * VUS, "{server:?}");
}

#[tokio::test]
async fn what_a_hard_stop_cuts_is_cancelled_too() {
    for (server, versions) in
        [(Echo::http1().await, HttpVersions::Http1), (Echo::http2().await, HttpVersions::Http2)]
    {
        let scenario = Scenario::new("cut", async |vu: &Vu| {
            let (a, b) = (Tagged::new(vu, 0, NEVER), Tagged::new(vu, 1, NEVER));
            tokio::try_join!(a.send(vu), b.send(vu))?;
            Ok(())
        });
        let executor = constant_vus(20, millis(500)).graceful_stop(Duration::ZERO);
        let test = LoadTest::new().base_url(server.url()).http(Http::new().versions(versions));
        let report = test.scenario(scenario.executor(executor)).run().await.unwrap();
        assert_eq!(report.errors(), []);
        assert_eq!(report.count(INTERRUPTED_ITERATIONS), 20.0, "{versions:?}");
        assert_eq!(report.count(HTTP_REQS.tag("error", "cancelled")), 40.0, "{versions:?}");
        assert_eq!(report.count(HTTP_REQS), 40.0, "{versions:?}");
        server.has_been_left().await;
        assert_eq!(server.left(), 40, "{server:?}");
    }
}
