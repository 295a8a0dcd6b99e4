//! Each request's own phases, also on a connection that others use at the same time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadcore::http::Timings;
use testbed::http2::{Act, Http2Server};

use super::*;
use crate::support::{in_some_round, measuring};

/// Answers after 60 ms, and takes 40 ms for the body.
fn slow() -> Vec<Act> {
    vec![Act::Wait(millis(60)), Act::Head, Act::Wait(millis(40)), Act::Last("slow".into())]
}

/// Whether it reads what the server injected, within 1 ms and 5%.
fn is_close(value: Duration, want: u64) -> bool {
    let (least, most) = (millis(want - 1), millis(want) + millis(1) + millis(want) / 20);
    (least..=most).contains(&value)
}

/// The medians of eleven requests one after the other: sending, waiting, receiving, the whole.
async fn medians(vu: &Vu) -> Result<[Duration; 4]> {
    let mut phases = Vec::new();
    for _ in 0..11 {
        phases.push(*vu.get("/").send().await?.timings());
    }
    let median = |of: fn(&Timings) -> Duration| {
        let mut all: Vec<_> = phases.iter().map(of).collect();
        all.sort();
        all[all.len() / 2]
    };
    Ok([median(|t| t.sending), median(|t| t.waiting), median(|t| t.receiving), median(Timings::duration)])
}

#[tokio::test]
async fn phases_are_what_the_server_made_of_them_on_new_and_on_used_connections() {
    let _measuring = measuring().await;
    for reuse in [true, false] {
        in_some_round(async || {
            let server = Http2Server::new([slow()]).start().await.unwrap();
            let read = Arc::<Mutex<[Duration; 4]>>::default();
            let noted = Arc::clone(&read);
            let report = once(&server, http2().no_connection_reuse(!reuse), async move |vu| {
                let medians = medians(vu).await?;
                *noted.lock().unwrap() = medians;
                Ok(())
            });
            sound(&report.await);
            assert_eq!(server.connections() == 1, reuse);
            let [sending, waiting, receiving, whole] = *read.lock().unwrap();
            if sending < millis(2) && is_close(waiting, 60) && is_close(receiving, 40) && is_close(whole, 100)
            {
                return Ok(());
            }
            Err(format!("60 ms and 40 ms: {sending:?}, {waiting:?}, {receiving:?}, {whole:?} in all"))
        })
        .await;
    }
}

#[tokio::test]
async fn what_others_send_and_get_meanwhile_does_not_count() {
    let _measuring = measuring().await;
    let chatter = || Act::answer("x");
    in_some_round(async || {
        let scripts: Vec<_> = [slow()].into_iter().chain((0..1000).map(|_| chatter())).collect();
        let server = Http2Server::new(scripts).start().await.unwrap();
        let read = Arc::<Mutex<Timings>>::default();
        let noted = Arc::clone(&read);
        let report = once(&server, http2(), async move |vu| {
            let chatter = async {
                for _ in 0..40 {
                    vu.sleep(millis(2)).await;
                    assert!(vu.get("/chatter").send().await.is_ok());
                }
            };
            let (slow, ()) = tokio::join!(vu.get("/slow").send(), chatter);
            *noted.lock().unwrap() = *slow?.timings();
            Ok(())
        });
        sound(&report.await);
        assert_eq!(server.connections(), 1);
        // The last chatter comes 80 ms after the beginning: none of that is in the phases before.
        let timings = *read.lock().unwrap();
        if timings.sending < millis(30)
            && (millis(40)..millis(85)).contains(&timings.waiting)
            && (millis(25)..millis(70)).contains(&timings.receiving)
        {
            return Ok(());
        }
        Err(format!("{timings:?}"))
    })
    .await;
}
