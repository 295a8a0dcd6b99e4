//! Connecting over a network that takes its time, in a network namespace of the test's own.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Output};
use std::time::Duration;

use loadcore::http::Http;
use loadcore::prelude::*;
use testbed::real;

use super::slow::{Delays, Slow};
use super::{REQUESTS, are_served, measure, median, reads};
use crate::support::{in_some_round, measuring};

/// Says inside the namespace what its network does.
const INSIDE: &str = "LOADCORE_TEST_NETWORK";
/// What no namespace with such a network can be made for ends with this.
const CANNOT: i32 = 42;

/// Makes the network with programs that an ordinary user's `PATH` leaves out, and starts the test in it again: it is this script's standard input.
///
/// netem delays each packet: a connect, one way and back, by twice of that. Some kernels are built without it. There a token
/// bucket does the same for packets that open connections, and for no others: each has 74 bytes on the loopback device. The
/// first of a pair takes its tokens from a full bucket of 100, the second one waits for the 48 that are missing, one in each
/// millisecond. After 100 ms the bucket is full again.
const SCRIPT: &str = r#"
PATH="$PATH:/usr/sbin:/sbin"
ip link set lo up || exit 42
if tc qdisc add dev lo root netem delay 20ms 2>/dev/null; then
    export LOADCORE_TEST_NETWORK="netem 40 40"
else
    { tc qdisc add dev lo root handle 1: htb default 1 &&
      tc class add dev lo parent 1: classid 1:1 htb rate 10gbit quantum 60000 &&
      tc class add dev lo parent 1: classid 1:2 htb rate 10gbit quantum 60000 &&
      tc qdisc add dev lo parent 1:2 handle 2: tbf rate 8kbit burst 100 limit 10000 &&
      tc filter add dev lo parent 1: protocol ip u32 match u8 6 0xff at 9 match u8 0x02 0x02 at 33 flowid 1:2
    } || exit 42
    export LOADCORE_TEST_NETWORK="tbf 48 0"
fi
exec /proc/self/fd/0 --exact "$1" --nocapture
"#;

/// What the script needs.
const PROGRAMS: [&str; 3] = ["unshare", "ip", "tc"];

const TEST: &str = "timings::network::a_new_connection_shows_how_long_the_network_took_to_connect";

#[tokio::test]
async fn a_new_connection_shows_how_long_the_network_took_to_connect() {
    match std::env::var(INSIDE) {
        Ok(network) => connects(&network).await,
        Err(_) => {
            let _measuring = measuring().await;
            if PROGRAMS.into_iter().all(|program| real(program).is_some()) {
                again_inside();
            }
        }
    }
}

/// What a network does, such as `netem 40 40`: by how many milliseconds it delays a connect, and a request with its response.
async fn connects(network: &str) {
    let [_, connect, exchange] = network.split(' ').collect::<Vec<_>>()[..] else { panic!("{network}") };
    let [connect, exchange] = [connect, exchange].map(|number| millis(number.parse::<u32>().unwrap()));
    let delays = Delays { first_byte: millis(20), body: millis(20), ..Delays::default() };
    let server = Slow::start(delays, None);
    let url = format!("http://127.0.0.1:{}/", server.port());
    in_some_round(async || {
        let http = Http::new().no_connection_reuse(true);
        let (mut timings, _) = measure(&url, http, REQUESTS, millis(120)).await;
        reads("connecting", median(timings.iter().map(|t| t.connecting)), connect)?;
        reads("blocked", median(timings.iter().map(|t| t.blocked)), connect)?;
        // The network's part, which the server knows nothing of.
        timings.iter_mut().for_each(|timings| timings.waiting = timings.waiting.saturating_sub(exchange));
        are_served(network, &timings, &server)
    })
    .await;
    let (reused, _) = measure(&url, Http::new(), 3, Duration::ZERO).await;
    assert_eq!([reused[1].connecting, reused[2].connecting], [Duration::ZERO; 2]);
}

fn again_inside() {
    // Root needs no namespace of users around it.
    let attempts = [&["-n"][..], &["-rn"][..]].map(start);
    let ran = attempts.into_iter().find(|run| run.as_ref().is_ok_and(|run| !cannot(run)));
    match ran {
        Some(Ok(run)) => {
            let [out, err] = [&run.stdout, &run.stderr].map(|text| String::from_utf8_lossy(text));
            assert!(run.status.success() && out.contains("1 passed"), "{out}\n{err}");
            println!("{out}");
        }
        _ => skip(),
    }
}

fn start(namespaces: &[&str]) -> std::io::Result<Output> {
    // Not its path: a build may have replaced the file meanwhile.
    let own = File::open("/proc/self/exe")?;
    Command::new("unshare").args(namespaces).args(["sh", "-c", SCRIPT, "sh", TEST]).stdin(own).output()
}

/// `unshare` itself says 1.
fn cannot(run: &Output) -> bool {
    matches!(run.status.code(), Some(CANNOT | 1))
}

/// A right that this machine does not give, and a kernel without these parts, cannot be installed: so this is no failure, also
/// where no program may be missing.
fn skip() {
    let lacks = "no network namespace with a slow network is to be had here: it takes the right to make one, and a kernel \
                 with netem, or with htb, tbf and u32";
    // Past the test harness, which would keep it to itself.
    let line = format!("\nSKIPPED {TEST}: {lacks}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
}
