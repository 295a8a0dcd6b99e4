//! Forms with files.

use super::{once, sound};
use crate::echo::Echo;
use axum::Router;
use axum::extract::Multipart;
use axum::routing::post;
use bytes::Bytes;
use loadcore::http::{Encoding, Form, Http, HttpVersions};
use loadcore::prelude::*;

/// What a server has read of a form: one line for each part.
async fn read(mut form: Multipart) -> String {
    let mut lines = String::new();
    while let Some(field) = form.next_field().await.unwrap() {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let (name, file, kind) = (own(field.name()), own(field.file_name()), own(field.content_type()));
        let body = field.bytes().await.unwrap();
        let shown =
            if body.len() < 100 { body.escape_ascii().to_string() } else { format!("{} bytes", body.len()) };
        lines.push_str(&format!("{name:?} {file:?} {kind:?} {shown}\n"));
    }
    lines
}

async fn server() -> Echo {
    let limit = axum::extract::DefaultBodyLimit::max(100 << 20);
    let moved = post(async || axum::response::Redirect::permanent("/"));
    let routes = Router::new().route("/", post(read)).route("/moved", moved);
    Echo::start(routes.route("/packed", post(async || "not read")).layer(limit)).await
}

#[tokio::test]
async fn a_server_reads_a_form_as_it_was_written() {
    let server = server().await;
    for http in [Http::new(), Http::new().versions(HttpVersions::Http2)] {
        let report = once(&server.url, http, async |vu: &Vu| {
            let form = Form::new()
                .text("title", "A cat\r\n--and a dash")
                .text("ümläut", "€")
                .file("picture", &b"\x89PNG\r\n\0"[..])
                .file_name("cat.png")
                .content_type("image/png")
                .file("notes", "plain");
            let res = vu.post("/").multipart(form).send().await?;
            let want = r#"Some("title") None None A cat\r\n--and a dash
Some("ümläut") None None \xe2\x82\xac
Some("picture") Some("cat.png") Some("image/png") \x89PNG\r\n\x00
Some("notes") Some("notes") Some("application/octet-stream") plain
"#;
            assert_eq!(res.text()?, want);
            Ok(())
        })
        .await;
        sound(&report);
    }
}

#[tokio::test]
async fn a_large_file_is_sent_from_where_it_is_and_its_length_is_said() {
    let server = server().await;
    for http in [Http::new(), Http::new().versions(HttpVersions::Http2)] {
        let report = once(&server.url, http, async |vu: &Vu| {
            let file = Bytes::from(vec![7; 5_000_000]);
            let form = Form::new().text("a", "b").file("f", file.clone()).text("c", "d");
            let want = "Some(\"a\") None None b\nSome(\"f\") Some(\"f\") Some(\"application/octet-stream\") 5000000 bytes\n\
                        Some(\"c\") None None d\n";
            assert_eq!(vu.post("/").multipart(form.clone()).send().await?.text()?, want);
            // The same form can be sent again, also by itself after a redirect.
            assert_eq!(vu.post("/moved").multipart(form).send().await?.text()?, want);
            Ok(())
        })
        .await;
        sound(&report);
    }
    for seen in server.seen() {
        assert_eq!(seen.header("content-length"), Some(&*seen.body.len().to_string()), "{}", seen.line());
        assert!(seen.body.len() > 5_000_000);
    }
}

#[tokio::test]
async fn a_form_is_compressed_as_a_whole() {
    let server = server().await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let form = Form::new().file("f", vec![b'x'; 200_000]);
        vu.post("/packed").multipart(form).compress(Encoding::Gzip).send().await?;
        Ok(())
    })
    .await;
    sound(&report);
    let seen = server.seen().remove(0);
    assert!(seen.header("content-type").unwrap().starts_with("multipart/form-data; boundary=loadcore-"));
    assert_eq!(seen.header("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*seen.body), &mut body).unwrap();
    assert!(body.len() > 200_000 && seen.body.len() < 2_000);
}

#[tokio::test]
async fn a_form_draws_nothing_from_the_user_s_chance() {
    let server = server().await;
    let draws = async |with_form: bool| {
        let url = server.url.clone();
        let (sender, receiver) = std::sync::mpsc::channel();
        let scenario = Scenario::new("draws", async move |vu: &Vu| {
            for _ in 0..3 {
                if with_form {
                    vu.post("/").multipart(Form::new().text("a", "b")).send().await?;
                }
                sender.send(vu.pick(1_000_000)).unwrap();
            }
            Ok(())
        });
        let test = LoadTest::new().base_url(url).seed(7).scenario(scenario.executor(shared_iterations(1)));
        sound(&test.run().await.unwrap());
        receiver.try_iter().collect::<Vec<_>>()
    };
    assert_eq!(draws(true).await, draws(false).await);
    // And it is the same form in each run with the same seed.
    let before = server.seen().len();
    draws(true).await;
    let seen = server.seen();
    assert_eq!(seen[0].body, seen[before].body);
}

#[tokio::test]
async fn a_form_that_makes_no_sense_is_told_and_not_sent() {
    let server = server().await;
    let report = once(&server.url, Http::new(), async |vu: &Vu| {
        let error = vu.post("/").multipart(Form::new().file_name("x")).send().await.unwrap_err().to_string();
        assert!(error.contains("form: file_name() comes after the file"), "{error}");
        Ok(())
    })
    .await;
    sound(&report);
    assert!(server.seen().is_empty());
}
