//! A program whose setup and teardown do what its tests tell them: each says on standard output that it ran.

use loadcore::prelude::*;

/// What to do where.
fn told(place: &str) -> Option<String> {
    std::env::var(place).ok()
}

async fn act(vu: &Vu, place: &str) -> Result {
    println!("{place} begins");
    match told(place).as_deref() {
        Some("hang") => vu.sleep(hours(1)).await,
        Some("block") => std::thread::sleep(secs(10)),
        Some("slow") => vu.sleep(millis(600)).await,
        Some("abort") => Err(vu.abort_test(format!("{place} was told to abort")))?,
        Some("fail-test") => vu.fail_test(format!("{place} was told to fail the test")),
        Some("fail") => Err(format!("{place} was told to fail"))?,
        Some("panic") => panic!("{place} was told to panic"),
        _ => {}
    }
    println!("{place} ends");
    Ok(())
}

struct Ready;

#[setup]
async fn prepare(vu: &Vu) -> Result<Ready> {
    act(vu, "SETUP").await?;
    Ok(Ready)
}

#[teardown]
async fn clear(vu: &Vu, _ready: &Ready) -> Result {
    act(vu, "TEARDOWN").await
}

#[scenario(executor = constant_vus(2, 1s))]
async fn work(vu: &Vu, _ready: &Ready) -> Result {
    vu.sleep(millis(100)).await;
    match told("WORK").as_deref() {
        Some("hang") => vu.sleep(hours(1)).await,
        Some("block") => std::thread::sleep(secs(10)),
        Some("abort") => Err(vu.abort_test("WORK was told to abort"))?,
        Some("fail-test") => vu.fail_test("WORK was told to fail the test"),
        _ => {}
    }
    Ok(())
}

loadcore::main!(LoadTest::discovered().setup_timeout(secs(1)).teardown_timeout(secs(1)));
