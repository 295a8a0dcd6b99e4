//! One segment of a sequence, and what it owns.

use super::{Segment, SegmentError, Sequence};
use std::sync::Arc;

/// One segment of a sequence: what this machine carries out.
#[derive(Debug, Clone)]
pub struct Share {
    sequence: Arc<Sequence>,
    index: usize,
    /// The slots of the pattern that it owns, in order; never empty.
    owned: Arc<[u64]>,
}

impl Share {
    /// The share of this segment. Without a sequence what lies before and after it are one segment each: enough for one
    /// machine, but several need the same sequence to share a plan exactly.
    ///
    /// # Errors
    /// If the segment is none of the sequence's, or the cut is too fine.
    pub fn new(segment: Segment, sequence: Option<Sequence>) -> Result<Self, SegmentError> {
        let sequence = sequence.map_or_else(|| Sequence::around(segment), Ok)?;
        let index = sequence.segments().iter().position(|known| *known == segment).ok_or_else(|| {
            SegmentError::NotInSequence { segment: segment.to_string(), sequence: sequence.to_string() }
        })?;
        Ok(Self::nth(sequence, index))
    }

    fn nth(sequence: Sequence, index: usize) -> Self {
        let owners = sequence.owners().into_iter().zip(0..);
        let owned = owners.filter(|(owner, _)| *owner == index).map(|(_, slot)| slot).collect();
        Self { sequence: Arc::new(sequence), index, owned }
    }

    /// Everything.
    pub fn whole() -> Self {
        Self::nth(Sequence::default(), 0)
    }

    /// Whether it is everything.
    pub fn is_whole(&self) -> bool {
        self.sequence.segments().len() == 1
    }

    /// How many of the first `n` indices it owns.
    ///
    /// The shares of a sequence sum to `n`, and each grows monotonically with it.
    pub fn scale(&self, n: u64) -> u64 {
        let (full, rest) = (n / self.sequence.slots(), n % self.sequence.slots());
        full * self.owned.len() as u64 + self.owned.partition_point(|slot| *slot < rest) as u64
    }

    /// How much of the whole it is: 1 is everything.
    pub fn fraction(&self) -> f64 {
        self.owned.len() as f64 / self.sequence.slots() as f64
    }

    /// The whole's index of what is this share's `local`-th one, both from 0.
    pub fn global(&self, local: u64) -> u64 {
        let each = self.owned.len() as u64;
        local / each * self.sequence.slots() + self.owned[(local % each) as usize]
    }

    /// The indices that it owns, in order.
    pub fn indices(&self) -> impl Iterator<Item = u64> + use<> {
        let share = self.clone();
        (0..).map(move |local| share.global(local))
    }

    /// The share of what `n` indivisible things carry together, such as the arrivals that `n` VUs serve: in proportion to
    /// how many of them it owns. `None` if it owns none.
    pub fn recut(&self, n: u64) -> Option<Self> {
        let segments = self.sequence.segments().len();
        let scaled = (0..segments).map(|index| Self::nth((*self.sequence).clone(), index).scale(n));
        let scaled: Vec<u64> = scaled.collect();
        if scaled[self.index] == 0 {
            return None;
        }
        let before = scaled[..self.index].iter().filter(|length| **length > 0).count();
        let sequence = Sequence::of_lengths(scaled.into_iter().filter(|length| *length > 0), n).ok()?;
        Some(Self::nth(sequence, before))
    }

    /// The segment that it is.
    pub fn segment(&self) -> Segment {
        self.sequence.segments()[self.index]
    }

    /// The sequence that it is a part of.
    pub fn sequence(&self) -> &Sequence {
        &self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(segment: &str, sequence: &str) -> Share {
        let sequence = (sequence != "-").then(|| sequence.parse().unwrap());
        Share::new(segment.parse().unwrap(), sequence).unwrap()
    }

    /// Start, offsets and period, as the golden tables write them.
    fn stripes(share: &Share) -> (u64, Vec<u64>, u64) {
        let indices: Vec<u64> = share.indices().take(share.owned.len() + 1).collect();
        let offsets = indices.windows(2).map(|pair| pair[1] - pair[0]).collect();
        (indices[0], offsets, share.sequence.slots())
    }

    const A: &str = "0,0.3,0.5,0.6,0.7,0.8,0.9,1";
    const THIRDS: &str = "0,1/3,2/3,1";

    #[test]
    fn golden_stripes() {
        for (sequence, segment, start, offsets, slots) in [
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
            ("-", "0:0.4", 1, &[2, 3], 5),
            ("-", "2/5:4/5", 1, &[3, 2], 5),
        ] {
            let got = stripes(&share(segment, sequence));
            assert_eq!(got, (start, offsets.to_vec(), slots), "{segment} of {sequence}");
        }
    }

    #[test]
    fn golden_scales() {
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
            assert_eq!(share(segment, sequence).scale(n), want, "{n} over {segment} of {sequence}");
        }
        let quarters: [(&str, [u64; 12]); 3] = [
            ("0:1/2", [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]),
            ("1/2:3/4", [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]),
            ("3/4:1", [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3]),
        ];
        for (segment, want) in quarters {
            let share = share(segment, "0,1/2,3/4,1");
            assert_eq!((1..=12).map(|n| share.scale(n)).collect::<Vec<_>>(), want, "{segment}");
        }
    }

    #[test]
    fn golden_equal_splits() {
        for (n, parts, want) in [
            (100, 3, vec![34, 33, 33]),
            (100, 7, vec![15, 15, 14, 14, 14, 14, 14]),
            (1000, 3, vec![334, 333, 333]),
            (1000, 7, vec![143, 143, 143, 143, 143, 143, 142]),
        ] {
            let sequence = Sequence::of_lengths(std::iter::repeat_n(1, parts), parts as u64).unwrap();
            let scaled: Vec<u64> = (0..parts).map(|nth| Share::nth(sequence.clone(), nth).scale(n)).collect();
            assert_eq!(scaled, want);
        }
    }

    #[test]
    fn golden_recuts() {
        let third = share("0:1/3", THIRDS);
        for (n, want) in [(50, 17), (20, 18), (3, 17), (2, 25), (1, 50)] {
            assert_eq!(third.recut(n).unwrap().scale(50), want, "recut for {n}");
        }
        assert!(third.recut(0).is_none());
        assert_eq!(third.recut(20).unwrap().sequence().to_string(), "0,7/20,7/10,1");
        // Constant arrival rates, cut again for 20 VUs.
        for (segment, sequence, start, offsets) in [
            ("0:1/3", "-", 1, [2, 3, 3, 3, 3, 3, 3]),
            ("1/3:2/3", "-", 1, [3, 3, 3, 3, 3, 3, 2]),
            ("1/6:3/6", "-", 1, [2, 4, 2, 4, 2, 4, 2]),
            ("1/6:3/6", "1/6,3/6", 1, [2, 4, 2, 4, 2, 4, 2]),
            ("0:1/3", THIRDS, 0, [3, 3, 3, 3, 3, 3, 2]),
        ] {
            let cut = share(segment, sequence).recut(20).unwrap();
            assert_eq!(stripes(&cut), (start, offsets.to_vec(), 20), "{segment} of {sequence}");
        }
    }

    #[test]
    fn golden_iteration_numbers_of_three_unequal_instances() {
        for (segment, want) in [
            ("0:1/4", vec![1, 6, 11, 16]),
            ("1/4:3/4", vec![0, 2, 4, 5, 7, 9, 10, 12, 14, 15, 17, 19, 20]),
            ("3/4:1", vec![3, 8, 13, 18]),
        ] {
            let cut = share(segment, "0,1/4,3/4,1").recut(5).unwrap();
            assert_eq!(cut.indices().take_while(|index| *index <= 20).collect::<Vec<_>>(), want, "{segment}");
        }
    }

    #[test]
    fn a_segment_that_is_none_of_its_sequence_is_refused() {
        let error = Share::new("0:1/2".parse().unwrap(), Some(THIRDS.parse().unwrap())).unwrap_err();
        assert_eq!(error.to_string(), "the segment 0:1/2 is none of the sequence 0,1/3,2/3,1");
    }

    /// Any sequence: weights that sum to its denominator.
    fn any_sequence() -> impl Strategy<Value = Sequence> {
        prop::collection::vec(1_u64..12, 1..7)
            .prop_map(|weights| Sequence::of_lengths(weights.iter().copied(), weights.iter().sum()).unwrap())
    }

    fn all(sequence: &Sequence) -> Vec<Share> {
        (0..sequence.segments().len()).map(|nth| Share::nth(sequence.clone(), nth)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn every_index_has_exactly_one_owner(sequence in any_sequence(), n in 0_u64..400) {
            let mut owned: Vec<u64> =
                all(&sequence).iter().flat_map(|share| share.indices().take_while(|index| *index < n)).collect();
            owned.sort_unstable();
            prop_assert_eq!(owned, (0..n).collect::<Vec<_>>());
        }

        #[test]
        fn the_parts_sum_to_the_whole_and_are_monotone(sequence in any_sequence(), n in 0_u64..10_000) {
            let shares = all(&sequence);
            prop_assert_eq!(shares.iter().map(|share| share.scale(n)).sum::<u64>(), n);
            for share in &shares {
                let grows = share.scale(n + 1) - share.scale(n);
                prop_assert!(grows <= 1);
                // It counts what the indices say.
                prop_assert_eq!(share.scale(n), share.indices().take_while(|index| *index < n).count() as u64);
            }
        }

        #[test]
        fn recut_shares_partition_too(sequence in any_sequence(), vus in 1_u64..50, n in 0_u64..1_000) {
            let recut = all(&sequence).into_iter().filter_map(|share| share.recut(vus)).collect::<Vec<_>>();
            prop_assert_eq!(recut.iter().map(|share| share.scale(n)).sum::<u64>(), n);
            prop_assert_eq!(recut.iter().map(|share| share.scale(vus)).sum::<u64>(), vus);
        }
    }
}
