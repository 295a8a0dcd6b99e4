//! The HTTP/1.1 connection and hyper's see the same bytes, cut at the same places, and must come to the same response and to the
//! same decision about the connection, whether the body is kept, thrown away or taken in pieces.
//!
//! Where they may differ, the table in `both/allowed.rs` says so, with the reason.

mod both;
mod buffers;
mod documented;
mod generate;
mod stock;

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use both::{ALLOWED, Case, Compared, Outcome, Reading, Verdict, compare};
use generate::Random;

/// How often what came out.
#[derive(Default, Debug)]
struct Tally {
    read: u64,
    refused: u64,
    waits: u64,
    kept: u64,
    allowed: BTreeMap<&'static str, u64>,
}

/// `SEED` in the environment repeats a run.
fn seed(default: u64) -> u64 {
    std::env::var("SEED").map_or(default, |text| text.parse().expect("SEED is a number"))
}

fn run(cases: u64, seed: u64) -> Tally {
    let mut tally = Tally::default();
    for number in 0..cases {
        let Compared { ours, verdict, .. } = compare(&Case::random(&mut Random::new(seed, number)));
        match ours.outcome {
            Outcome::Read(_) => tally.read += 1,
            Outcome::Refused(_) => tally.refused += 1,
            Outcome::Waits => tally.waits += 1,
        }
        tally.kept += u64::from(ours.is_kept);
        if let Verdict::Allowed(name) = verdict {
            *tally.allowed.entry(name).or_default() += 1;
        }
    }
    println!("{cases} cases of seed {seed}: {tally:#?}");
    // A generator that only makes nonsense, or only what is valid, would prove nothing.
    let Tally { read, refused, kept, .. } = tally;
    assert!(read > cases / 4 && refused > cases / 10 && kept > cases / 20, "{tally:?}");
    tally
}

#[test]
fn both_clients_come_to_the_same_response() {
    run(5_000, seed(9112));
}

#[test]
#[ignore = "takes a minute; SEED repeats a run"]
fn both_clients_come_to_the_same_response_a_hundred_thousand_times() {
    let seed = seed(UNIX_EPOCH.elapsed().unwrap().as_secs());
    println!("seed {seed}");
    let tally = run(100_000, seed);
    for allowed in ALLOWED {
        assert!(tally.allowed.contains_key(allowed.name), "no case has shown it: {}", allowed.name);
    }
}

#[test]
fn each_allowed_difference_is_one() {
    for allowed in ALLOWED {
        let example = (allowed.example)();
        let cuts = vec![example.bytes.len() / 2, example.bytes.len() - 1];
        for reading in Reading::ALL {
            let verdict = compare(&Case { cuts: cuts.clone(), reading, ..example.clone() }).verdict;
            assert_eq!(verdict, Verdict::Allowed(allowed.name), "{}", allowed.why);
        }
    }
}

/// A row that held further than its reason would excuse what is wrong.
#[test]
fn long_trailers_differ_in_two_bytes_and_no_more() {
    const MOST: usize = 16 << 10;
    for len in MOST - 6..MOST + 3 {
        let trailer = "t".repeat(len - 4);
        let bytes = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\na:{trailer}\r\n\r\n");
        for reading in Reading::ALL {
            let Compared { ours, verdict, .. } = compare(&Case { reading, ..Case::of(bytes.as_str()) });
            assert_eq!(matches!(ours.outcome, Outcome::Read(_)), len <= MOST, "{len}");
            let differs = (MOST - 2..=MOST).contains(&len);
            let expected = if differs { Verdict::Allowed("trailers of just 16 KiB") } else { Verdict::Same };
            assert_eq!(verdict, expected, "{len}");
        }
    }
}

/// What a server must not get away with: neither client takes it, whatever the table allows.
#[test]
fn what_smuggles_is_refused_by_both() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\ncontent-length : 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\nx\n0\n\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n",
    ] {
        for reading in Reading::ALL {
            let Compared { ours, hyper, .. } = compare(&Case { reading, ..Case::of(head) });
            for seen in [ours, hyper] {
                assert!(matches!(seen.outcome, Outcome::Refused(_)), "{head:?} {reading:?} {seen:?}");
            }
        }
    }
}

/// The server closes the connection or does not, and the body is read in each way.
fn ways() -> impl Iterator<Item = (bool, Reading)> {
    Reading::ALL.into_iter().flat_map(|reading| [(true, reading), (false, reading)])
}

/// Whatever the two agree on: none of these connections may carry another request, for nobody knows where its answer begins, or
/// the server has said that it is the last.
#[test]
fn a_connection_that_is_not_at_the_end_of_its_response_is_never_kept() {
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx";
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    let empty = "HTTP/1.1 204 No Content\r\n\r\n";
    let mut responses = vec![
        "HTTP/1.1 200 OK\r\n\r\nuntil close".to_owned(),
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx".to_owned(),
        "HTTP/1.1 200 OK\r\nconnection: keep-alive, Close\r\ncontent-length: 1\r\n\r\nx".to_owned(),
        "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx".to_owned(),
        "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
    ];
    for response in [whole, chunks, empty] {
        responses.extend(
            ["\r\n", "x", "\0", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]
                .map(|rest| format!("{response}{rest}")),
        );
    }
    for response in &responses {
        // In one piece, with what is too much for itself, and byte by byte.
        for cuts in [vec![], vec![response.len() - 1], (1..response.len()).collect()] {
            for (closes, reading) in ways() {
                let case = Case { cuts: cuts.clone(), closes, reading, ..Case::of(response.as_str()) };
                let ours = compare(&case).ours;
                assert!(!ours.is_kept, "{case:?} {ours:?}");
            }
        }
    }
    for response in [whole, chunks, empty] {
        for (closes, reading) in ways() {
            let ours = compare(&Case { closes, reading, ..Case::of(response) }).ours;
            assert_eq!(ours.is_kept, !closes, "{response:?} {reading:?} {ours:?}");
        }
    }
}
