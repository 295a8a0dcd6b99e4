//! Promise: whoever comes from k6 finds what k6's HTTP client has in the guide's table, with its equivalent or the reason there
//! is none. The equivalents have promises of their own, which `table.rs` names; here is what no other promise shows.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use axum::Router;
use axum::response::IntoResponse;
use loadcore::http::{Http, HttpVersions};
use loadcore::prelude::*;

use self::table::{FUNCTIONS, NONE, OPTIONS, PARAMETERS, RESPONSE, Row};
use crate::echo::Echo;

const GUIDE: &str = include_str!("../../loadcore/src/docs/http.md");

const TABLES: [(&str, &[Row]); 4] = [
    ("Options of the test.", OPTIONS),
    ("Functions of `k6/http`.", FUNCTIONS),
    ("Parameters of a request.", PARAMETERS),
    ("The response.", RESPONSE),
];

/// What the table below this line says of k6's names: those in code in its first column, each with its second one.
fn guide(heading: &str) -> Vec<(&'static str, &'static str)> {
    let (_, below) = GUIDE.split_once(heading).unwrap_or_else(|| panic!("{heading} is not in the guide"));
    let rows =
        below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split_once('|').unwrap());
    // What stands between backticks is code.
    cells.flat_map(|(k6, own)| k6.split('`').skip(1).step_by(2).map(move |name| (name, own.trim()))).collect()
}

#[test]
fn each_option_function_parameter_and_field_of_k6s_http_has_its_row() {
    for (heading, rows) in TABLES {
        let told: Vec<_> = guide(heading).into_iter().map(|(name, _)| name).collect();
        let known: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
        assert_eq!(told, known, "{heading}");
    }
}

#[test]
fn each_equivalent_has_a_promise_that_is_tested_and_what_has_none_a_reason() {
    let tests = |more: &[&str]| {
        // Not its path: a build may have replaced the file meanwhile.
        let list = Command::new("/proc/self/exe").args(["--list", "--format", "terse"]).args(more).output();
        let list = String::from_utf8(list.unwrap().stdout).unwrap();
        list.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect::<BTreeSet<_>>()
    };
    let (all, ignored) = (tests(&[]), tests(&["--ignored"]));
    for (heading, rows) in TABLES {
        let told: BTreeMap<_, _> = guide(heading).into_iter().collect();
        for (name, promises) in rows {
            let missing: Vec<_> =
                promises.iter().filter(|test| !all.contains(**test) || ignored.contains(**test)).collect();
            assert!(missing.is_empty(), "{heading} {name}: there is no such test: {missing:?}");
            let reason = told.get(name).and_then(|cell| cell.strip_prefix("none: "));
            assert_eq!(reason.is_some(), *promises == NONE, "{heading} {name}: {:?}", told.get(name));
            assert!(reason.is_none_or(|reason| reason.len() > 20), "{heading} {name}: {reason:?}");
        }
    }
}

#[test]
fn the_guide_names_each_flag_of_http_and_none_that_does_not_exist() {
    let help = Command::new(env!("CARGO_BIN_EXE_journeys")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let flags = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        words
            .filter(|word| word.starts_with("--") && !word.starts_with("---") && word.len() > 2)
            .map(str::to_owned)
            .collect()
    };
    let (_, http) = help.split_once("\nHTTP:\n").unwrap();
    let (http, _) = http.split_once("\nResults:\n").unwrap();
    let told = flags(GUIDE);
    // The names of these two are the same as k6's, and the table says so.
    let mut expected = flags(http);
    for flag in ["--no-connection-reuse", "--no-vu-connection-reuse"] {
        assert!(expected.remove(flag), "{flag}");
    }
    let missing: Vec<_> = expected.difference(&told).collect();
    assert!(missing.is_empty() && expected.len() > 10, "{missing:?}");
    let known = flags(&help);
    let unknown: Vec<_> = told.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn routes() -> Router {
    let cookie =
        "sid=1; Domain=shop.test; Path=/a; Secure; Max-Age=60; Expires=Wed, 21 Oct 2065 07:28:00 GMT";
    Router::new().fallback(async move || [("set-cookie", cookie)].into_response())
}

async fn run(server: &Echo, http: Http, scenario: Scenario) {
    let test = LoadTest::new().base_url(&server.url).http(http).cores(1);
    let report = test.scenario(scenario.executor(shared_iterations(1))).run().await.unwrap();
    assert_eq!(report.errors(), [], "{report}");
}

#[tokio::test]
async fn each_method_has_a_name_of_its_own() {
    let server = Echo::start(routes()).await;
    let methods = Scenario::new("methods", async |vu: &Vu| {
        for request in [
            vu.get("/"),
            vu.head("/"),
            vu.post("/"),
            vu.put("/"),
            vu.patch("/"),
            vu.delete("/"),
            vu.options("/"),
        ] {
            request.send().await?;
        }
        Ok(())
    });
    run(&server, Http::new(), methods).await;
    assert_eq!(server.lines(), ["GET /", "HEAD /", "POST /", "PUT /", "PATCH /", "DELETE /", "OPTIONS /"]);
}

#[tokio::test]
async fn a_request_may_name_another_host_than_it_is_sent_to() {
    for versions in [HttpVersions::Http1, HttpVersions::Http2] {
        let server = Echo::start(routes()).await;
        let named = Scenario::new("named", async |vu: &Vu| {
            vu.get("/").header("host", "shop.test").send().await?;
            vu.get("/").send().await?;
            Ok(())
        });
        run(&server, Http::new().versions(versions), named).await;
        // HTTP/2 has it in front of the path.
        let host = |seen: &crate::echo::Seen| {
            let host = seen.header("host").map(str::to_owned);
            host.unwrap_or_else(|| seen.path.trim_start_matches("http://").trim_end_matches('/').to_owned())
        };
        let hosts: Vec<_> = server.seen().iter().map(host).collect();
        assert_eq!(hosts, ["shop.test", server.url.trim_start_matches("http://")], "{versions:?}");
    }
}

#[tokio::test]
async fn a_response_tells_which_address_and_port_have_answered() {
    let server = Echo::start(routes()).await;
    for versions in [HttpVersions::Http1, HttpVersions::Http2] {
        let address: std::net::SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
        let asked = Scenario::new("asked", async move |vu: &Vu| {
            // On a new connection and on a used one.
            for _ in 0..2 {
                assert_eq!(vu.get("/").send().await?.remote_addr(), Some(address));
            }
            Ok(())
        });
        run(&server, Http::new().versions(versions), asked).await;
    }
}

#[tokio::test]
async fn all_that_a_cookie_says_can_be_read() {
    let server = Echo::start(routes()).await;
    let told = Scenario::new("told", async |vu: &Vu| {
        let response = vu.get("/a").send().await?;
        let sid = response.cookie("sid").ok_or("no sid")?;
        assert_eq!(
            (sid.name(), sid.value(), sid.domain(), sid.path()),
            ("sid", "1", Some("shop.test"), Some("/a"))
        );
        assert_eq!((sid.secure(), sid.http_only(), sid.max_age()), (true, false, Some(secs(60))));
        let expires = sid.expires().ok_or("it never ends")?.duration_since(std::time::UNIX_EPOCH)?;
        assert_eq!(expires, secs(3_023_335_680_u32));
        assert!(response.cookie("other").is_none());
        assert_eq!(response.url(), format!("{}/a", vu.env("URL").ok_or("no URL")?));
        Ok(())
    });
    let test = LoadTest::new().base_url(&server.url).env("URL", &server.url).cores(1);
    let report = test.scenario(told.executor(shared_iterations(1))).run().await.unwrap();
    assert_eq!(report.errors(), [], "{report}");
}
