//! The cases: what the VUs have in hand while they wait, and what is promised of it.

use crate::address;
use crate::server::{ADDRESSES, Ports, Served};
use clap::ValueEnum;
use loadcore::plan::Executor;
use loadcore::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So long waits a VU that shall wait until the test ends.
const FOREVER: Duration = Duration::from_secs(3600);
/// VUs that start in a second.
const A_SECOND: u64 = 1000;

/// What the VUs have in hand while they wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Case {
    /// A keep-alive connection: a GET, 10 s of sleep, again and again.
    Connected,
    /// The same over TLS.
    Tls,
    /// All that a request needs but a connection, which the server has closed after the one GET.
    Closed,
    /// Nothing yet: they sleep before their first request.
    Waiting,
}

/// What a load test says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Resident before the test.
    pub(crate) base_kib: u64,
    /// The most that was resident.
    pub(crate) peak_kib: u64,
    /// The most VUs at once.
    pub(crate) vus: u64,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// Iterations that failed.
    pub(crate) failed_iterations: u64,
    /// Iterations that the end of the test has cut.
    pub(crate) interrupted: u64,
    /// The first of its errors, and what the generator says of itself.
    pub(crate) remarks: Vec<String>,
}

impl Outcome {
    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / 1024.0
    }

    /// All that the test has taken, by its VUs.
    pub(crate) fn kib_each(&self) -> f64 {
        self.peak_kib.saturating_sub(self.base_kib) as f64 / self.vus.max(1) as f64
    }
}

impl Case {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Tls => "tls",
            Self::Closed => "closed",
            Self::Waiting => "waiting",
        }
    }

    pub(crate) fn vus(self) -> u64 {
        match self {
            Self::Connected | Self::Tls => 15_000,
            Self::Closed | Self::Waiting => 50_000,
        }
    }

    /// What a VU costs at most, in KiB.
    pub(crate) fn bound(self) -> f64 {
        match self {
            Self::Tls => 16.0,
            Self::Connected | Self::Closed | Self::Waiting => 4.0,
        }
    }

    pub(crate) fn keeps_connection(self) -> bool {
        matches!(self, Self::Connected | Self::Tls)
    }

    /// Up, hold, down. VUs with a connection end their last iteration in peace; the others are cut.
    pub(crate) fn executor(self, vus: u64, hold: u64) -> Executor {
        let rise = secs(vus.div_ceil(A_SECOND).min(15) as f64);
        let stages = |down| ramping_vus([(rise, vus), (secs(hold as f64), vus), (secs(down), 0)]);
        if self.keeps_connection() {
            stages(10.0).into()
        } else {
            stages(5.0).graceful_ramp_down(Duration::ZERO).graceful_stop(Duration::ZERO)
        }
    }

    pub(crate) async fn journey(self, vu: &Vu, ports: Ports) -> Result {
        let host = address(1 + (vu.id() % u64::from(ADDRESSES)) as u8);
        let Ports { plain, tls } = ports;
        // One name for all addresses: what is measured is the memory of VUs, not of series.
        let get = async |url: String| vu.get(url).name("GET").send().await.map(drop);
        match self {
            Self::Connected => {
                get(format!("http://{host}:{plain}/")).await?;
                vu.sleep(secs(10)).await;
            }
            Self::Tls => {
                get(format!("https://{host}:{tls}/")).await?;
                vu.sleep(secs(10)).await;
            }
            Self::Closed => {
                get(format!("http://{host}:{plain}/close")).await?;
                vu.sleep(FOREVER).await;
            }
            Self::Waiting => {
                vu.sleep(FOREVER).await;
                get(format!("http://{host}:{plain}/")).await?;
            }
        }
        Ok(())
    }

    /// Whether the test was what it should be; what it has cost is not judged.
    pub(crate) fn judge(self, vus: u64, outcome: &Outcome, served: &Served) -> Vec<String> {
        let mut broken = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                broken.push(what);
            }
        };
        let Outcome { failed, failed_iterations, interrupted, requests, .. } = *outcome;
        expect(failed == 0, format!("{failed} requests failed"));
        expect(failed_iterations == 0, format!("{failed_iterations} iterations failed"));
        expect(outcome.vus == vus, format!("there were only {} VUs at once", outcome.vus));
        expect(served.answers == requests, format!("the server answered {}", served.answers));
        if self.keeps_connection() {
            expect(interrupted == 0, format!("{interrupted} iterations were cut"));
            let open = served.connections;
            expect(open == vus, format!("{open} connections were open at once, not {vus}"));
        } else {
            let one_each = if self == Self::Closed { vus } else { 0 };
            expect(requests == one_each, format!("{one_each} requests were due"));
        }
        broken
    }
}
