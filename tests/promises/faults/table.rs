//! The table of faults: whatever a server does in the middle of an exchange ends in time as an error with its kind and code,
//! the VU's next request is served, and nothing is left behind; over HTTP/1.1 and HTTP/2, with and without TLS.

mod connecting;
mod http1;
mod http2;

use std::time::{Duration, Instant};

use loadcore::http::{ErrorKind, Http, SendError};
use loadcore::prelude::*;
use tokio::task::JoinSet;

use super::footprint::{Footprint, most_resident};
use super::front::Front;
use crate::support::{is_alone, only_failed_series, quiet};

/// How long a request waits that is to be kept waiting.
const PATIENCE: Duration = Duration::from_millis(250);

/// A fault that is met a number of times, always by the first of two requests.
struct Bout {
    /// For messages: the fault, and over what.
    name: String,
    /// Where the fault is.
    url: String,
    /// What is asked for then.
    next: String,
    http: Http,
    kind: ErrorKind,
}

impl Bout {
    /// What was other than it should be.
    async fn fight(self, rounds: u64) -> Option<String> {
        let Self { name, url, next, http, kind } = self;
        let journey = Scenario::new("bout", async move |vu: &Vu| {
            meet(vu, kind).await?;
            let next = vu.get(&next).send().await?;
            assert_eq!((next.status().as_u16(), next.text()?), (200, "ok"));
            Ok(())
        });
        let test = LoadTest::new().base_url(url).http(http).cores(1);
        let report = test.scenario(journey.executor(per_vu_iterations(rounds).vus(1))).run().await.unwrap();
        let errors: Vec<_> = report.errors().into_iter().map(|error| error.first).collect();
        let counts = (report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED));
        if !errors.is_empty() || counts != (2.0 * rounds as f64, 0.5) {
            return Some(format!("{name}: {counts:?} {errors:?}"));
        }
        let series = only_failed_series(&report);
        let tags = ["error", "error_code", "status", "expected_response"];
        let tags = tags.map(|tag| series.tag(tag).unwrap_or(""));
        let wanted = [kind.text(), &kind.code().to_string(), "0", ""];
        (tags != wanted).then(|| format!("{name}: {tags:?}"))
    }
}

async fn meet(vu: &Vu, kind: ErrorKind) -> Result {
    let is_slow = kind == ErrorKind::Timeout;
    let timeout = if is_slow { PATIENCE } else { secs(10) };
    let begun = Instant::now();
    let error: SendError = match vu.get("/").timeout(timeout).send().await {
        Ok(response) => return Err(format!("served: {response:?}").into()),
        Err(error) => error,
    };
    if (error.kind(), error.code()) != (kind, kind.code()) {
        return Err(error.into());
    }
    let took = begun.elapsed();
    // What is not to be waited for ends long before its time, and everything else soon after it.
    let most = if is_slow { PATIENCE + secs(2) } else { timeout / 2 };
    if took > most {
        return Err(format!("took {took:?}: {error}").into());
    }
    Ok(())
}

/// All bouts, several at a time.
async fn fight(bouts: impl IntoIterator<Item = Bout>, rounds: u64) {
    let (mut fights, mut lost) = (JoinSet::new(), Vec::new());
    for bout in bouts {
        if fights.len() >= 6 {
            lost.extend(fights.join_next().await.unwrap().unwrap());
        }
        fights.spawn(bout.fight(rounds));
    }
    while let Some(fought) = fights.join_next().await {
        lost.extend(fought.unwrap());
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[tokio::test]
async fn every_fault_ends_under_its_name_the_vu_goes_on_and_nothing_is_left_behind() {
    const TEST: &str =
        "faults::table::every_fault_ends_under_its_name_the_vu_goes_on_and_nothing_is_left_behind";
    let _quiet = quiet().await;
    if !is_alone(TEST) {
        return;
    }
    // What is allocated once for all is there afterwards.
    round(1).await;
    let start = Footprint::now();
    for _ in 0..2 {
        round(3).await;
        start.is_back(4 << 10).await;
    }
    let most = most_resident();
    println!("at most {most} KiB");
    assert!(most < 100 << 10, "a server made this process use {most} KiB");
}

/// Each fault so many times, each time with a server of its own.
async fn round(rounds: u64) {
    let (_connecting, bouts) = connecting::bouts().await;
    fight(bouts, rounds).await;
    let (_plain, bouts) = http1::bouts(false, rounds).await;
    fight(bouts, rounds).await;
    let (_tls, bouts) = http1::bouts(true, rounds).await;
    fight(bouts, rounds).await;
    let (_http2, bouts) = http2::bouts(false, rounds).await;
    fight(bouts, rounds).await;
    let (_http2, bouts) = http2::bouts(true, rounds).await;
    fight(bouts, rounds).await;
}
