//! Promise: the phases of a request are what the server made of them: name lookup, connect, TLS handshake, first byte and body,
//! on new and on reused connections. The server notes what it really did; the median of 20 requests reads the same within
//! 1 ms + 5%.

mod network;
mod slow;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use loadcore::http::{Dns, HTTP_REQ_LOOKING_UP, HTTP_REQ_TLS_HANDSHAKING, Http, HttpVersions, Timings, Tls};
use loadcore::prelude::*;
use testbed::Authority;

use self::slow::{Delays, Slow};
use crate::support::{in_some_round, measuring};

const REQUESTS: u64 = 20;
const LOOKUP: Duration = Duration::from_millis(25);
const DELAYS: Delays = Delays {
    hello: Duration::from_millis(50),
    first_byte: Duration::from_millis(40),
    body: Duration::from_millis(30),
};

/// Sends so many requests, one after the other with a pause, and hands out their phases.
async fn measure(url: &str, http: Http, requests: u64, pause: Duration) -> (Vec<Timings>, Report) {
    let seen = Arc::<Mutex<Vec<Timings>>>::default();
    let (noted, url) = (Arc::clone(&seen), url.to_owned());
    let scenario = Scenario::new("measure", async move |vu: &Vu| {
        let response = vu.get(&url).send().await?;
        assert_eq!(response.bytes().len(), slow::BODY);
        noted.lock().unwrap().push(*response.timings());
        tokio::time::sleep(pause).await;
        Ok(())
    });
    let executor = per_vu_iterations(requests).vus(1);
    let report = LoadTest::new().http(http).scenario(scenario.executor(executor)).run().await.unwrap();
    assert_eq!(report.errors(), []);
    let timings = seen.lock().unwrap().clone();
    (timings, report)
}

fn median(durations: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<_> = durations.collect();
    all.sort();
    let half = all.len() / 2;
    if all.len() % 2 == 0 { (all[half - 1] + all[half]) / 2 } else { all[half] }
}

/// Whether what was read is what was injected, within 1 ms + 5%.
fn reads(phase: &str, read: Duration, injected: Duration) -> Result<(), String> {
    println!("{phase}: {read:?} of {injected:?}");
    let tolerance = millis(1) + injected / 20;
    if read.abs_diff(injected) <= tolerance {
        return Ok(());
    }
    Err(format!("{phase} reads {read:?}, but {injected:?} was injected"))
}

/// Whether the phases are right that the server takes part in on every connection.
fn are_served(over: &str, timings: &[Timings], server: &Slow) -> Result<(), String> {
    let stamps = server.last_stamps(timings.len());
    let phase = |of: fn(&Timings) -> Duration| median(timings.iter().map(of));
    let injected = |of: fn(&slow::Stamps) -> Duration| median(stamps.iter().map(of));
    reads(&format!("waiting ({over})"), phase(|t| t.waiting), injected(|s| s.first_byte))?;
    reads(&format!("receiving ({over})"), phase(|t| t.receiving), injected(|s| s.body))?;
    let both = injected(|stamps| stamps.first_byte + stamps.body);
    reads(&format!("duration ({over})"), phase(Timings::duration), both)?;
    reads(&format!("sending ({over})"), phase(|t| t.sending), Duration::ZERO)
}

/// A resolver that takes its time, and notes how long it took.
fn slow_lookups() -> (Dns, Arc<Mutex<Vec<Duration>>>) {
    let took = Arc::<Mutex<Vec<Duration>>>::default();
    let notes = Arc::clone(&took);
    let dns = Dns::new().ttl(Duration::ZERO).resolver(async move |_: &str| {
        let begun = Instant::now();
        tokio::time::sleep(LOOKUP).await;
        notes.lock().unwrap().push(begun.elapsed());
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    });
    (dns, took)
}

#[tokio::test]
async fn a_new_connection_shows_its_lookup_its_handshake_and_what_followed() {
    let _measuring = measuring().await;
    let authority = Authority::new();
    let server = Slow::start(DELAYS, Some(&authority.server(&["slow.test"])));
    let url = format!("https://slow.test:{}/", server.port());
    in_some_round(async || {
        let (dns, lookups) = slow_lookups();
        let tls = Tls::new().root_certificates(authority.pem());
        let http = Http::new().dns(dns).tls(tls).versions(HttpVersions::Http1).no_connection_reuse(true);
        let (timings, report) = measure(&url, http, REQUESTS, Duration::ZERO).await;

        let looked_up = median(lookups.lock().unwrap().iter().copied());
        let hello = median(server.last_stamps(timings.len()).iter().map(|stamps| stamps.hello));
        let phase = |of: fn(&Timings) -> Duration| median(timings.iter().map(of));
        reads("looking up", phase(|t| t.looking_up), looked_up)?;
        reads("TLS handshake", phase(|t| t.tls_handshaking), hello)?;
        reads("connecting", phase(|t| t.connecting), Duration::ZERO)?;
        let until_connected = phase(|t| t.looking_up + t.connecting + t.tls_handshaking);
        reads("blocked", phase(|t| t.blocked), until_connected)?;
        are_served("new connection", &timings, &server)?;

        // What the report says is what the responses said.
        let reported =
            |metric: Trend<loadcore::metric::Time>| Duration::from_secs_f64(report.value(metric.p(50)) / 1e3);
        reads("looking up, as reported", reported(HTTP_REQ_LOOKING_UP), looked_up)?;
        reads("TLS handshake, as reported", reported(HTTP_REQ_TLS_HANDSHAKING), hello)?;
        reads("waiting, as reported", reported(HTTP_REQ_WAITING), phase(|t| t.waiting))?;
        reads("receiving, as reported", reported(HTTP_REQ_RECEIVING), phase(|t| t.receiving))
    })
    .await;
}

#[tokio::test]
async fn a_reused_connection_shows_what_the_server_did_and_no_connecting() {
    let _measuring = measuring().await;
    let authority = Authority::new();
    let identity = authority.server(&["localhost"]);
    for identity in [None, Some(&identity)] {
        let scheme = if identity.is_some() { "https" } else { "http" };
        in_some_round(async || {
            let server = Slow::start(DELAYS, identity);
            let url = format!("{scheme}://localhost:{}/", server.port());
            let http = Http::new().tls(Tls::new().root_certificates(authority.pem()));
            let (timings, _) = measure(&url, http, REQUESTS + 1, Duration::ZERO).await;
            assert!(timings[0].connecting > Duration::ZERO);
            assert_eq!(server.connections(), 1);
            let reused = &timings[1..];
            for timings in reused {
                let none = [timings.looking_up, timings.connecting, timings.tls_handshaking];
                assert_eq!(none, [Duration::ZERO; 3], "{timings:?}");
            }
            if let Some(late) = reused.iter().find(|timings| timings.blocked >= millis(5)) {
                return Err(format!("blocked on a connection that was there: {late:?}"));
            }
            are_served(scheme, reused, &server)
        })
        .await;
    }
}
