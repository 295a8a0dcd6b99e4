//! A URL that would be sent as another one than was written is refused.

use loadcore::http::{ErrorKind, Http};
use loadcore::prelude::*;
use testbed::Misbehaving;
use testbed::misbehaving::answers;

use crate::support::{once, sound};

#[tokio::test]
async fn a_url_with_a_line_break_or_another_control_character_is_refused_before_anything_is_sent() {
    let server = Misbehaving::start([answers()]).await.unwrap();
    let root = server.url();
    let report = once(&server.url(), Http::new(), async move |vu: &Vu| {
        let id = 7;
        let mut requests = vec![vu.get(path!("/a\r\nb/{id}")), vu.get(path!("/a\t/{id}"))];
        for control in ['\r', '\n', '\0', '\t', '\x1b', '\x7f'] {
            for path in ["/a?b", "?/a", "/a/?", "/a/b?c=?"] {
                let path = path.replace('?', &control.to_string());
                requests.extend([vu.get(&path), vu.post(format!("{root}{path}")).body("x")]);
            }
        }
        for request in requests {
            let error = request.send().await.unwrap_err();
            let told = error.to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{told}");
            assert!(told.contains("a URL has no line breaks or other control characters"), "{told}");
            assert!(!told.contains(char::is_control), "{told:?}");
        }
        let streamed = vu.get("/a\n").send_streaming().await.unwrap_err();
        assert_eq!(streamed.kind(), ErrorKind::InvalidRequest);
        Ok(())
    })
    .await;
    sound(&report);
    let series = report.metrics().series("http_reqs");
    assert!(series.iter().all(|series| series.tag("error_code") == Some("1020")), "{series:#?}");
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (51.0, 1.0));
    assert_eq!((server.connections(), report.count(DATA_SENT)), (0, 0.0));
}

#[tokio::test]
async fn a_value_of_a_path_arrives_as_it_is_whatever_its_characters() {
    let server = Misbehaving::start([answers()]).await.unwrap();
    let report = once(&server.url(), Http::new(), async |vu: &Vu| {
        let name = "a\r\nx: y\0\t/\u{7f}";
        vu.get(path!("/of/{name}")).send().await?;
        vu.get("/meant%0A").send().await?;
        Ok(())
    })
    .await;
    sound(&report);
    let targets: Vec<_> = server.received().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/of/a%0D%0Ax%3A%20y%00%09%2F%7F", "/meant%0A"]);
}
