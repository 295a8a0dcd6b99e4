//! A test crate as a user would write it, small and quick: the command line's tests run it as a program.

use loadcore::http::{Dns, Http};
use loadcore::prelude::*;
use loadcore::{Setup, Teardown};

#[data]
static USERS: SharedArray<User> = SharedArray::json("data/users.json");
#[data]
static LINES: SharedArray<City> = SharedArray::jsonl("data/cities.jsonl");
#[data]
static TABLE: SharedArray<City> = SharedArray::csv("data/cities.csv");

/// A row of the data file.
#[derive(Debug, serde::Deserialize)]
struct User {
    email: String,
}

/// A row of the other two.
#[derive(Debug, serde::Deserialize)]
struct City {
    name: String,
    people: u64,
}

#[metric]
static ITEMS: Trend = Trend::new("items");
#[metric]
static STOCK: Gauge = Gauge::new("stock");

#[scenario(executor = shared_iterations(30).vus(3), thresholds = [HTTP_REQ_FAILED.rate() < 0.01])]
async fn browse(vu: &Vu) -> Result {
    let items = look(vu).await?;
    ITEMS.add(vu, items);
    STOCK.set(vu, 7.0);
    check!(vu, { "has a mail address" => USERS.for_vu(vu).email.contains('@') });
    vu.sleep(millis(10)).await;
    Ok(())
}

#[group("Look Around")]
async fn look(vu: &Vu) -> Result<usize> {
    let res = vu.get("/").send().await?;
    Ok(res.bytes().len())
}

/// Is in the middle of a request whenever it is cut.
#[scenario(executor = constant_vus(2, 1s).graceful_stop(0s))]
async fn wait(vu: &Vu) -> Result {
    if std::env::var_os("JOURNEYS_BLOCK").is_some() {
        // Keeps its core from noticing a signal, as only a broken journey does.
        std::thread::sleep(secs(60));
    }
    vu.get("/delay/60000").send().await?;
    Ok(())
}

/// Tells by its checks what it was given from outside.
async fn tell(vu: &Vu) -> Result {
    let key = vu.env("KEY").unwrap_or("nothing");
    check!(vu, { format!("KEY is {key}") => true });
    let echo: serde_json::Value = vu.get("/echo").send().await?.json()?;
    let headers = echo["headers"].as_array().into_iter().flatten();
    let source =
        headers.filter(|header| header[0] == "x-source").map(|header| header[1].as_str().unwrap_or("?"));
    let header = source.collect::<Vec<_>>().join(" and ");
    check!(vu, { format!("x-source is {header}") => true });
    Ok(())
}

/// Does all that can be seen from outside, once.
async fn show(vu: &Vu) -> Result {
    let people = LINES[0].people + TABLE[0].people;
    let body = serde_json::json!({ "city": LINES[0].name, "people": people });
    vu.group("Outer", async |vu: &Vu| {
        vu.post("/echo").bearer_auth("s3cret").query(&[("q", "1")]).json(&body).send().await?;
        vu.group("Inner", async |vu: &Vu| {
            let res = vu.get("/status/404").send().await?;
            check!(vu, { "is found" => res.status() == 200 });
            vu.post("/echo").header("x-odd", "a\tb").send().await?;
            Ok(())
        })
        .await
    })
    .await?;
    Err("the end".into())
}

/// Sends a dozen requests together.
async fn batch(vu: &Vu) -> Result {
    for response in vu.batch((0..12).map(|_| vu.get("/slow"))).await {
        response?;
    }
    Ok(())
}

/// What the program is, by `JOURNEYS_CODE`: the journeys as they stand, or what a test wants to look at.
fn test() -> LoadTest {
    match std::env::var("JOURNEYS_CODE").as_deref() {
        Ok("options") => LoadTest::discovered()
            .base_url("http://code")
            .seed(4)
            .cores(4)
            .max_requests_per_second(4)
            .spin_arrivals(true)
            .http(
                Http::new()
                    .max_redirects(4)
                    .batch(4)
                    .dns(Dns::new().ttl(secs(4)))
                    .host("code.test", "127.0.0.4"),
            )
            .header("user-agent", "code")
            .discard_response_bodies(true)
            .tag("source", "code")
            .threshold(HTTP_REQ_FAILED.rate().below(0.4)),
        Ok("executor") => LoadTest::new().scenario(BROWSE_SCENARIO.executor(constant_vus(1, secs(4)))),
        Ok("default") => LoadTest::new().scenario(Scenario::new("browse", look)),
        Ok("batch") => LoadTest::new().scenario(Scenario::new("batch", batch)),
        Ok("tell") => LoadTest::new().scenario(Scenario::new("tell", tell)),
        Ok("tell-code") => {
            let test = LoadTest::new().scenario(Scenario::new("tell", tell));
            test.env("KEY", "code").header("x-source", "code")
        }
        Ok("show") => LoadTest::new()
            .setup(Setup::new("warm up", async |vu: &Vu| Ok(vu.get("/").send().await?.bytes().len())))
            .scenario(Scenario::new("show", show).executor(constant_vus(5, secs(60))))
            .scenario(BROWSE_SCENARIO)
            .discard_response_bodies(true)
            .threshold(ITERATIONS.count().above(1_000_000)),
        Ok("ramp") => LoadTest::new()
            .setup(Setup::new("catalog", async |vu: &Vu| Ok(vu.id())))
            .teardown(Teardown::new("tidy up", async |_: &Vu| Ok(())))
            .scenario(WAIT_SCENARIO.executor(
                ramping_arrival_rate([(secs(1), per_sec(10)), (secs(1_000), per_sec(10_000))]).max_vus(50),
            ))
            .scenario(
                BROWSE_SCENARIO
                    .executor(ramping_vus([(secs(10), 5), (secs(0), 8), (secs(5), 0)]).start_after(secs(2))),
            ),
        Ok("bad-tag") => LoadTest::discovered().tag("status", "200"),
        Ok("bad-scenario-tag") => LoadTest::new().scenario(BROWSE_SCENARIO.tag("group", "mine")),
        Ok("bad-env") => LoadTest::discovered().env("1st", "no"),
        _ => LoadTest::discovered(),
    }
}

loadcore::main!(test());
