//! A program whose VUs meet servers that never let them wait, beside one VU that looks at the clock. `FLOODS` says what they do:
//! words such as `send@http://127.0.0.1:8080/`, of which each VU takes one, or `yield@..`, which keeps the core as busy with
//! a request now and then.

use loadcore::prelude::*;
use std::time::Instant;

/// How much longer than asked a VU has slept, in milliseconds.
#[metric]
static LATE: Trend = Trend::new("late");

#[scenario(executor = constant_vus(1, 1h))]
async fn clock(vu: &Vu) -> Result {
    let begun = Instant::now();
    vu.sleep(millis(10)).await;
    LATE.add(vu, (begun.elapsed() - millis(10)).as_secs_f64() * 1e3);
    Ok(())
}

#[scenario(executor = constant_vus(6, 1h))]
async fn flooded(vu: &Vu) -> Result {
    let words: Vec<&str> = vu.env("FLOODS").unwrap_or_default().split(' ').collect();
    let word = words[vu.id() as usize % words.len()];
    let (how, url) = word.split_once('@').unwrap_or((word, ""));
    match how {
        "send" => drop(vu.get(url).timeout(hours(1)).send().await?),
        "stream" => {
            let mut response = vu.get(url).timeout(hours(1)).send_streaming().await?;
            while response.chunk().await?.is_some() {}
        }
        "yield" => {
            vu.get(url).send().await?;
            // A thousand at a time, as an iteration costs more than a turn.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
        }
        _ => return Err(format!("FLOODS has {word}").into()),
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    LoadTest::discovered().discard_response_bodies(true).main()
}
