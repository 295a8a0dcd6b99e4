//! Which cookies a jar takes, and to whom it gives them (RFC 6265). Nothing is sent here.

use super::*;
use loadcore::http::CookieJar;

/// Runs this once, with a VU.
async fn with_vu(journey: impl AsyncFn(&Vu) -> Result + Clone + Send + Sync + 'static) {
    let scenario = Scenario::new("jar", async move |vu: &Vu| journey(vu).await);
    run(LoadTest::new().scenario(scenario.executor(shared_iterations(1)))).await;
}

/// What a fresh jar gives to `to` of a cookie that `from` has set.
fn given(vu: &Vu, from: &str, cookie: &str, to: &str) -> Result<Vec<(String, String)>> {
    let jar = vu.new_cookie_jar();
    jar.set(from, cookie)?;
    Ok(jar.for_url(to)?)
}

#[tokio::test]
async fn attributes_say_where_a_cookie_belongs() {
    const SHOP: &str = "http://www.shop.test/a/b?q=1";
    with_vu(async |vu: &Vu| {
        for (from, cookie, to, comes) in [
            // Without a domain it is this host's alone, on all ports.
            (SHOP, "a=1; Path=/", "http://www.shop.test:81/", true),
            (SHOP, "a=1; Path=/", "http://shop.test/", false),
            (SHOP, "a=1; Path=/", "http://x.www.shop.test/", false),
            (SHOP, "a=1; Path=/; Domain=shop.test", "http://shop.test/", true),
            (SHOP, "a=1; Path=/; Domain=.SHOP.test", "http://other.shop.test/", true),
            (SHOP, "a=1; Path=/; Domain=shop.test", "http://workshop.test/", false),
            (SHOP, "a=1; Path=/; Domain=", "http://www.shop.test/", true),
            ("http://127.0.0.1/", "a=1; Domain=127.0.0.1", "http://127.0.0.1:81/", true),
            ("http://[2001:db8::1]:80/", "a=1; Path=/", "http://[2001:db8::1]:81/x", true),
            ("http://[2001:db8::1]/", "a=1; Path=/", "http://[2001:db8::2]/", false),
            // Without a path it is the folder's.
            (SHOP, "a=1", "http://www.shop.test/a/x", true),
            (SHOP, "a=1", "http://www.shop.test/ab", false),
            (SHOP, "a=1", "http://www.shop.test/", false),
            (SHOP, "a=1; Path=/c", "http://www.shop.test/c", true),
            (SHOP, "a=1; Path=/c", "http://www.shop.test/cd", false),
            (SHOP, "a=1; Path=c", "http://www.shop.test/a/", true),
            (SHOP, "a=1; Path=/; Secure", "http://www.shop.test/", false),
            (SHOP, "a=1; Path=/; Secure", "https://www.shop.test/", true),
            ("https://shop.test/", "a=1; secure; httponly", "https://shop.test/", true),
            // As browsers trust this machine.
            ("http://127.0.0.1/", "a=1; Secure", "http://127.0.0.1/", true),
            ("http://[::1]:8080/", "a=1; Secure", "http://[::1]:8080/", true),
            ("http://localhost/", "a=1; Secure", "http://localhost/", true),
            // There is no list of public suffixes, as in k6.
            ("http://shop.co.uk/", "a=1; Domain=co.uk", "http://other.co.uk/", true),
        ] {
            let came = !given(vu, from, cookie, to)?.is_empty();
            assert_eq!(came, comes, "`{cookie}` of {from} to {to}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_cookie_that_is_over_is_forgotten() {
    const URL: &str = "http://shop.test/";
    with_vu(async |vu: &Vu| {
        for (ends, is_over) in [
            ("Max-Age=0", true),
            ("Max-Age=-1", true),
            ("Max-Age=60", false),
            ("Max-Age=99999999999999999999", false),
            ("Max-Age=soon", false),
            ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
            ("Expires=Thursday, 01-Jan-70 00:00:00 GMT", true),
            ("Expires=Thu, 01-Jan-1970 00:00:01 GMT", true),
            ("Expires=Thu Jan  1 00:00:00 1970", true),
            ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", false),
            ("Expires=0", false),
            ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
            ("Max-Age=0; Expires=Fri, 31 Dec 9999 23:59:59 GMT", true),
        ] {
            let jar = vu.new_cookie_jar();
            // Nothing is there to be forgotten, which is no error.
            jar.set(URL, &format!("a=0; {ends}"))?;
            jar.set(URL, "a=1")?;
            jar.set(URL, &format!("a=2; {ends}"))?;
            let left = jar.get(URL, "a")?;
            assert_eq!(left.as_deref(), (!is_over).then_some("2"), "{ends}");
        }
        let jar = vu.new_cookie_jar();
        jar.set(URL, "a=1; Max-Age=1")?;
        assert_eq!(jar.get(URL, "a")?.as_deref(), Some("1"));
        vu.sleep(millis(1100)).await;
        assert_eq!(jar.get(URL, "a")?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn values_are_given_as_they_came() {
    with_vu(async |vu: &Vu| {
        for (cookie, value) in [
            ("a=", ""),
            ("a=b=c", "b=c"),
            ("a=\"x,y\"", "\"x,y\""),
            ("a = 1 ; Path=/", "1"),
            ("a=%20+\u{e9}", "%20+\u{e9}"),
        ] {
            let given = given(vu, "http://shop.test/", cookie, "http://shop.test/")?;
            assert_eq!(given, [("a".to_owned(), value.to_owned())], "{cookie}");
        }
        let jar = vu.new_cookie_jar();
        for cookie in ["b=1", "a=1; Path=/x", "c=1", "b=2"] {
            jar.set("http://shop.test/", cookie)?;
        }
        let names: Vec<_> = jar.for_url("http://shop.test/x")?.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_a_jar_does_not_take_is_told_without_its_value() {
    with_vu(async |vu: &Vu| {
        let jar = vu.new_cookie_jar();
        for (url, cookie, told) in [
            (
                "http://shop.test/",
                "no-cookie",
                "cookie `no-cookie`: this is no cookie; write for example sid=1; Path=/",
            ),
            ("http://shop.test/", "=secret", "cookie ``: this is no cookie; write for example sid=1; Path=/"),
            ("http://shop.test/", "a=secret\n", "cookie `a`: it has a control character"),
            (
                "http://shop.test/",
                "a=secret; Domain=bank.test",
                "cookie `a`: shop.test may not set it for that domain",
            ),
            (
                "http://shop.test/",
                "a=secret; Domain=x.shop.test",
                "cookie `a`: shop.test may not set it for that domain",
            ),
            (
                "http://127.0.0.1/",
                "a=secret; Domain=0.0.1",
                "cookie `a`: 127.0.0.1 may not set it for that domain",
            ),
            ("ftp://shop.test/", "a=secret", "cookie `ftp://shop.test/`: neither http nor https"),
            ("/", "a=secret", "cookie `/`: there is no base URL for this path"),
        ] {
            assert_eq!(jar.set(url, cookie).unwrap_err().to_string(), told);
        }
        assert_eq!(format!("{jar:?}"), "CookieJar { cookies: 0, .. }");
        Ok(())
    })
    .await;
}

#[derive(Default)]
struct Kept(Option<CookieJar>);

#[scenario(executor = per_vu_iterations(3))]
async fn visit_with_a_kept_handle(vu: &Vu, kept: &mut Kept) -> Result {
    let jar = kept.0.get_or_insert_with(|| vu.cookies());
    assert_eq!(jar.for_url("http://shop.test/")?, [], "iteration {}", vu.own_iteration());
    jar.set("http://shop.test/", "a=1")?;
    assert_eq!(vu.cookies().get("http://shop.test/", "a")?.as_deref(), Some("1"));
    Ok(())
}

#[tokio::test]
async fn a_handle_that_is_kept_has_the_cookies_of_the_running_iteration() {
    run(LoadTest::new().scenario(VISIT_WITH_A_KEPT_HANDLE_SCENARIO)).await;
}
