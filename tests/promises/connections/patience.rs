//! How long each step may take.

use super::door::{Door, failure, run, sound};
use crate::support::{full, quiet};
use futures_util::future::join;
use futures_util::{Stream, StreamExt as _, stream};
use loadcore::http::{Dns, DnsPolicy, ErrorKind, HTTP_REQ_SENDING, HTTP_REQ_WAITING, Http};
use loadcore::prelude::*;
use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;
use testbed::Misbehaving;
use testbed::misbehaving::{Step, answers, never_answers};
use tokio::net::TcpListener;

async fn request(vu: &Vu) -> Result {
    vu.get("/").send().await?;
    Ok(())
}

#[tokio::test]
async fn a_connect_that_takes_too_long_says_so() {
    let (listener, _waiting) = full("127.0.0.1:0").await;
    let url = format!("http://{}", listener.local_addr().unwrap());
    let report = run(&url, Http::new().connect_timeout(millis(300)), 1, async |vu: &Vu| {
        let sent = vu.get("/").send().await;
        assert!((millis(300)..secs(2)).contains(&vu.elapsed()), "{:?}", vu.elapsed());
        sent?;
        Ok(())
    });
    let (code, error, _) = failure(&report.await);
    assert_eq!((code.as_str(), error.as_str()), ("1211", "connect timeout"));
}

#[tokio::test]
async fn the_other_kind_of_address_is_tried_while_the_first_is_silent() {
    let _quiet = quiet().await;
    let door = Door::open("127.0.0.1").await;
    let (_listener, _waiting) = full(&format!("[::1]:{}", door.port)).await;
    let both = vec!["::1".parse().unwrap(), IpAddr::from([127, 0, 0, 1])];
    let dns = Dns::new().policy(DnsPolicy::PreferIpv6).resolver(async move |_: &str| Ok(both.clone()));
    let url = format!("http://shop.test:{}", door.port);
    let report = run(&url, Http::new().dns(dns), 1, async |vu: &Vu| {
        let response = vu.get("/").send().await?;
        assert_eq!(response.remote_addr().unwrap().ip(), IpAddr::from([127, 0, 0, 1]));
        let connecting = response.timings().connecting;
        assert!((millis(300)..millis(700)).contains(&connecting), "{connecting:?}");
        Ok(())
    });
    sound(&report.await);
}

#[tokio::test]
async fn the_other_kind_of_address_is_tried_at_once_if_the_first_refuses() {
    let door = Door::open("127.0.0.1").await;
    let both = vec!["::1".parse().unwrap(), IpAddr::from([127, 0, 0, 1])];
    let dns = Dns::new().policy(DnsPolicy::PreferIpv6).resolver(async move |_: &str| Ok(both.clone()));
    let url = format!("http://shop.test:{}", door.port);
    let report = run(&url, Http::new().dns(dns), 1, async |vu: &Vu| {
        let connecting = vu.get("/").send().await?.timings().connecting;
        assert!(connecting < Duration::from_millis(250), "{connecting:?}");
        Ok(())
    });
    sound(&report.await);
}

#[tokio::test]
async fn a_tls_handshake_that_takes_too_long_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let report = run(&url, Http::new().tls_handshake_timeout(millis(200)), 1, request).await;
    let (code, error, message) = failure(&report);
    assert_eq!((code.as_str(), error.as_str()), ("1300", "tls handshake timeout"));
    assert!(message.ends_with("tls handshake timeout: not done within 200ms"), "{message}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_long_before_the_request_is() {
    let server = Misbehaving::start([never_answers()]).await.unwrap();
    let report = run(server.url(), Http::new().first_byte_timeout(millis(200)), 1, async |vu: &Vu| {
        let sent = vu.get("/").send().await;
        assert!((millis(200)..secs(2)).contains(&vu.elapsed()), "{:?}", vu.elapsed());
        assert_eq!(sent.as_ref().unwrap_err().kind(), ErrorKind::FirstByteTimeout);
        sent?;
        Ok(())
    });
    let report = report.await;
    let (code, error, message) = failure(&report);
    assert_eq!((code.as_str(), error.as_str()), ("1050", "first byte timeout"));
    assert_eq!(message, format!("GET {}/: first byte timeout", server.url()));
    let waited = report.value(HTTP_REQ_WAITING.max());
    assert!((200.0..2_000.0).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a_body_may_take_longer_than_its_first_byte() {
    let slow = vec![
        Step::ReadRequest,
        Step::Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n".into()),
        Step::Wait(millis(500)),
        Step::Send("ok".into()),
        Step::Again,
    ];
    let server = Misbehaving::start([slow]).await.unwrap();
    let report = run(server.url(), Http::new().first_byte_timeout(millis(250)), 2, async |vu: &Vu| {
        assert_eq!(vu.get("/").send().await?.text()?, "ok");
        Ok(())
    });
    sound(&report.await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_first_byte_is_waited_for_from_the_end_of_the_request() {
    let _quiet = quiet().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Reads a large upload so slowly that it takes longer than the limit, and answers at once then.
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut piece) = (0, vec![0; 1 << 20]);
        while read < 24 << 20 {
            read += stream.read(&mut piece).await.unwrap();
            // What the kernel holds when all is written is read without a pause.
            if read < 12 << 20 {
                tokio::time::sleep(millis(20)).await;
            }
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        // Until the client has gone.
        assert_eq!(stream.read(&mut piece).await.unwrap(), 0);
    });
    let report = run(url, Http::new().first_byte_timeout(millis(150)), 1, async |vu: &Vu| {
        let response = vu.post("/").body(vec![b'x'; 24 << 20]).send().await?;
        assert!(response.timings().sending > millis(150), "{:?}", response.timings());
        Ok(())
    });
    sound(&report.await);
    server.await.unwrap();
}

#[tokio::test]
async fn what_is_not_written_yet_cannot_be_answered_late() {
    let _quiet = quiet().await;
    let http = || Http::new().first_byte_timeout(secs(1));
    // It is this side that is slow: the pause is longer than the limit.
    let server = Misbehaving::start([answers()]).await.unwrap();
    let report = run(server.url(), http(), 1, async |vu: &Vu| {
        let unknown = vu.post("/").body_stream(with_pause(millis(1_500)));
        let known = vu.post("/").body_stream(with_pause(millis(1_500))).body_length(6);
        let answers = join(unknown.send(), known.send()).await;
        for timings in [answers.0?.timings(), answers.1?.timings()] {
            assert!(timings.sending > secs(1), "{timings:?}");
        }
        Ok(())
    });
    sound(&report.await);
    let bodies: Vec<_> = server.received().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [b"onetwo", b"onetwo"]);

    // It does not read for longer than the limit.
    let lazy = [&[Step::Wait(secs(2))][..], &answers()].concat();
    let server = Misbehaving::start([lazy]).await.unwrap();
    let report = run(server.url(), http(), 1, async |vu: &Vu| {
        let response = vu.post("/").body(vec![b'x'; 24 << 20]).send().await?;
        assert!(response.timings().sending > secs(1), "{:?}", response.timings());
        Ok(())
    });
    sound(&report.await);
}

#[tokio::test]
async fn the_first_bytes_time_begins_when_a_streamed_request_is_written() {
    let server = Misbehaving::start([never_answers()]).await.unwrap();
    let http = Http::new().first_byte_timeout(millis(200));
    let report = run(server.url(), http, 1, async |vu: &Vu| {
        let error = vu.post("/").body_stream(with_pause(millis(300))).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FirstByteTimeout);
        Ok(())
    });
    let report = report.await;
    sound(&report);
    let [sent, waited] = [HTTP_REQ_SENDING, HTTP_REQ_WAITING].map(|metric| report.value(metric.max()));
    assert!(sent >= 300.0 && waited >= 200.0, "{sent} {waited}");
}

/// The second word comes that long after the first.
fn with_pause(pause: Duration) -> impl Stream<Item = std::result::Result<&'static str, Infallible>> {
    stream::iter([("one", Duration::ZERO), ("two", pause)]).then(async |(word, pause)| {
        tokio::time::sleep(pause).await;
        Ok(word)
    })
}

#[tokio::test]
async fn a_limit_may_be_longer_than_any_test() {
    let door = Door::open("127.0.0.1").await;
    let most = Duration::MAX;
    let http = Http::new().dns_timeout(most).connect_timeout(most).tls_handshake_timeout(most);
    let http = http.first_byte_timeout(most).idle_timeout(most).max_connection_age(most);
    let report = run(door.url(), http, 2, async |vu: &Vu| {
        vu.get("/").timeout(Duration::MAX).send().await?;
        Ok(())
    });
    sound(&report.await);
    assert_eq!(door.guests().len(), 1);
}
