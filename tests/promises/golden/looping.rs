//! Section 4, first part: iterations of closed models, and ids.

use super::{UNEQUAL, UNEQUAL_CUT, Walk, numbers, run, share};
use loadcore::prelude::*;
use std::collections::BTreeMap;

pub(super) fn behaviour(walk: &mut Walk) {
    walk.enter("4. shared-iterations, per-vu-iterations, constant-vus: the run");
    let forever = |_| hours(1);
    let shared = || shared_iterations(100).vus(5).max_duration(secs(1));
    walk.row(
        "5 blocked VUs of 100 shared iterations",
        run(shared().graceful_stop(secs(0)), forever).counts(),
        (5, 0.0, 95.0),
    );
    let want: [Vec<u64>; 3] = [
        (0..10).map(|i| 1 + 5 * i).collect(),
        (0..50).filter(|i| [0, 2, 4].contains(&(i % 5))).collect(),
        (0..10).map(|i| 3 + 5 * i).collect(),
    ];
    for (segment, want) in UNEQUAL.into_iter().zip(want) {
        let got = numbers(shared_iterations(50).vus(5), segment, UNEQUAL_CUT);
        walk.row(format!("numbers of {segment} of 50 iterations of 5 VUs"), got, want);
    }
    let per_vu = per_vu_iterations(20).vus(5).max_duration(secs(1)).graceful_stop(secs(0));
    walk.row("5 blocked VUs with 20 iterations each", run(per_vu, forever).counts(), (5, 0.0, 95.0));

    let variable = per_vu_iterations(100).vus(10).max_duration(secs(3)).graceful_stop(secs(1));
    let ran = run(variable, |vu| if vu == 4 { millis(201) } else { millis(1) });
    let mut by_vu: BTreeMap<u64, usize> = BTreeMap::new();
    ran.iterations.iter().for_each(|it| *by_vu.entry(it.vu).or_default() += 1);
    let slow: Vec<_> = ran.iterations.iter().filter(|it| it.vu == 4).collect();
    walk.row("iterations of the VU that takes 201 ms for each", slow.len(), 15);
    let in_time = slow.iter().filter(|it| it.done && it.end < secs(3)).count();
    walk.row(
        "of which so many end within the 3 s, and the last one ends",
        (in_time, slow[14].end),
        (14, millis(3_015)),
    );
    walk.row("the others do all of theirs", by_vu.values().filter(|many| **many == 100).count(), 9);
    walk.row("in all", ran.counts().1, 915.0);

    let ran = run(constant_vus(10, secs(1)).graceful_stop(millis(100)), |_| millis(210));
    let mut by_vu: BTreeMap<u64, usize> = BTreeMap::new();
    ran.iterations.iter().filter(|it| it.done).for_each(|it| *by_vu.entry(it.vu).or_default() += 1);
    walk.row(
        "10 VUs with iterations of 210 ms for 1 s, each",
        by_vu.into_values().collect::<Vec<_>>(),
        vec![5; 10],
    );
    walk.row("in all", ran.counts().1, 50.0);

    let mut ids: Vec<u64> =
        run(constant_vus(7, secs(1)), |_| secs(2)).iterations.iter().map(|it| it.vu).collect();
    ids.sort_unstable();
    walk.row("ids count from 1", ids, (1..=7).collect());
    for (segment, want) in UNEQUAL.into_iter().zip([[2, 6, 10], [1, 3, 5], [4, 8, 12]]) {
        let share = share(segment, UNEQUAL_CUT);
        walk.row(format!("ids of {segment}"), [0, 1, 2].map(|local| share.global(local) + 1), want);
    }
}
