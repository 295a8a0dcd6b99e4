//! Whoever drops a run's future stops its load.

use std::time::{Duration, Instant};

use loadcore::prelude::*;

use crate::support::{is_alone, quiet, settled, truth_server};

/// This process's threads that belong to a load generator, by name.
fn generator_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("loadcore")).map(|name| name.trim().to_owned()).collect()
}

#[tokio::test]
async fn dropping_the_future_ends_the_load_and_its_threads_soon() {
    let _quiet = quiet().await;
    if !is_alone("faults::stop::dropping_the_future_ends_the_load_and_its_threads_soon") {
        return;
    }
    let server = truth_server();
    let endless = Scenario::new("endless", async |vu: &Vu| {
        vu.get("/delay/1").send().await?;
        Ok(())
    });
    let waiting = Scenario::new("waiting", async |vu: &Vu| {
        vu.get("/delay/60000").send().await?;
        Ok(())
    });
    let test = LoadTest::new()
        .base_url(server.url())
        .cores(2)
        .scenario(endless.executor(constant_vus(4, mins(10))))
        .scenario(waiting.executor(constant_vus(4, mins(10))));
    let mut run = Box::pin(test.run());
    assert!(tokio::time::timeout(millis(700), &mut run).await.is_err(), "the run ended by itself");
    let names = generator_threads();
    assert_eq!(names.len(), 3, "a control thread and two cores: {names:?}");
    drop(run);
    let dropped = Instant::now();

    while !generator_threads().is_empty() {
        assert!(dropped.elapsed() < Duration::from_secs(1), "still there: {:?}", generator_threads());
        tokio::time::sleep(millis(5)).await;
    }
    println!("all threads gone after {:?}", dropped.elapsed());
    let then = settled(&server).await;
    assert!(then.requests > 100, "{then:?}");
    tokio::time::sleep(millis(500)).await;
    assert_eq!(server.stats().await.unwrap(), then);
}
