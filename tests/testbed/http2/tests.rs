//! The server against a client of another hand.

use bytes::Bytes;
use h2::client;
use http::Request;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;

async fn ask(sender: &mut client::SendRequest<Bytes>) -> Result<Bytes, h2::Error> {
    let request = Request::get("http://h/").body(()).unwrap();
    let (response, _) = sender.send_request(request, true)?;
    let mut response = response.await?;
    assert_eq!(response.status(), 200);
    let mut whole = Vec::new();
    while let Some(data) = response.body_mut().data().await {
        whole.extend(data?);
    }
    Ok(whole.into())
}

async fn connect(server: &RunningHttp2) -> client::SendRequest<Bytes> {
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (sender, connection) = client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn requests_play_their_scripts_in_order() {
    let scripts = [
        Act::answer("one"),
        vec![Act::Head, Act::Data("tw".into()), Act::Last("o".into())],
        vec![Act::Reset(8)],
        vec![Act::GoAwayBefore(11)],
    ];
    let server = Http2Server::new(scripts).start().await.unwrap();
    let mut sender = connect(&server).await;
    assert_eq!(ask(&mut sender).await.unwrap(), "one");
    assert_eq!(ask(&mut sender).await.unwrap(), "two");
    let reset = ask(&mut sender).await.unwrap_err();
    assert_eq!((reset.is_reset(), reset.reason()), (true, Some(h2::Reason::CANCEL)));
    let goaway = ask(&mut sender).await.unwrap_err();
    assert_eq!((goaway.is_go_away(), goaway.reason()), (true, Some(h2::Reason::ENHANCE_YOUR_CALM)));
    assert_eq!((server.connections(), server.requests()), (1, 4));
}

#[tokio::test]
async fn what_is_above_the_limit_is_refused() {
    let server = Http2Server::new([Act::never()]).max_streams(1).start().await.unwrap();
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let settings = frames::frame(frames::SETTINGS, 0, 0, &[]);
    // Only their numbers matter, not what they ask for.
    let requests = [frames::head(1), frames::head(3)].concat();
    stream.write_all(&[frames::PREFACE, &settings, &requests].concat()).await.unwrap();
    let refused = loop {
        let frame = frames::Frame::read(&mut stream).await.unwrap().unwrap();
        if frame.kind == frames::RST_STREAM {
            break frame;
        }
    };
    assert_eq!((refused.stream, refused.number(0)), (3, 7));
    assert_eq!((server.requests(), server.refused(), server.most_streams()), (1, 1, 1));
}
