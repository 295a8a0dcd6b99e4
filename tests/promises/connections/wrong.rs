//! What is wrong with an option is told before the first request.

use loadcore::http::{Dns, Http};
use loadcore::prelude::*;
use std::fmt::Write as _;

/// What a run with these options says instead of starting.
async fn told(http: Http) -> String {
    let journey = Scenario::new("never", async |_: &Vu| -> Result { unreachable!("the test has started") });
    let test = LoadTest::new().http(http).scenario(journey.executor(shared_iterations(1)));
    test.run().await.unwrap_err().to_string()
}

#[tokio::test]
async fn every_wrong_option_is_named_with_what_to_write_instead() {
    let http = Http::new;
    let wrong = [
        http().max_connections_per_host(0),
        http().max_connection_age(secs(0)),
        http().idle_timeout(secs(0)),
        http().dns_timeout(secs(0)),
        http().connect_timeout(secs(0)),
        http().tls_handshake_timeout(secs(0)),
        http().first_byte_timeout(secs(0)),
        http().host("a b", "127.0.0.1"),
        http().host("shop.*", "127.0.0.1"),
        http().host("shop.test:99999", "127.0.0.1"),
        http().host("shop.test", "http://127.0.0.1"),
        http().host("shop.test", "127.0.0.1:0"),
        http().host("shop.test", "127.0.1"),
        http().host("shop.test", ""),
        http().host("shop.test", "*.app.test"),
        http().host("shop.test", "unix:"),
        http().host("shop.test", "127.0.0.1:80:81"),
        http().block_host("10.0.0.1"),
        http().block_host("http://ads.test"),
        http().block_addresses("10.0.0.0/33"),
        http().block_addresses("10.0.0.0/8,ads.test"),
        http().local_addresses("10.0.0.9-10.0.0.5"),
        http().local_addresses("10.0.0.9-::1"),
        http().local_addresses("127.0.0.1,eth0"),
        http().local_addresses("127.0.0.0/33"),
        http().local_addresses("127.0.0.1,203.0.113.7"),
        http().unix_socket(""),
        http().unix_socket("x".repeat(200)),
    ];
    let mut all = String::new();
    for http in wrong {
        writeln!(all, "{}", told(http).await).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_wrong_text_of_dns_options_is_told_too() {
    let error = "ttl=5m,select=last".parse::<Dns>().unwrap_err().to_string();
    insta::assert_snapshot!(error, @"DNS `ttl=5m,select=last`: `last` is no select; write one of first, random, roundRobin");
}
