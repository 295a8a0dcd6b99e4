//! Idle connections that the server has closed in the meantime carry no request.

use super::door::{run, sound};
use futures_util::future::join_all;
use loadcore::http::{HTTP_REQ_RETRIES, Http};
use loadcore::prelude::*;
use std::sync::Arc;
use testbed::wire::{read_request, response};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// More than one turn of a task could look at.
const MANY: usize = 100;

async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    let Ok(Some(_)) = read_request(stream, buffer).await else { return false };
    stream.write_all(&response(200, "text/plain", b"ok")).await.is_ok()
}

/// Answers that many requests when all of them are there, and closes their connections. Then it serves whoever comes.
async fn closes_all(listener: TcpListener, closed: Arc<Notify>) {
    let mut first = Vec::new();
    while first.len() < MANY {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(read_request(&mut stream, &mut Vec::new()).await.unwrap().is_some());
        first.push(stream);
    }
    for stream in &mut first {
        stream.write_all(&response(200, "text/plain", b"ok")).await.unwrap();
    }
    // Not before all are answered: each has a connection of its own.
    drop(first);
    closed.notify_one();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            while answer(&mut stream, &mut buffer).await {}
        });
    }
}

/// That many at once, in one turn of the VU.
async fn many(vu: &Vu, method: &str, in_batch: bool) -> Result {
    let mut requests = Vec::new();
    for number in 0..MANY {
        requests.push(vu.request(method.parse()?, format!("/{number}")).body("x"));
    }
    let answers = match in_batch {
        true => vu.batch(requests).await,
        false => join_all(requests.into_iter().map(|request| request.send())).await,
    };
    for answer in answers {
        assert_eq!(answer?.text()?, "ok");
    }
    Ok(())
}

#[tokio::test]
async fn however_many_requests_begin_at_once_none_is_sent_on_a_connection_that_is_closed() {
    for (method, in_batch) in [("POST", false), ("POST", true), ("PUT", false), ("PUT", true)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let closed = Arc::<Notify>::default();
        let server = tokio::spawn(closes_all(listener, Arc::clone(&closed)));
        let http = Http::new().batch(MANY).batch_per_host(MANY);
        let report = run(url, http, 1, async move |vu: &Vu| {
            many(vu, method, in_batch).await?;
            closed.notified().await;
            // The system has told of it when the VU has had something to wait for.
            vu.sleep(millis(50)).await;
            many(vu, method, in_batch).await
        })
        .await;
        sound(&report);
        let counts = (report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED), report.count(HTTP_REQ_RETRIES));
        assert_eq!(counts, (2.0 * MANY as f64, 0.0, 0.0), "{method} in a batch: {in_batch}");
        server.abort();
    }
}
