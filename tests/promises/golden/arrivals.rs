//! Sections 1 and 2: arrival rates.

use super::{Ran, THIRDS, UNEQUAL, UNEQUAL_CUT, Walk, due_ms, numbers, part, run, share, whole};
use loadcore::plan::{Executor, RampingArrivalRate, Schedule};
use loadcore::prelude::*;
use std::time::Duration;

const NUMBERS: [&[u64]; 3] =
    [&[1, 6, 11, 16, 21], &[0, 2, 4, 5, 7, 9, 10, 12, 14, 15, 17, 19, 20], &[3, 8, 13, 18]];

/// Up to 1/s in 5 s, there for 1 s, and down again in 5 s.
fn hill() -> RampingArrivalRate {
    ramping_arrival_rate([(secs(5), per_sec(1)), (secs(1), per_sec(1)), (secs(5), per_sec(0))])
}

/// 10/s for 1 s, up to 50/s in 1 s, and there for 1 s.
fn base() -> RampingArrivalRate {
    let stages = [(secs(1), per_sec(10)), (secs(1), per_sec(50)), (secs(1), per_sec(50))];
    ramping_arrival_rate(stages).start_rate(per_sec(10)).max_vus(20)
}

pub(super) fn ramping(walk: &mut Walk) {
    walk.enter("1. ramping-arrival-rate");
    for (segment, sequence, want) in [
        ("0:1", "-", &[3162, 4472, 5500, 6527, 7837, 11000][..]),
        ("0:1/3", "-", &[4472, 7837]),
        ("0:1/3", "0,1/3,1", &[4472, 7837]),
        ("1/3:2/3", "-", &[4472, 7837]),
        ("2/3:1", "-", &[4472, 7837]),
        ("0:1/3", THIRDS, &[3162, 6527]),
        ("1/3:2/3", THIRDS, &[4472, 7837]),
    ] {
        walk.row(
            format!("starts of {segment} in {sequence}"),
            due_ms(part(hill(), segment, sequence), 99),
            want.to_vec(),
        );
    }
    let nanos = [3_162_277_660, 4_472_135_954, 5_499_999_999, 6_527_864_045, 7_837_722_339, 11_000_000_000];
    let Schedule::Open(open) = whole(hill()) else { unreachable!() };
    let within = |(due, want): (Duration, u128)| due.as_nanos().abs_diff(want) <= 1;
    let due: Vec<_> = open.arrivals.iter().collect();
    let all = due.len() == nanos.len() && due.into_iter().zip(nanos).all(within);
    walk.row("starts to the nanosecond, within 1", all, true);
    walk.row(
        "the first start is when the area reaches 1, not at 0",
        due_ms(Some(whole(base())), 1),
        vec![100],
    );

    ramping_runs(walk);
    walk.row(
        "VUs for less than one in this segment: nothing to do",
        part(base().max_vus(2), "1/5:2/5", "0,1/5,2/5,1").is_none(),
        true,
    );
    let unit = millis(950);
    let wave = || {
        ramping_arrival_rate([(secs(1), per(20, unit)), (secs(1), per(0, unit))])
            .start_rate(per(0, unit))
            .max_vus(5)
    };
    // Of 21 iterations in all.
    let want = [&NUMBERS[0][..4], NUMBERS[1], NUMBERS[2]];
    for (segment, want) in UNEQUAL.into_iter().zip(want) {
        walk.row(format!("numbers of {segment}"), numbers(wave(), segment, UNEQUAL_CUT), want.to_vec());
    }
    for (before, segment, most) in
        [(1, "0:1/4", 1000), (100, "0:1/4", 1000), (1, "0:1", 4000), (100, "0:1", 4000)]
    {
        let quarters = "0,1/4,1/2,3/4,1";
        let part = part(base().max_vus(4000), segment, if segment == "0:1" { "-" } else { quarters });
        let vus = match part {
            Some(Schedule::Open(open)) => open.max_vus,
            _ => None,
        };
        walk.row(format!("most VUs of {segment}, planned and unplanned together"), vus, Some(most));
        let row = format!("how many of them are planned, when {before} are made in advance");
        walk.elsewhere(row, "VUs are made when they are needed");
    }
}

fn ramping_runs(walk: &mut Walk) {
    let ran = run(base(), |_| Duration::ZERO);
    let in_second = |second: u32| {
        let (from, to) = (secs(second), secs(second + 1));
        // An arrival at a second's very end is that second's.
        ran.iterations.iter().filter(|it| from < it.start && it.start <= to).count()
    };
    let counts = [0, 1, 2].map(in_second);
    let fits = counts
        .iter()
        .zip([(10, 1), (30, 2), (50, 3)])
        .all(|(n, (want, off)): (&usize, (usize, usize))| n.abs_diff(want) <= off);
    walk.row("10, 30 and 50 iterations in seconds 1, 2 and 3, within 1, 2 and 3", fits, true);
    walk.row("no warning", ran.report.generator().is_sound(), true);

    let ran = run(base(), |_| secs(1));
    let busiest = ran.iterations.iter().map(|it| ran.running_at(it.start)).max();
    walk.row("at most 20 VUs with iterations of 1 s", busiest, Some(20));
    walk.row("what they cannot serve makes the generator suspect", ran.report.generator().is_sound(), false);
    walk.elsewhere(
        "the warning's text",
        "texts are our own: the generator's verdict tells of dropped iterations",
    );

    let slow = ramping_arrival_rate([(secs(2) - Duration::from_nanos(1), per_sec(10))]).max_vus(3);
    let (started, _, dropped) = run(slow, |_| secs(1)).counts();
    walk.row("started and dropped when at most 3 VUs are made", started as f64 + dropped, 9.0);

    let steady = ramping_arrival_rate([(secs(2), per_sec(10))]).start_rate(per_sec(10)).max_vus(10);
    let ran = run(steady.graceful_stop(secs(5)), |_| secs(5));
    walk.row("full iterations of 5 s on 10 VUs with a graceful stop of 5 s", ran.counts().1, 10.0);
    let last = ran.iterations.iter().map(|it| it.end).max().unwrap();
    walk.row(
        "VUs that were made, and those active at the end",
        (vus_of(&ran), ran.running_at(last)),
        (10, 0),
    );
}

fn vus_of(ran: &Ran) -> usize {
    let mut vus: Vec<u64> = ran.iterations.iter().map(|it| it.vu).collect();
    vus.sort_unstable();
    vus.dedup();
    vus.len()
}

pub(super) fn constant(walk: &mut Walk) {
    walk.enter("2. constant-arrival-rate");
    let base = || constant_arrival_rate(per_sec(50), secs(5)).max_vus(20);
    for (segment, sequence, recut, first, gaps, offsets) in [
        ("0:1/3", "-", "0,7/20,1", 20, [40, 60, 60, 60, 60, 60, 60], [2, 3, 3, 3, 3, 3, 3]),
        ("1/3:2/3", "-", "0,7/20,7/10,1", 20, [60, 60, 60, 60, 60, 60, 40], [3, 3, 3, 3, 3, 3, 2]),
        ("1/6:3/6", "-", "0,3/20,1/2,1", 20, [40, 80, 40, 80, 40, 80, 40], [2, 4, 2, 4, 2, 4, 2]),
        ("1/6:3/6", "1/6,3/6", "0,3/20,1/2,1", 20, [40, 80, 40, 80, 40, 80, 40], [2, 4, 2, 4, 2, 4, 2]),
        ("0:1/3", THIRDS, "0,7/20,7/10,1", 0, [60, 60, 60, 60, 60, 60, 40], [3, 3, 3, 3, 3, 3, 2]),
    ] {
        let what = format!("{segment} in {sequence}");
        let starts = due_ms(part(base(), segment, sequence), 22);
        let mut want = vec![first];
        want.extend((0..21).scan(first, |at, i| {
            *at += gaps[i % 7];
            Some(*at)
        }));
        walk.row(format!("first start and cyclic gaps of {what}"), starts, want);
        let cut = share(segment, sequence).recut(20).unwrap();
        walk.row(format!("the cut of {what} for 20 VUs"), cut.sequence().to_string(), recut.to_owned());
        let indices: Vec<u64> = cut.indices().take(8).collect();
        let distances: Vec<u64> = indices.windows(2).map(|pair| pair[1] - pair[0]).collect();
        walk.row(
            format!("its first index and offsets, {what}"),
            (indices[0] * 20, distances),
            (u64::try_from(first).unwrap(), offsets.to_vec()),
        );
        walk.row(format!("its period, {what}"), offsets.iter().sum::<u64>(), 20);
    }
    for (segment, sequence, want) in [
        ("0:1/3", "-", [20, 60, 120, 180, 240, 300, 360, 420, 460, 520]),
        ("1/3:2/3", "-", [20, 80, 140, 200, 260, 320, 380, 420, 480, 540]),
        ("1/6:3/6", "-", [20, 60, 140, 180, 260, 300, 380, 420, 460, 540]),
        ("0:1/3", THIRDS, [0, 60, 120, 180, 240, 300, 360, 400, 460, 520]),
    ] {
        walk.row(
            format!("first ten starts of {segment} in {sequence}"),
            due_ms(part(base(), segment, sequence), 10),
            want.to_vec(),
        );
    }
    let ticks: Vec<_> = (0..250).map(|i| i * 20).collect();
    walk.row("start i is at i x unit / rate, the first at 0", due_ms(Some(whole(base())), 999), ticks);

    let (started, completed, dropped) = run(base(), |_| millis(1)).counts();
    walk.row(
        "250 iterations in 5 s, within 2",
        (started.abs_diff(250) <= 2, completed, dropped),
        (true, 250.0, 0.0),
    );
    let scarce = constant_arrival_rate(per_sec(10), millis(950)).max_vus(5).graceful_stop(secs(0));
    let ran = run(scarce, |_| hours(1));
    walk.row("5 blocked VUs: 5 started, 5 dropped", ran.counts(), (5, 0.0, 5.0));
    let reasons = ran.report.generator().reasons.iter().filter(|reason| reason.contains("dropped")).count();
    walk.row("it is told once", reasons, 1);
    walk.elsewhere(
        "the warning's text",
        "texts are our own: the generator's verdict tells of dropped iterations",
    );
    let rate = || Executor::from(constant_arrival_rate(per(20, millis(950)), secs(1)).max_vus(5));
    for (segment, want) in UNEQUAL.into_iter().zip(NUMBERS) {
        walk.row(format!("numbers of {segment}"), numbers(rate(), segment, UNEQUAL_CUT), want.to_vec());
    }
}
