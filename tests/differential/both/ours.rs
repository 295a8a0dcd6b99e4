//! Through loadcore's connection.

use std::time::Duration;

use http::Method;
use loadcore::http::{ErrorKind, Exchanged, Http1};

use super::drive::drive;
use super::script::SECOND;
use super::{Case, Outcome, Reading, Reply, Script, Seen};

/// No timer is ever due: see `drive`.
const ENOUGH: Duration = Duration::from_secs(3600);

/// What a server's bytes may come to, if not to a response.
const REFUSALS: [ErrorKind; 4] = [
    ErrorKind::InvalidResponse,
    ErrorKind::HeadTooLarge,
    ErrorKind::ConnectionClosed,
    ErrorKind::SwitchedProtocols,
];

pub(crate) fn read(case: &Case) -> Seen {
    let mut connection = Http1::new(Script::of(case));
    let (outcome, keeps_alive) = exchange(&mut connection, &case.method, case.reading);
    // What stalls is there when it is asked for once more: later than that no client could know of it.
    let is_kept = keeps_alive && (0..2).all(|_| drive(connection.is_usable()) == Some(true));
    if is_kept {
        check_second(case, exchange(&mut connection, &Method::GET, Reading::Kept).0);
    }
    Seen { outcome, is_kept }
}

fn exchange(connection: &mut Http1<Script>, method: &Method, reading: Reading) -> (Outcome, bool) {
    let exchanged = match reading {
        Reading::Kept => drive(connection.exchange(method, "/", ENOUGH)),
        Reading::Discarded => drive(connection.discard(method, "/", ENOUGH)),
        Reading::Pieces => drive(connection.stream(method, "/", ENOUGH)),
    };
    match exchanged {
        None => (Outcome::Waits, false),
        Some(Err((kind, text))) => {
            assert!(REFUSALS.contains(&kind), "an error of another kind: {kind:?}: {text}");
            (Outcome::Refused(format!("{kind:?}: {text}")), false)
        }
        Some(Ok(Exchanged { status, version, headers, body, keeps_alive })) => {
            let body = body.to_vec();
            (Outcome::Read(Reply { status, version, headers, body }), keeps_alive)
        }
    }
}

/// A connection that is kept was at the end of its response: the next answer is the next request's.
fn check_second(case: &Case, second: Outcome) {
    let Outcome::Read(second) = second else { panic!("no second answer but {second:?}: {case:?}") };
    let is_right = second.status == 299 && SECOND.ends_with(&second.body) && second.body.len() == 6;
    assert!(is_right, "another answer than the second: {second:?}: {case:?}");
}
