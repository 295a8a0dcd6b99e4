//! Bytes that a server sends beyond a response are nobody's: never the next request's answer.

use std::time::Duration;

use loadcore::http::{Http, Tls};
use loadcore::prelude::*;
use testbed::misbehaving::{self, Misbehaving, Script, Step};
use testbed::{Authority, wire};

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

fn too_short() -> Script {
    vec![
        Step::ReadRequest,
        Step::Send(wire::response(200, "text/plain", b"ok").into()),
        Step::Send(WRONG.into()),
        Step::Hang,
    ]
}

#[tokio::test]
async fn what_follows_a_response_is_not_given_to_the_next_request() {
    let authority = Authority::new();
    let identity = authority.server(&["localhost"]);
    let right = vec![
        Step::ReadRequest,
        Step::Send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nright".into()),
        Step::Close,
    ];
    for (script, pause) in [
        (says_too_much(None), Duration::ZERO),
        (says_too_much(None), millis(5)),
        (too_short(), millis(5)),
        // Long enough before the next request.
        (says_too_much(Some(millis(10))), millis(50)),
        (
            vec![
                Step::ReadRequest,
                Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokjunk".into()),
                Step::Hang,
            ],
            Duration::ZERO,
        ),
    ] {
        for with_tls in [false, true] {
            let scripts = (0..20).flat_map(|_| [script.clone(), right.clone()]);
            let server = if with_tls {
                Misbehaving::start_tls(&identity, scripts).await.unwrap()
            } else {
                Misbehaving::start(scripts).await.unwrap()
            };
            let scenario = Scenario::new("next", async move |vu: &Vu| {
                assert_eq!(vu.get("/first").send().await?.text()?, "ok");
                if pause > Duration::ZERO {
                    vu.sleep(pause).await;
                }
                // A request that was not written on the old connection goes over a new one, whatever its method.
                let next = if vu.iteration().is_multiple_of(2) {
                    vu.get("/next")
                } else {
                    vu.post("/next").body("x")
                };
                assert_eq!(next.send().await?.text()?, "right");
                Ok(())
            });
            let http = Http::new().tls(Tls::new().root_certificates(authority.pem()));
            let test = LoadTest::new().base_url(server.url()).http(http);
            let report = test.scenario(scenario.executor(per_vu_iterations(20).vus(1))).run().await.unwrap();
            assert_eq!(report.errors(), [], "{script:?}");
            assert_eq!((server.connections(), server.requests()), (40, 40), "{script:?}");
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
