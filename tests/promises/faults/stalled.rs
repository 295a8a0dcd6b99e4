//! A server that begins to answer and then says no more: all the time it took is the request's.

use std::time::Duration;

use futures_util::future::join_all;
use loadcore::http::{ErrorKind, Http, SendError};
use loadcore::prelude::*;
use testbed::Misbehaving;
use testbed::misbehaving::Step;

use crate::support::{once, sound};

const STALL: Duration = Duration::from_millis(300);

/// What has come of the answer when it stalls.
const BEGINNINGS: [&str; 5] = [
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-le",
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
];

/// How a journey takes an answer.
#[derive(Debug, Clone, Copy)]
enum Taking {
    Whole,
    Discarded,
    Streamed,
}

async fn take(vu: &Vu, taking: Taking, timeout: Duration) -> Result<(), SendError> {
    let request = vu.get("/").timeout(timeout);
    match taking {
        Taking::Whole => request.send().await.map(drop),
        Taking::Discarded => request.discard_body(true).send().await.map(drop),
        Taking::Streamed => {
            let mut response = request.send_streaming().await?;
            while response.chunk().await?.is_some() {}
            Ok(())
        }
    }
}

/// What is wrong with the times of a request whose answer stalls after this, and ends like this.
async fn stall(beginning: &'static str, end: Step, taking: Taking) -> Option<String> {
    let (kind, timeout) = match end {
        Step::Hang => (ErrorKind::Timeout, STALL),
        Step::Reset => (ErrorKind::ConnectionReset, secs(30)),
        _ => (ErrorKind::ConnectionClosed, secs(30)),
    };
    let case = format!("{beginning:?}, {end:?}, {taking:?}");
    let mut script = vec![Step::ReadRequest, Step::Send(beginning.into())];
    if kind != ErrorKind::Timeout {
        script.push(Step::Wait(STALL));
    }
    script.push(end);
    let server = Misbehaving::start([script]).await.unwrap();
    let report = once(&server.url(), Http::new(), async move |vu: &Vu| {
        assert_eq!(take(vu, taking, timeout).await.unwrap_err().kind(), kind);
        Ok(())
    })
    .await;
    sound(&report);
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (1.0, 1.0), "{case}");
    let of = |metric: Trend<loadcore::metric::Time>| report.value(metric.tag("error", kind.text()).max());
    // Connecting was within the timeout as well, and took some of it.
    let (blocked, duration) = (of(HTTP_REQ_BLOCKED), of(HTTP_REQ_DURATION));
    let phases = of(HTTP_REQ_SENDING) + of(HTTP_REQ_WAITING) + of(HTTP_REQ_RECEIVING);
    let is_told = blocked + duration >= 300.0 && (phases - duration).abs() < 1.0;
    (!is_told).then(|| format!("{case}: {blocked} ms blocked, {duration} ms in all, {phases} in its phases"))
}

#[tokio::test]
async fn a_stall_after_the_first_byte_is_part_of_the_request() {
    let mut stalls = Vec::new();
    for beginning in BEGINNINGS {
        for end in [Step::Hang, Step::Close, Step::Reset] {
            let takings = [Taking::Whole, Taking::Discarded, Taking::Streamed];
            stalls.extend(takings.map(|taking| stall(beginning, end.clone(), taking)));
        }
    }
    let wrong: Vec<_> = join_all(stalls).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
