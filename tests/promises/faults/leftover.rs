//! Bytes that a server sends beyond a response are nobody's: never the next request's answer.

use std::time::Duration;

use loadcore::http::{Http, Tls};
use loadcore::prelude::*;
use testbed::misbehaving::{self, Misbehaving, Script, Step};
use testbed::{Authority, wire};

use crate::support::in_some_round;

const WRONG: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong";

/// Answers one request, and then some: together with the answer, or so long after it. Whoever asks on the same connection
/// again gets no better answer.
fn says_too_much(later: Option<Duration>) -> Script {
    let right = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    match later {
        None => vec![Step::ReadRequest, Step::Send([right, WRONG].concat().into()), Step::Hang],
        Some(pause) => vec![
            Step::ReadRequest,
            Step::Send(right.as_slice().into()),
            Step::Wait(pause),
            Step::Send(WRONG.into()),
            Step::Hang,
        ],
    }
}

/// How often each is tried.
const ROUNDS: u64 = 8;

/// How a journey takes the first answer.
#[derive(Debug, Clone, Copy)]
enum Taking {
    Whole,
    Discarded,
    Streamed,
    /// Without asking for more than the last piece.
    JustItsPieces,
}

impl Taking {
    const ALL: [Self; 4] = [Self::Whole, Self::Discarded, Self::Streamed, Self::JustItsPieces];
}

async fn take(vu: &Vu, taking: Taking) -> Result {
    let request = vu.get("/first").timeout(secs(10));
    match taking {
        Taking::Whole => assert_eq!(request.send().await?.text()?, "ok"),
        Taking::Discarded => assert_eq!(request.discard_body(true).send().await?.status(), 200),
        Taking::Streamed | Taking::JustItsPieces => {
            let (mut response, mut body) = (request.send_streaming().await?, Vec::new());
            while matches!(taking, Taking::Streamed) || body.len() < 2 {
                let Some(piece) = response.chunk().await? else { break };
                body.extend_from_slice(&piece);
            }
            assert_eq!(body, b"ok");
        }
    }
    Ok(())
}

fn too_short() -> Script {
    vec![
        Step::ReadRequest,
        Step::Send(wire::response(200, "text/plain", b"ok").into()),
        Step::Send(WRONG.into()),
        Step::Hang,
    ]
}

/// Each connection that says too much is followed by one that is asked for the next request; what was wrong about it.
async fn asks_next(
    script: &Script,
    pause: Duration,
    taking: Taking,
    authority: Option<&Authority>,
) -> std::result::Result<(), String> {
    let right = vec![
        Step::ReadRequest,
        Step::Send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nright".into()),
        Step::Close,
    ];
    let scripts = (0..ROUNDS).flat_map(|_| [script.clone(), right.clone()]);
    let (server, http) = match authority {
        None => (Misbehaving::start(scripts).await.unwrap(), Http::new()),
        Some(authority) => {
            let server = Misbehaving::start_tls(&authority.server(&["localhost"]), scripts).await.unwrap();
            (server, Http::new().tls(Tls::new().root_certificates(authority.pem())))
        }
    };
    let scenario = Scenario::new("next", async move |vu: &Vu| {
        take(vu, taking).await?;
        if pause > Duration::ZERO {
            vu.sleep(pause).await;
        }
        // A request that was not written on the old connection goes over a new one, whatever its method.
        let next =
            if vu.iteration().is_multiple_of(2) { vu.get("/next") } else { vu.post("/next").body("x") };
        let text = next.timeout(secs(10)).send().await?.text()?.to_owned();
        if text == "right" { Ok(()) } else { Err(format!("answered with {text}").into()) }
    });
    let test = LoadTest::new().base_url(server.url()).http(http);
    let report = test.scenario(scenario.executor(per_vu_iterations(ROUNDS).vus(1))).run().await.unwrap();
    let (seen, both) = ((server.connections(), server.requests()), 2 * ROUNDS as usize);
    if report.errors().is_empty() && seen == (both, both) {
        return Ok(());
    }
    let with_tls = authority.is_some();
    Err(format!("{script:?}, {taking:?}, with TLS: {with_tls}: {seen:?} {:#?}", report.errors()))
}

#[tokio::test]
async fn what_follows_a_response_is_not_given_to_the_next_request() {
    let authority = Authority::new();
    let junk = vec![
        Step::ReadRequest,
        Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokjunk".into()),
        Step::Hang,
    ];
    for (script, pause) in
        [(says_too_much(None), Duration::ZERO), (says_too_much(None), millis(5)), (junk, Duration::ZERO)]
    {
        for (taking, authority) in Taking::ALL.into_iter().flat_map(|t| [(t, None), (t, Some(&authority))]) {
            asks_next(&script, pause, taking, authority).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_comes_after_a_response_and_before_the_next_request_is_not_its_answer() {
    let authority = Authority::new();
    // Long enough before the next request, if the server has its turn.
    for (script, pause) in [(too_short(), millis(5)), (says_too_much(Some(millis(10))), millis(50))] {
        for (taking, authority) in Taking::ALL.into_iter().flat_map(|t| [(t, None), (t, Some(&authority))]) {
            in_some_round(async || asks_next(&script, pause, taking, authority).await).await;
        }
    }
}

#[tokio::test]
async fn interim_responses_and_an_empty_answer_to_head_are_no_leftovers() {
    let script = vec![
        Step::ReadRequest,
        Step::Send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".into()),
        Step::ReadRequest,
        Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n".into()),
        Step::ReadRequest,
        Step::Send("HTTP/1.1 204 No Content\r\n\r\n".into()),
        Step::Again,
    ];
    let server = Misbehaving::start([script, misbehaving::answers()]).await.unwrap();
    let scenario = Scenario::new("kept", async |vu: &Vu| {
        assert_eq!(vu.get("/").send().await?.text()?, "ok");
        assert_eq!(vu.head("/").send().await?.text()?, "");
        assert_eq!(vu.get("/").send().await?.status(), 204);
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).scenario(scenario.executor(shared_iterations(10)));
    let report = test.run().await.unwrap();
    assert_eq!((report.errors(), server.connections()), (Vec::new(), 1));
}
