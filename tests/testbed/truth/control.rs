//! The control plane: asks and resets, without being counted itself.

use std::io;
use std::rc::Rc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::record::Record;
use crate::wire::{self, Request};

/// Serves one control connection to its end.
pub(super) async fn serve(mut stream: TcpStream, record: Rc<Record>) {
    // An error is the asker going away.
    let _ = conversation(&mut stream, &record).await;
}

async fn conversation(stream: &mut TcpStream, record: &Record) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(request) = wire::read_request(stream, &mut buffer).await? {
        stream.write_all(&answer(&request, record)).await?;
        if !request.keep_alive {
            break;
        }
    }
    stream.shutdown().await
}

fn answer(request: &Request, record: &Record) -> Vec<u8> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    match (request.method.as_str(), path) {
        ("GET", "/stats") => {
            let stats = record.stats(query.split('&').any(|pair| pair == "delays=1"));
            let json = serde_json::to_vec(&stats).expect("numbers are valid JSON");
            wire::response(200, "application/json", &json)
        }
        ("GET", "/traces") => wire::response(200, "text/plain", record.traces().as_bytes()),
        ("POST", "/reset") => {
            record.reset();
            wire::response(200, "text/plain", b"")
        }
        _ => {
            wire::response(404, "text/plain", b"GET /stats, GET /stats?delays=1, GET /traces, POST /reset\n")
        }
    }
}
