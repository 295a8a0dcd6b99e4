//! One segment of a sequence, and what it owns.

use super::{Segment, SegmentError, Sequence};
use std::sync::Arc;

/// One segment of a sequence: what this machine carries out.
///
/// ```
/// use loadcore::plan::{Executor, Schedule, Share, constant_vus, secs};
///
/// let second = Share::new("1/3:2/3".parse()?, Some("0,1/3,2/3,1".parse()?))?;
/// assert_eq!(second.scale(100), 33); // of 100 VUs
/// assert_eq!(second.indices().take(3).collect::<Vec<_>>(), [1, 4, 7]);
///
/// let whole = Executor::from(constant_vus(100, secs(60))).schedule()?;
/// let Some(Schedule::Closed(part)) = whole.for_share(&second) else { panic!() };
/// assert_eq!(part.max_vus(), 33);
/// # Ok::<(), loadcore::Error>(())
/// ```
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
        let scaled = self.sequence.scale(n);
        if scaled[self.index] == 0 {
            return None;
        }
        let before = scaled[..self.index].iter().filter(|length| **length > 0).count();
        let lengths = scaled.into_iter().filter(|length| *length > 0);
        match Sequence::of_lengths(lengths, n) {
            Ok(sequence) => Some(Self::nth(sequence, before)),
            // Things by the million are divided in proportion as they are; and no share of the sequence can cut anew.
            Err(_) => Some(self.clone()),
        }
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

    const THIRDS: &str = "0,1/3,2/3,1";

    #[test]
    fn millions_of_vus_need_no_cut() {
        let thirds =
            ["0:1/3", "1/3:2/3", "2/3:1"].map(|third| share(third, THIRDS).recut(2_000_000).unwrap());
        assert_eq!(thirds.each_ref().map(|third| third.scale(2_000_000)), [666_667, 666_667, 666_666]);
        assert_eq!(thirds.each_ref().map(|third| third.scale(100)).iter().sum::<u64>(), 100);
    }

    #[test]
    fn a_thousand_machines_know_their_shares_at_once() {
        let machines = Sequence::of_lengths(std::iter::repeat_n(1, 1_000), 1_000).unwrap();
        let began = std::time::Instant::now();
        let last = Share::nth(machines, 999).recut(3_000).unwrap();
        assert_eq!((last.scale(3_000), last.fraction().recip()), (3, 1_000.0));
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
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
        fn recut_shares_partition_too(sequence in any_sequence(), vus in 1_u64..50, n in 0_u64..1_000) {
            let recut = all(&sequence).into_iter().filter_map(|share| share.recut(vus)).collect::<Vec<_>>();
            prop_assert_eq!(recut.iter().map(|share| share.scale(n)).sum::<u64>(), n);
            prop_assert_eq!(recut.iter().map(|share| share.scale(vus)).sum::<u64>(), vus);
        }
    }
}
