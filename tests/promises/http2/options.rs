//! What a test says about HTTP/2 is what the server is told.

use loadcore::http::OptionsError;
use testbed::http2::{Act, Http2Server};

use super::*;

/// What the server was told: by the setting's number, 0 for the connection's window.
async fn told(http2: Http2) -> Vec<(u16, u32)> {
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let report = once(&server, super::http2().http2(http2), async |vu| {
        assert!(vu.get("/").send().await.is_ok());
        Ok(())
    })
    .await;
    sound(&report);
    server.settings()
}

#[tokio::test]
async fn windows_and_sizes_are_told_to_the_server() {
    let [enable_push, initial_window, max_frame, max_headers] = [2, 4, 5, 6];
    let default = told(Http2::new()).await;
    for setting in [
        (enable_push, 0),
        (initial_window, 2 << 20),
        (max_frame, 16_384),
        (max_headers, 64 << 10),
        (0, (5 << 20) - 65_535),
    ] {
        assert!(default.contains(&setting), "{setting:?} is not in {default:?}");
    }
    let own = Http2::new()
        .stream_window(100_000)
        .connection_window(200_000)
        .max_frame_size(20_000)
        .max_header_list_size(5_000);
    let own = told(own).await;
    for setting in
        [(initial_window, 100_000), (max_frame, 20_000), (max_headers, 5_000), (0, 200_000 - 65_535)]
    {
        assert!(own.contains(&setting), "{setting:?} is not in {own:?}");
    }
    let adaptive = told(Http2::new().adaptive_window(true)).await;
    assert!(adaptive.contains(&(initial_window, 65_535)), "{adaptive:?}");
}

#[tokio::test]
async fn a_server_that_answers_no_ping_is_given_up_before_the_request_is() {
    let server = Http2Server::new([Act::never(), Act::answer("fine")]).ignores_pings().start().await.unwrap();
    let http = http2().http2(Http2::new().ping_every(millis(40)).ping_timeout(millis(40)));
    let report = once(&server, http, async |vu| {
        let began = std::time::Instant::now();
        assert!(vu.get("/").timeout(secs(20)).send().await.is_err());
        assert!(began.elapsed() < secs(5), "{:?}", began.elapsed());
        assert_eq!(vu.get("/").send().await?.text()?, "fine");
        Ok(())
    })
    .await;
    assert!(report.errors().is_empty(), "{:?}", report.errors());
    only_failed(&report, "connection closed before the response was complete", "1000", 1);
    assert_eq!(server.connections(), 2);

    // One that answers them may take its time.
    let slow = [vec![Act::Wait(millis(300))], Act::answer("fine")].concat();
    let server = Http2Server::new([slow]).start().await.unwrap();
    let http = http2().http2(Http2::new().ping_every(millis(40)).ping_timeout(millis(200)));
    let report = once(&server, http, async |vu| {
        assert_eq!(vu.get("/").send().await?.text()?, "fine");
        Ok(())
    });
    sound(&report.await);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_setting_that_http2_does_not_know_is_an_error_before_the_start() {
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let scenario = Scenario::new("never", async |vu: &Vu| {
        vu.get("/").send().await?;
        Ok(())
    });
    let http = http2().http2(Http2::new().max_frame_size(1000));
    let error = LoadTest::new().base_url(server.url()).http(http).scenario(scenario).run().await.unwrap_err();
    let want =
        OptionsError::Http2("max_frame_size(1000): give a number of bytes from 16384 to 16777215".to_owned());
    assert!(error.to_string().contains(&want.to_string()), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_interval_may_be_as_long_as_one_likes() {
    let server = Http2Server::new([Act::answer("x")]).start().await.unwrap();
    let forever = std::time::Duration::MAX;
    let pings = Http2::new().ping_every(forever).ping_timeout(forever).ping_when_idle(true);
    let report = run(server.url(), http2().http2(pings), shared_iterations(2), async |vu| {
        vu.get("/").timeout(secs(2)).send().await?;
        Ok(())
    });
    sound(&report.await);
}
