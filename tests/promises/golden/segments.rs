//! Sections 5 and 6: segments, sequences, and the indices that they own.

use super::{THIRDS, Walk, share, text};
use loadcore::plan::{Segment, Sequence, Share};

fn segment(text: &str) -> Segment {
    text.parse().unwrap()
}

fn all_of(sequence: &str) -> Vec<Share> {
    let sequence: Sequence = sequence.parse().unwrap();
    let of = |segment: &Segment| Share::new(*segment, Some(sequence.clone())).unwrap();
    sequence.segments().iter().map(of).collect()
}

pub(super) fn read_and_cut(walk: &mut Walk) {
    walk.enter("5. segments and sequences");
    for (written, want) in [
        ("0:1", "0:1"),
        ("0.5:0.75", "1/2:3/4"),
        ("1/2:3/4", "1/2:3/4"),
        ("50%:75%", "1/2:3/4"),
        ("2/4:75%", "1/2:3/4"),
        ("75%", "0:3/4"),
    ] {
        walk.row(
            format!("segment {written}"),
            written.parse::<Segment>().map(|it| text(&it)).ok(),
            Some(want.to_owned()),
        );
    }
    for written in
        ["125%", "1a5%", "1a5", "1a5%:2/3", "125%:250%", "55%:50%", "-1/2:1", "1/2:3/2", "1/2:1/2", "2/3:1/3"]
    {
        walk.row(format!("refused: segment {written}"), written.parse::<Segment>().is_err(), true);
    }
    for (whole, n, want) in [
        ("0:1", 1, "0:1"),
        ("0:1", 2, "0:1/2 1/2:1"),
        ("0:1", 3, "0:1/3 1/3:2/3 2/3:1"),
        ("1/4:1/2", 2, "1/4:3/8 3/8:1/2"),
        ("1/4:1/2", 3, "1/4:1/3 1/3:5/12 5/12:1/2"),
        ("1/4:1/2", 4, "1/4:5/16 5/16:3/8 3/8:7/16 7/16:1/2"),
    ] {
        let parts: Vec<_> = segment(whole).split(n).unwrap().iter().map(text).collect();
        walk.row(format!("{whole} in {n} parts"), parts.join(" "), want.to_owned());
    }
    walk.row("refused: no parts", Segment::WHOLE.split(0).is_err(), true);
    walk.elsewhere("-1 parts", "the number is unsigned: a negative one does not compile");
    let part = segment("1/2:1").part(segment("0:1/2")).map(|it| text(&it));
    walk.row("the part 0:1/2 of 1/2:1", part.ok(), Some("1/2:3/4".to_owned()));
    for written in ["0.5", "1,1", "-0.5,1", "1/2,1/2", "1/2,1/3", "0,1,1/2"] {
        walk.row(format!("refused: sequence {written}"), written.parse::<Sequence>().is_err(), true);
    }
    for written in ["0.5,1", "1/3,2/3", THIRDS, "0,1/13,2/13,1/3,1/2,3/4,1"] {
        walk.row(format!("sequence {written}"), written.parse::<Sequence>().is_ok(), true);
    }
    scale(walk);
}

fn scale(walk: &mut Walk) {
    for quarter in ["0:0.25", "0.25:0.5", "0.5:0.75", "0.75:1"] {
        let because = "it is the older rule that rounds positions; executors use the striped one";
        walk.elsewhere(format!("2 and 3 over {quarter} alone"), because);
    }
    for (segment, sequence, n, want) in [
        ("0:0.5", "-", 2, 1),
        ("0:0.5", "-", 3, 2),
        ("0.5:1", "-", 2, 1),
        ("0.5:1", "-", 3, 1),
        ("0:7/20", "0,7/20,7/10,1", 50, 18),
        ("0:1/3", THIRDS, 50, 17),
        ("0:1/3", THIRDS, 3, 1),
        ("0:1/3", THIRDS, 2, 1),
        ("0:1/3", THIRDS, 1, 1),
        ("0:1/3", THIRDS, 0, 0),
    ] {
        walk.row(format!("{n} over {segment} in {sequence}"), share(segment, sequence).scale(n), want);
    }
    let thirds = all_of(THIRDS);
    let recut = thirds[0].recut(20).unwrap();
    walk.row("thirds cut for 20", recut.sequence().to_string(), "0,7/20,7/10,1".to_owned());
    walk.row("their VUs", thirds.iter().map(|third| third.scale(20)).collect::<Vec<_>>(), vec![7, 7, 6]);
    for (n, want) in [(50, 17), (20, 18), (3, 17), (2, 25), (1, 50)] {
        let got = thirds[0].recut(n).map(|recut| recut.scale(50));
        walk.row(format!("50 over the first third, cut for {n}"), got, Some(want));
    }
    walk.row("cut for 0: nothing to do", thirds[0].recut(0).is_none(), true);
}

pub(super) fn stripes(walk: &mut Walk) {
    walk.enter("6. the indices that a segment owns");
    const A: &str = "0,0.3,0.5,0.6,0.7,0.8,0.9,1";
    for (sequence, segment, start, offsets, period) in [
        (A, "0:0.3", 0, &[4, 3, 3][..], 10),
        (A, "0.3:0.5", 1, &[4, 6], 10),
        (A, "0.5:0.6", 2, &[10], 10),
        (A, "0.6:0.7", 3, &[10], 10),
        (A, "0.8:0.9", 8, &[10], 10),
        (A, "0.9:1", 9, &[10], 10),
        ("0,0.2,0.5", "0:0.2", 3, &[6, 4], 10),
        ("0,0.2,0.5", "0.2:0.5", 1, &[4, 2, 4], 10),
        ("0,2/5,4/5", "0:2/5", 0, &[3, 2], 5),
        ("0,2/5,4/5", "2/5:4/5", 1, &[3, 2], 5),
        ("-", "0:0.2", 1, &[5], 5),
        ("-", "0:1/5", 1, &[5], 5),
        ("-", "0:2/10", 1, &[5], 5),
        ("-", "0:0.4", 1, &[2, 3], 5),
        ("-", "2/5:4/5", 1, &[3, 2], 5),
    ] {
        let owned: Vec<u64> = share(segment, sequence).indices().take(60).collect();
        let distances: Vec<u64> = owned.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let want: Vec<u64> = offsets.iter().copied().cycle().take(distances.len()).collect();
        walk.row(
            format!("start and offsets of {segment} in {sequence}"),
            (owned[0], distances),
            (start, want),
        );
        walk.row("its period", offsets.iter().sum::<u64>(), period);
    }
    for (sequence, want) in
        [(A, 10), ("0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1", 10), ("0,1/3,5/6", 6), ("0,1/3,4/7", 21)]
    {
        walk.row(format!("the owners of {sequence} repeat after"), period(sequence), want);
    }
    indexed(walk);
    for (segment, want) in [
        ("0:1/2", [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]),
        ("1/2:3/4", [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]),
        ("3/4:1", [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3]),
    ] {
        let share = share(segment, "0,1/2,3/4,1");
        let got = std::array::from_fn(|i| share.scale(i as u64 + 1));
        walk.row(format!("1 to 12 over {segment}"), got, want);
    }
    for (n, parts, want) in [
        (100, 3, vec![34, 33, 33]),
        (100, 7, vec![15, 15, 14, 14, 14, 14, 14]),
        (1_000, 3, vec![334, 333, 333]),
        (1_000, 7, vec![143, 143, 143, 143, 143, 143, 142]),
    ] {
        let points: Vec<String> = (0..=parts).map(|i| format!("{i}/{parts}")).collect();
        let got: Vec<u64> = all_of(&points.join(",")).iter().map(|share| share.scale(n)).collect();
        walk.row(format!("{n} over {parts} equal parts"), got, want);
    }
}

/// After how many indices the owners of a sequence repeat.
fn period(sequence: &str) -> usize {
    let shares = all_of(sequence);
    let owner = |index: u64| shares.iter().position(|share| share.scale(index + 1) > share.scale(index));
    let owners: Vec<_> = (0..200).map(owner).collect();
    (1..100).find(|period| owners.iter().zip(&owners[*period..]).all(|(a, b)| a == b)).unwrap()
}

/// The walk through a segment's indices: forward, and to where others are.
fn indexed(walk: &mut Walk) {
    // It owns indices 1 and 5 of each 7.
    let share = share("4/7:6/7", "0,4/7,6/7,1");
    let forward: Vec<(u64, u64)> = (0..3).map(|local| (local + 1, share.global(local) + 1)).collect();
    walk.row("the first three of a segment with offsets 4 and 3", forward, vec![(1, 2), (2, 6), (3, 9)]);
    for (to, want) in [(6, (2, 6)), (5, (1, 2)), (7, (2, 6)), (8, (2, 6)), (9, (3, 9))] {
        let local = share.scale(to);
        walk.row(format!("its last one up to {to}"), (local, share.global(local - 1) + 1), want);
    }
}
