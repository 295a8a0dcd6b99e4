//! Each script as a client sees it.

use std::io::ErrorKind;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n";

/// Sends a request to a server with this one script and reads to the end of the connection.
async fn to_the_end(script: Script) -> io::Result<String> {
    let server = Misbehaving::start([script]).await?;
    let mut stream = TcpStream::connect(server.addr()).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert_eq!((server.connections(), server.requests()), (1, 1));
    assert_eq!(server.received()[0].target, "/a");
    Ok(answer)
}

#[tokio::test]
async fn endings_are_as_their_names_say() {
    assert!(to_the_end(hang_up_mid_body()).await.unwrap().ends_with("content-length: 100\r\n\r\n0123456789"));
    assert_eq!(to_the_end(hang_up_mid_head()).await.unwrap(), "HTTP/1.1 200 OK\r\ncontent-le");
    assert_eq!(to_the_end(hangs_up_at_once()).await.unwrap(), "");
    assert_eq!(to_the_end(resets()).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(to_the_end(garbage()).await.unwrap().starts_with("220 "));
    assert!(to_the_end(closes_after_each_response()).await.unwrap().contains("connection: close"));
    assert!(!to_the_end(closes_unannounced()).await.unwrap().contains("connection: close"));
    let begun = Instant::now();
    assert!(to_the_end(stale_keep_alive()).await.unwrap().ends_with("}"));
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn silence_lasts_until_the_client_leaves() {
    let answered = timeout(Duration::from_millis(100), to_the_end(never_answers())).await;
    assert!(answered.is_err());
}

#[tokio::test]
async fn connections_that_behave_carry_many_requests() {
    let server = Misbehaving::start([resets(), answers()]).await.unwrap();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        for _ in 0..5 {
            stream.write_all(REQUEST).await.unwrap();
            let mut answer = [0; 512];
            // The first connection is the one that is reset.
            let Ok(len) = stream.read(&mut answer).await else { break };
            assert!(answer[..len].ends_with(b"{\"ok\":true}"));
        }
    }
    assert_eq!((server.connections(), server.requests()), (2, 6));
}

#[tokio::test]
async fn a_dribble_takes_its_time() {
    let server = Misbehaving::start([dribbles(Duration::from_millis(5))]).await.unwrap();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let begun = Instant::now();
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"xxxxxxxxxx") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn dropping_the_server_ends_its_connections() {
    let server = Misbehaving::start([never_answers()]).await.unwrap();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    while server.requests() == 0 {
        tokio::task::yield_now().await;
    }
    drop(server);
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn without_a_script_every_connection_is_closed_at_once() {
    let server = Misbehaving::start([]).await.unwrap();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
}
