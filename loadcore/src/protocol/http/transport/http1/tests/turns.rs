//! What a task may do until others have their turn: Tokio counts it only in a task that a runtime drives.

use super::super::Head;
use super::peer::{Peer, Say, Server};
use super::{BodyLength, Connection, POST, connect, limits};
use http::Method;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::task::coop::{has_budget_remaining, poll_proceed};

/// What one read takes at most.
const PIECE: usize = 64 << 10;

/// On a runtime that counts.
fn in_task<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(task)
}

/// A connection that has got as far as the head of a response; its body is there without any wait.
async fn asked(head: &str, body: Vec<Vec<u8>>) -> (Connection<Peer>, Head) {
    let says = [head.as_bytes().to_vec()].into_iter().chain(body);
    let server = Server::new(says.map(|bytes| (1, Say::Bytes(bytes))));
    let mut connection = connect(&server);
    let mut request = connection.buffer();
    request.push(POST);
    connection.begin(request, None, BodyLength::Known, &Method::POST, &limits());
    let head = connection.head(&limits()).await.unwrap();
    (connection, head)
}

/// What takes one of the 128 that a turn has.
fn do_something(cx: &mut Context<'_>) {
    if let Poll::Ready(turn) = poll_proceed(cx) {
        turn.made_progress();
    }
}

/// Reads all of the body; how many pieces each turn has had.
async fn turns(connection: &mut Connection<Peer>, head: &Head) -> Vec<usize> {
    // Not what is left of the turn that has read the head.
    tokio::task::yield_now().await;
    let (mut turns, mut pieces) = (Vec::new(), 0);
    poll_fn(|cx| {
        loop {
            match connection.poll_piece(head, cx) {
                Poll::Ready(Some(piece)) => pieces += usize::from(!piece.unwrap().is_empty()),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {
                    turns.push(std::mem::take(&mut pieces));
                    return Poll::Pending;
                }
            }
        }
    })
    .await;
    turns.push(pieces);
    turns
}

#[test]
fn a_turn_ends_after_half_a_megabyte_however_much_is_there() {
    let count = 100;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", count * PIECE);
    let turns = in_task(async {
        let (mut connection, head) = asked(&head, vec![vec![b'x'; PIECE]; count]).await;
        turns(&mut connection, &head).await
    });
    assert_eq!(turns.iter().sum::<usize>(), count, "{turns:?}");
    // Sixteen for what a read brings, and one for the piece, of 128. A socket takes one more.
    assert!(turns.iter().all(|pieces| *pieces <= 8), "{turns:?}");
    assert!(turns.len() <= count / 4, "{turns:?}");
}

#[test]
fn a_turn_ends_also_if_all_its_pieces_came_with_one_read() {
    let count = 1_000;
    let body = [b"1\r\nx\r\n".repeat(count), b"0\r\n\r\n".to_vec()].concat();
    let turns = in_task(async {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let (mut connection, head) = asked(head, vec![body]).await;
        turns(&mut connection, &head).await
    });
    assert_eq!(turns.iter().sum::<usize>(), count, "{turns:?}");
    assert!(turns.iter().all(|pieces| *pieces <= 128), "{turns:?}");
}

#[test]
fn the_end_is_there_with_the_last_piece_whatever_is_left_of_the_turn() {
    for len in [2, PIECE] {
        let mut took_the_last = 0;
        for done in 0..=128 {
            in_task(async {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {len}\r\n\r\n");
                let (mut connection, head) = asked(&head, vec![vec![b'x'; len]]).await;
                tokio::task::yield_now().await;
                let mut is_done = false;
                let piece = poll_fn(|cx| {
                    if !std::mem::replace(&mut is_done, true) {
                        (0..done).for_each(|_| do_something(cx));
                    }
                    let piece = ready!(connection.poll_piece(&head, cx));
                    took_the_last += usize::from(!has_budget_remaining());
                    assert!(connection.is_at_end(), "{len} {done}");
                    // In the same turn: who has all of it may not ask again.
                    assert!(matches!(connection.poll_piece(&head, cx), Poll::Ready(None)), "{len} {done}");
                    Poll::Ready(piece)
                });
                assert_eq!(piece.await.unwrap().unwrap().len(), len);
                assert!(connection.rest(Instant::now()), "{len} {done}");
            });
        }
        assert!(took_the_last > 0, "{len}");
    }
}
