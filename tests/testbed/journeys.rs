//! A test crate as a user would write it, small and quick: the command line's tests run it as a program.

use loadcore::prelude::*;

#[data]
static USERS: SharedArray<User> = SharedArray::json("data/users.json");

/// A row of the data file.
#[derive(Debug, serde::Deserialize)]
struct User {
    email: String,
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

loadcore::main!();
