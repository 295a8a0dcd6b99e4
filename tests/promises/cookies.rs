//! Promise: each VU has cookies of its own, kept as RFC 6265 says, and each iteration is a new user unless the test wants
//! users that come back.

mod rules;

use crate::echo::Echo;
use axum::Router;
use axum::http::header::SET_COOKIE;
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::any;
use loadcore::http::Http;
use loadcore::prelude::*;

fn routes() -> Router {
    Router::new()
        .route(
            "/login",
            any(async || {
                AppendHeaders([
                    (SET_COOKIE, "sid=abc; Path=/; HttpOnly; Max-Age=60"),
                    (SET_COOKIE, "deep=1; Path=/a/b"),
                    (SET_COOKIE, "foreign=1; Domain=example.org"),
                ])
            }),
        )
        .route("/out", any(async || [(SET_COOKIE, "sid=; Path=/; Max-Age=0")]))
        .route(
            "/move",
            any(async || {
                let status = axum::http::StatusCode::FOUND;
                (status, [(SET_COOKIE, "hop=1; Path=/"), (axum::http::header::LOCATION, "/seen")])
                    .into_response()
            }),
        )
        .fallback(any(async || ""))
}

fn test(server: &Echo, http: Http, scenario: Scenario) -> LoadTest {
    LoadTest::new().base_url(&server.url).http(http).scenario(scenario)
}

async fn run(test: LoadTest) {
    let report = test.run().await.unwrap();
    assert!(report.errors().is_empty(), "{:#?}", report.errors());
}

/// The cookies that came with each request, by path.
fn came(server: &Echo) -> Vec<(String, Option<String>)> {
    server
        .seen()
        .iter()
        .map(|seen| (seen.path.clone(), seen.header("cookie").map(ToOwned::to_owned)))
        .collect()
}

fn owned(want: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    want.iter().map(|(path, cookie)| ((*path).to_owned(), cookie.map(ToOwned::to_owned))).collect()
}

#[tokio::test]
async fn they_come_back_where_they_belong_and_each_iteration_begins_without() {
    let server = Echo::start(routes()).await;
    let scenario = Scenario::new("visit", async |vu: &Vu| {
        vu.get("/first").send().await?;
        let res = vu.get("/login").send().await?;
        let sid = res.cookie("sid").ok_or("no sid")?;
        assert_eq!((sid.value(), sid.path(), sid.http_only(), sid.secure()), ("abc", Some("/"), true, false));
        assert_eq!((sid.max_age(), res.cookies().count()), (Some(secs(60)), 3));
        vu.get("/a/b/c").send().await?;
        assert_eq!(vu.cookies().get("/a", "sid")?.as_deref(), Some("abc"));
        assert_eq!(vu.cookies().get("/a", "deep")?, None);
        vu.get("/out").send().await?;
        vu.get("/last").send().await?;
        Ok(())
    });
    run(test(&server, Http::new(), scenario.executor(per_vu_iterations(2)))).await;
    let visit = [
        ("/first", None),
        ("/login", None),
        ("/a/b/c", Some("deep=1; sid=abc")),
        ("/out", Some("sid=abc")),
        ("/last", None),
    ];
    assert_eq!(came(&server), owned(&[visit, visit].concat()));
}

#[tokio::test]
async fn a_user_who_comes_back_keeps_them_and_no_other_vu_sees_them() {
    let server = Echo::start(routes()).await;
    let scenario = Scenario::new("visit", async |vu: &Vu| {
        if vu.own_iteration() == 0 && vu.id() == 1 {
            vu.get("/login").send().await?;
        }
        let path = format!("/{}/{}", vu.id(), vu.own_iteration());
        vu.get(path).send().await?;
        Ok(())
    });
    run(test(&server, Http::new().keep_cookies(true), scenario.executor(per_vu_iterations(2).vus(2)))).await;
    let mut came = came(&server);
    came.sort();
    let of_first = Some("sid=abc");
    assert_eq!(
        came,
        owned(&[("/1/0", of_first), ("/1/1", of_first), ("/2/0", None), ("/2/1", None), ("/login", None)])
    );
}

struct LoggedIn;

#[vu_setup]
async fn log_in(vu: &Vu) -> Result<LoggedIn> {
    vu.get("/login").send().await?;
    Ok(LoggedIn)
}

#[scenario(executor = per_vu_iterations(3))]
async fn visit_logged_in(vu: &Vu, _session: &mut LoggedIn) -> Result {
    vu.get("/before").send().await?;
    vu.cookies().set("/", "seen=1; Path=/")?;
    vu.get("/after").send().await?;
    Ok(())
}

#[tokio::test]
async fn what_a_vu_setup_has_left_is_what_each_iteration_begins_with() {
    let server = Echo::start(routes()).await;
    run(LoadTest::new().base_url(&server.url).scenario(VISIT_LOGGED_IN_SCENARIO)).await;
    let visit = [("/before", Some("sid=abc")), ("/after", Some("sid=abc; seen=1"))];
    let all = [&[("/login", None)][..], &visit, &visit, &visit].concat();
    assert_eq!(came(&server), owned(&all));
}

#[tokio::test]
async fn a_request_may_say_its_own_take_another_jar_or_none() {
    let server = Echo::start(routes()).await;
    let scenario = Scenario::new("visit", async |vu: &Vu| {
        vu.get("/login").send().await?;
        vu.get("/own").cookie("sid", "mine").cookie("x", "1").send().await?;
        vu.get("/none").without_cookies().send().await?;
        let jar = vu.new_cookie_jar();
        jar.set("/", "other=1; Path=/")?;
        vu.get("/jar").jar(&jar).send().await?;
        vu.get("/login").jar(&jar).send().await?;
        assert_eq!(jar.for_url("/")?.len(), 2);
        assert!(jar.remove("/", "other")? && !jar.remove("/", "other")?);
        vu.get("/header").header("cookie", "h=1").send().await?;
        vu.get("/move").send().await?;
        vu.cookies().clear();
        vu.get("/empty").send().await?;
        jar.set("https://other.test/", "safe=1; Secure")?;
        assert_eq!(jar.get("https://other.test/x", "safe")?.as_deref(), Some("1"));
        assert_eq!(jar.get("http://other.test/x", "safe")?, None);
        assert!(jar.set("http://other.test/", "a=1; Domain=example.org").is_err());
        assert!(jar.set("nonsense", "a=1").unwrap_err().to_string().contains("nonsense"));
        Ok(())
    });
    run(test(&server, Http::new(), scenario.executor(shared_iterations(1)))).await;
    let want = [
        ("/login", None),
        ("/own", Some("sid=mine; x=1")),
        ("/none", None),
        ("/jar", Some("other=1")),
        ("/login", Some("other=1")),
        ("/header", Some("h=1; sid=abc")),
        ("/move", Some("sid=abc")),
        ("/seen", Some("sid=abc; hop=1")),
        ("/empty", None),
    ];
    assert_eq!(came(&server), owned(&want));
}

#[tokio::test]
async fn cookies_that_cannot_be_written_are_refused() {
    let server = Echo::start(routes()).await;
    let scenario = Scenario::new("visit", async |vu: &Vu| {
        for (name, value, problem) in [
            ("", "1", "cookie ``"),
            ("a b", "1", "cookie `a b`"),
            ("a", "1;2", "its value has a `;`"),
            ("a", "1\r\n", "characters that are not ASCII"),
        ] {
            let error = vu.get("/").cookie(name, value).send().await.unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
        Ok(())
    });
    run(test(&server, Http::new(), scenario.executor(shared_iterations(1)))).await;
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_vu_that_is_set_up_anew_has_none_of_the_user_before() {
    let server = Echo::start(routes()).await;
    let log_in = async |vu: &Vu| {
        vu.get("/login").send().await?;
        Ok(LoggedIn)
    };
    let scenario = Scenario::with_state("visit", log_in, async |vu: &Vu, _: &mut LoggedIn| {
        vu.cookies().set("/", "cart=1; Path=/")?;
        vu.get("/before").send().await?;
        assert!(vu.own_iteration() != 0, "the journey's own bug");
        Ok(())
    });
    let executor = per_vu_iterations(2);
    let report = test(&server, Http::new(), scenario.executor(executor)).run().await.unwrap();
    assert!(report.errors()[0].first.contains("the journey's own bug"), "{:#?}", report.errors());
    let visit = [("/login", None), ("/before", Some("sid=abc; cart=1"))];
    assert_eq!(came(&server), owned(&[visit, visit].concat()));
}

#[tokio::test]
async fn cookies_of_several_headers_are_joined() {
    let server = Echo::start(routes()).await;
    let scenario = Scenario::new("visit", async |vu: &Vu| {
        vu.cookies().set("/", "jar=1; Path=/")?;
        assert!(vu.cookies().set("/", "a=\u{1}").unwrap_err().to_string().contains("control character"));
        vu.get("/test").send().await?;
        vu.get("/own").header("cookie", "c=1").header("cookie", "d=1").send().await?;
        Ok(())
    });
    let test = test(&server, Http::new(), scenario.executor(shared_iterations(1)));
    run(test.header("cookie", "a=1").header("cookie", "b=1")).await;
    let want = [("/test", Some("a=1; b=1; jar=1")), ("/own", Some("c=1; d=1; jar=1"))];
    assert_eq!(came(&server), owned(&want));
}

#[tokio::test]
async fn a_cookie_without_a_path_is_its_folders_also_where_a_url_writes_the_folder_otherwise() {
    let log_in = any(async || [(SET_COOKIE, "sid=abc")]);
    let server = Echo::start(Router::new().route("/{folder}/login", log_in).fallback(any(async || ""))).await;
    let folders =
        ["plain", "k\u{e4}se", "k%C3%A4se", "{x}", "\"q\"", "a b", "a|b", "a^b", "a`b", "<b>", "%41", "a\\b"];
    let scenario = Scenario::new("visit", async move |vu: &Vu| {
        for folder in folders {
            vu.post(format!("/{folder}/login")).send().await?;
            vu.get(format!("/{folder}/cart?q=1")).send().await?;
            vu.get(format!("/{folder}x/cart")).send().await?;
            vu.get("/elsewhere").send().await?;
            vu.cookies().clear();
        }
        Ok(())
    });
    run(test(&server, Http::new(), scenario.executor(shared_iterations(1)))).await;
    for (folder, came) in folders.into_iter().zip(came(&server).chunks(4)) {
        let cookies: Vec<_> = came.iter().map(|(_, cookie)| cookie.as_deref()).collect();
        assert_eq!(cookies, [None, Some("sid=abc"), None, None], "{folder}: {came:?}");
    }
}
