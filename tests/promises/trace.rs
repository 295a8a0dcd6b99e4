//! Trace context: every request carries a valid `traceparent`; one trace for each iteration, one span for each request.

use std::collections::{HashMap, HashSet};

use loadcore::prelude::*;

use crate::support::{quiet, truth_server};

/// A `traceparent`, taken apart by the rules of the W3C recommendation "Trace Context".
#[derive(Debug)]
struct Traceparent<'a> {
    trace_id: &'a str,
    parent_id: &'a str,
    flags: &'a str,
}

impl<'a> Traceparent<'a> {
    /// Version 00: `version "-" trace-id "-" parent-id "-" trace-flags`, all lowercase hexadecimal and nothing else;
    /// ids of zeros only are invalid.
    fn parse(header: &'a str) -> Result<Self, String> {
        let fields: Vec<&str> = header.split('-').collect();
        let [version, trace_id, parent_id, flags] = fields[..] else {
            return Err(format!("{header}: not four fields"));
        };
        for (field, len) in [(version, 2), (trace_id, 32), (parent_id, 16), (flags, 2)] {
            if field.len() != len || !field.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(format!("{header}: {field} is not {len} lowercase hexadecimal digits"));
            }
        }
        if version != "00" {
            return Err(format!("{header}: version {version} is not the one that there is"));
        }
        if [trace_id, parent_id].iter().any(|id| id.bytes().all(|b| b == b'0')) {
            return Err(format!("{header}: an id of zeros"));
        }
        Ok(Traceparent { trace_id, parent_id, flags })
    }
}

#[test]
fn the_validator_knows_good_from_bad() {
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert!(Traceparent::parse(good).is_ok());
    for bad in [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        &format!("{good},{good}"),
    ] {
        assert!(Traceparent::parse(bad).is_err(), "{bad}");
    }
}

/// A request that tells the server which iteration it belongs to.
async fn ask(vu: &Vu) -> Result {
    let of = format!("{}/{}", vu.scenario(), vu.iteration());
    vu.get("/trace").header("x-vu-iteration", of).send().await?;
    Ok(())
}

#[group]
async fn in_a_group(vu: &Vu) -> Result {
    let (a, b) = tokio::join!(ask(vu), nested(vu));
    a.and(b)
}

#[group]
async fn nested(vu: &Vu) -> Result {
    ask(vu).await
}

async fn five_requests(vu: &Vu) -> Result {
    ask(vu).await?;
    let (a, b) = tokio::join!(in_a_group(vu), ask(vu));
    let _both = (a?, b?);
    vu.group("inline", async |vu: &Vu| ask(vu).await).await
}

#[tokio::test]
async fn ten_thousand_requests_have_valid_unique_spans_and_one_trace_an_iteration() {
    let _quiet = quiet().await;
    let server = truth_server();
    let scenario = |name: &'static str| Scenario::new(name, async |vu: &Vu| five_requests(vu).await);
    let report = LoadTest::new()
        .base_url(server.url())
        .cores(2)
        // One seed must not mean one trace: ids are not drawn from it.
        .seed(1)
        .scenario(scenario("one").executor(shared_iterations(1_000).vus(10)))
        .scenario(scenario("two").executor(per_vu_iterations(100).vus(10)))
        .run()
        .await
        .unwrap();
    assert_eq!(report.errors(), [], "{report}");

    let traces = server.traces().await.unwrap();
    assert_eq!(traces.len(), 10_000);
    let (mut spans, mut trace_of, mut requests_of) = (HashSet::new(), HashMap::new(), HashMap::new());
    for trace in &traces {
        let parent = Traceparent::parse(&trace.traceparent).unwrap();
        assert_eq!(parent.flags, "01");
        assert!(spans.insert(parent.parent_id), "span {} came twice", parent.parent_id);
        let known = trace_of.entry(&trace.iteration).or_insert(parent.trace_id);
        assert_eq!(*known, parent.trace_id, "iteration {} has two traces", trace.iteration);
        *requests_of.entry(&trace.iteration).or_insert(0) += 1;
    }
    assert!(requests_of.len() == 2_000 && requests_of.values().all(|requests| *requests == 5));
    let traces: HashSet<&str> = trace_of.values().copied().collect();
    assert_eq!(traces.len(), 2_000, "two iterations share a trace");
}

#[tokio::test]
async fn two_runs_of_one_seed_share_no_trace() {
    let server = truth_server();
    for _ in 0..2 {
        let scenario = Scenario::new("one", async |vu: &Vu| ask(vu).await);
        let test = LoadTest::new().base_url(server.url()).cores(1).seed(7).scenario(scenario);
        test.run().await.unwrap();
    }
    let traces = server.traces().await.unwrap();
    let [a, b] = [0, 1].map(|run: usize| Traceparent::parse(&traces[run].traceparent).unwrap());
    assert!(a.trace_id != b.trace_id && a.parent_id != b.parent_id, "{a:?} {b:?}");
}

#[tokio::test]
async fn a_traceparent_of_ones_own_wins() {
    const OWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    const DEFAULT: &str = "00-11111111111111111111111111111111-2222222222222222-01";
    let server = truth_server();
    let scenario = Scenario::new("own", async |vu: &Vu| {
        vu.get("/trace").send().await?;
        vu.get("/trace").header("TraceParent", OWN).send().await?;
        Ok(())
    });
    let test = LoadTest::new().base_url(server.url()).scenario(scenario.clone());
    test.run().await.unwrap();
    let test = LoadTest::new().base_url(server.url()).header("traceparent", DEFAULT).scenario(scenario);
    test.run().await.unwrap();
    let received: Vec<String> =
        server.traces().await.unwrap().into_iter().map(|trace| trace.traceparent).collect();
    assert!(Traceparent::parse(&received[0]).is_ok_and(|parent| parent.flags == "01"), "{received:?}");
    assert_eq!(received[1..], [OWN, DEFAULT, OWN]);
}

#[tokio::test]
async fn other_clients_can_join_the_trace() {
    let server = truth_server();
    let scenario = Scenario::new("joined", async |vu: &Vu| {
        vu.get("/trace").send().await?;
        let root = vu.trace();
        vu.get("/trace").header("traceparent", root.traceparent()).send().await?;
        vu.group("inner", async |vu: &Vu| {
            assert_eq!(vu.trace().trace_id, root.trace_id);
            assert_ne!(vu.trace().span_id, root.span_id);
            vu.get("/trace").header("traceparent", vu.trace().traceparent()).send().await?;
            Ok(())
        })
        .await
    });
    let report = LoadTest::new().base_url(server.url()).scenario(scenario).run().await.unwrap();
    assert_eq!(report.errors(), [], "{report}");
    let received = server.traces().await.unwrap();
    let parents: Vec<_> = received.iter().map(|t| Traceparent::parse(&t.traceparent).unwrap()).collect();
    assert_eq!(parents.iter().map(|parent| parent.trace_id).collect::<HashSet<_>>().len(), 1);
    assert_eq!(parents.iter().map(|parent| parent.parent_id).collect::<HashSet<_>>().len(), 3);
}
