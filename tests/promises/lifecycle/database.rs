//! Promise: a client that a setup opened, whose connection lives in a task of the setup's event loop, works from all VUs
//! until teardown has ended.

use crate::support::truth_server;
use loadcore::prelude::*;
use loadcore::{Setup, Teardown};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// A client as drivers of databases are built: calls go through a channel to the task that owns the connection.
#[derive(Clone)]
struct Client(mpsc::Sender<oneshot::Sender<u64>>);

impl Client {
    /// Connects, and leaves the connection to a task of this event loop.
    async fn open(address: String) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(&address).await?;
        let (calls, mut inbox) = mpsc::channel::<oneshot::Sender<u64>>(64);
        tokio::spawn(async move {
            let mut answered = 0;
            while let Some(answer) = inbox.recv().await {
                let request = format!("GET /bytes/3 HTTP/1.1\r\nhost: {address}\r\n\r\n");
                stream.write_all(request.as_bytes()).await.expect("the server is there");
                let mut text = Vec::new();
                while !text.ends_with(b"\r\n\r\nxxx") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await.expect("the server answers");
                    text.push(byte[0]);
                }
                answered += 1;
                // The VU that asked may have been cut.
                let _ = answer.send(answered);
            }
        });
        Ok(Self(calls))
    }

    async fn query(&self) -> Result<u64> {
        let (answer, reply) = oneshot::channel();
        self.0.send(answer).await?;
        Ok(reply.await?)
    }
}

#[tokio::test]
async fn a_client_made_in_setup_works_from_all_vus_until_teardown_has_ended() {
    let server = truth_server();
    let address = server.addr().to_string();
    let last = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&last);
    let test = LoadTest::new()
        .cores(2)
        .setup(Setup::new("open", async move |_: &Vu| Ok(Client::open(address.clone()).await?)))
        .scenario(
            Scenario::new("query", async |vu: &Vu| {
                let client = vu.setup_value::<Client>().ok_or("no client")?;
                vu.measure("query", async |_: &Vu| client.query().await).await?;
                Ok(())
            })
            .executor(shared_iterations(500).vus(20)),
        )
        .teardown(Teardown::new("close", async move |vu: &Vu| {
            let client = vu.setup_value::<Client>().ok_or("no client")?;
            seen.store(client.query().await?, Ordering::Relaxed);
            Ok(())
        }));
    let report = test.run().await.unwrap();
    assert_eq!(report.run().teardown_errors, []);
    assert_eq!((report.count(ITERATIONS), report.rate(MEASURE_FAILED)), (500.0, 0.0));
    assert_eq!(last.load(Ordering::Relaxed), 501, "one connection served all VUs, and the teardown");
    assert_eq!(server.stats().await.unwrap().requests, 501);
}
